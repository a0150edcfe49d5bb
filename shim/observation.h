/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_OBSERVATION_H
#define SHIM_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

struct invocation;

/*
 * The observer's side of a child process: its library, its file, the child's
 * environment and times. Used for compiles and build script runs. Threads: one.
 */
struct observation {
	char observer[4200]; /* the library */
	char trace[4200];    /* the observation file; "" without one */
	char *vars[2];
	char **env; /* ours and the two variables */

	int64_t offset, begun; /* private */
	int64_t started;       /* wall clock that file systems stamp with */
	bool stepped;          /* the wall clock was set meanwhile */
};

/* 0, or -errno with a word for it in *WHY. A file that was created still has to
 * be forgotten. Memory is left to exit. */
int observation_prepare(struct invocation *j, struct observation *w,
			const char **why);

/* Call these right before and after the child's life. The end returns
 * microseconds. */
void observation_begin(struct observation *w);
uint64_t observation_end(struct observation *w);

/* Whether the loader gave up before the child's first instruction: whatever is
 * wrong with our library, the build must not notice. */
bool observation_never_started(const struct observation *w);

/* Removes the observation file. */
void observation_forget(struct observation *w);

#endif
