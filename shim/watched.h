/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_WATCHED_H
#define SHIM_WATCHED_H

#include <stdbool.h>
#include <stdint.h>

struct job;

/*
 * What a child that is to be observed needs, and what its time tells: shared
 * by compiles and build script runs.  Threads: one.
 */
struct watched {
	char observer[4200]; /* the library */
	char trace[4200];    /* the observation file; "" without one */
	char *vars[2];
	char **env; /* ours and the two variables */

	int64_t offset, begun; /* private */
	int64_t started;       /* wall clock that file systems stamp with */
	bool stepped;          /* the wall clock was set meanwhile */
};

/* 0, or -errno with a word for it in *WHY; a file it made stays to be
 * forgotten.  What is allocated is left to exit. */
int watched_prepare(struct job *j, struct watched *w, const char **why);

/* Around the child's life.  The end gives microseconds. */
void watched_begin(struct watched *w);
uint64_t watched_end(struct watched *w);

/* The loader gave up before the child's first instruction: whatever is wrong
 * with our library, the build must not notice. */
bool watched_never_started(const struct watched *w);

/* Removes the observation file. */
void watched_forget(struct watched *w);

#endif
