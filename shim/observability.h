/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_OBSERVABILITY_H
#define SHIM_OBSERVABILITY_H

#include <stdbool.h>
#include <stddef.h>

struct invocation;
struct trace;

/* What those that ran may have taken in without a trace of it. */
struct observability {
	bool iterates; /* the environment as a whole */
	bool foreign;  /* the same, and by a program or a macro that is not the
			* system's: no shell, say */
	bool cc;       /* variables whose names the crate cc looks for */
	bool cpu;      /* the CPU's kind */
	bool cpus;     /* how many of them */
	bool host;     /* names of the machine, its kernel and users */
	/* Owned: of each process which attributes of files it makes use of
	 * (key/attributes); of a compiler's, its macros. */
	unsigned char *uses;
};

/*
 * Finds out whose the programs of T are, by the directories of J, and drops
 * what well-known ones do each time they run.  To be called once, first.
 */
void observability_prepare(struct invocation *j, struct trace *t);

/*
 * Whether everything that ran in a compile or a run could be seen by the
 * observer: classifies each program and library once a file and remembers the
 * answer in ids/ by path, place and stat.  True: *OUT is filled and the caller
 * owes observability_release.  False: REASON says what was not seen, *OUT is
 * untouched.  To be asked before derive_shape, which makes items of *OUT.
 */
bool observability_for(struct invocation *j, const struct trace *t,
		       struct observability *out, char *reason, size_t room);
void observability_release(struct observability *v);

#endif
