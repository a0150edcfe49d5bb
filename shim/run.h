/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RUN_H
#define SHIM_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"      /* allow: value */
#include "shim/compiler.h" /* allow: value */

struct prefork;
struct roots;

/*
 * Runs the compiler as a child and passes on what it says, line by line as
 * it comes (cargo starts dependents on the .rmeta line), with our remap
 * targets turned back into local paths.  What it said is kept in neutral
 * form, its announced outputs apart.
 */
enum { RUN_OUTPUTS_MAX = 16 };

struct run {
	const char *program; /* to execute; NULL: argv[0] */
	char *const *argv;   /* whole command line, NULL at the end */
	char *const *env;
	const struct roots *roots;
	struct prefork *child; /* of these words, at its gate; or NULL */
	bool plain;            /* no compiler: nothing is an announcement */
	/*
	 * NULL, or: it runs under names of ours, and its errors are held back
	 * until run_release.  Called before cargo hears of the metadata, for
	 * dependents start on that: false, and from then on nothing is passed
	 * on, for the result is not believed.
	 */
	bool (*believed)(struct run *r, void *ctx);
	void *ctx;
	/* NULL, or an earlier run of the same unit: what it passed on is not
	 * said again. */
	struct run *before;
	/* out: */
	int status; /* as wait(2) gives it */
	struct announcement out[RUN_OUTPUTS_MAX];
	size_t nout;
	bool overflow; /* more than can be kept */
	bool lost;     /* something it said did not arrive */
	struct buf out_text;
	struct buf err_text;
	bool committed;     /* what was passed on cannot be taken back */
	bool disbelieved;   /* BELIEVED said so */
	unsigned errors[4]; /* by enum naming_line */
	struct buf held;    /* private */
	struct buf said[2]; /* private: lines passed on, out and err */
};

/* 0: it ran, see status, and all it said was passed on.  -errno: it did not
 * start, or, with LOST, what it said could not be read or written: whoever
 * runs it once more, in our place, gives the user what belongs there.  A CHILD
 * was let go and waited for in any case. */
int run_compiler(struct run *r);

/* Passes on what was held back. */
void run_release(struct run *r);

/* Ends as the child did: its exit status, or death by its signal. */
void run_end(int status) __attribute__((noreturn));

/* The status as a shell would give it. */
int run_code(int status);

#endif
