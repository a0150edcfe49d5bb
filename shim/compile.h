/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_COMPILE_H
#define SHIM_COMPILE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/kind.h"        /* allow: value */
#include "shim/observation.h" /* allow: value */
#include "shim/prefork.h"     /* allow: value */
#include "shim/run.h"         /* allow: value */

struct invocation;

/*
 * Runs the compiler or the build script's program under the observer.  What
 * was compiled under names of ours and is not believed (shim/name_check) runs
 * once more under its real names.  Threads: one.
 */
struct compile {
	struct invocation *job;
	struct observation watched;
	struct command command;
	bool ready; /* all of the above is there */
	bool held;  /* a child waits at its gate */
	struct prefork child;

	/* Noted right before it ran: */
	unsigned state;    /* directories of incremental state */
	bool was_empty;    /* --out-dir or OUT_DIR */
	uint32_t out_mode; /* its mode; 0: it was not there */

	struct run runs[2];
	struct run *run;   /* the one that counts */
	const char *doubt; /* why the first one is not believed, or NULL */
};

/* Makes ready what the child needs; nothing of it can change any more.  0, or
 * a code with a word for it in *WHY. */
int compile_prepare(struct compile *c, const char **why);

/* Prepares and forks the child, which waits until compile_run: the time until
 * then is not lost.  Without it compile_run forks. */
void compile_hold(struct compile *c);

/* It is not to run, or not with these names. */
void compile_drop(struct compile *c);

/*
 * Runs it to its end; says what it says.  NULL: C->run has its end and the
 * observation file is there until compile_drop.  Else a word: nothing was
 * run, or it must run again, unobserved, for the user to see what it says;
 * everything is dropped.
 */
const char *compile_run(struct compile *c);

/* Whether C ran with incremental state that an earlier compile left. */
bool compile_had_state(const struct compile *c);

#endif
