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
 * Runs a child and passes on its output line by line as it comes (cargo starts
 * dependents on the .rmeta line), with remapped paths turned back into local
 * ones. Keeps the output in neutral form, and the announced outputs separately.
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

/*
 * 0: it ran, STATUS says how it ended, and all of its output was passed on.
 * -errno: it did not start, or, with LOST, its output could not be read or
 * written. Executing it once more in our place then shows the user what belongs
 * there. In any case a CHILD was let go and waited for.
 */
int run_compiler(struct run *r);

/* Passes on the errors that were held back. */
void run_release(struct run *r);

/*
 * Ends this process as the child ended: with its exit status, or by its signal.
 */
void run_end(int status) __attribute__((noreturn));

/* The status as a shell would give it. */
int run_code(int status);

#endif
