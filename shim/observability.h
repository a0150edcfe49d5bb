/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_OBSERVABILITY_H
#define SHIM_OBSERVABILITY_H

#include <stdbool.h>
#include <stddef.h>

struct invocation;
struct trace;

/* What the programs that ran may have used without leaving a trace of it. */
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

/* Finds out to whom the programs of T belong, from the directories of J, and
 * drops what well-known ones do each time they run. Call it once, first. */
void observability_prepare(struct invocation *j, struct trace *t);

/*
 * Whether the observer could see everything that ran. Classifies each program
 * and library once and remembers the answer in ids/ by path, place and stat.
 * True: *OUT is filled, and the caller owes observability_release. False:
 * REASON says what was not seen, *OUT is untouched. Call it before
 * derive_inputs, which makes input items of *OUT.
 */
bool observability_for(struct invocation *j, const struct trace *t,
		       struct observability *out, char *reason, size_t room);
void observability_release(struct observability *v);

#endif
