/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_VOUCH_H
#define SHIM_VOUCH_H

#include <stdbool.h>
#include <stddef.h>

struct job;
struct trace;

/* What those that ran may have taken in without a trace of it. */
struct vouched {
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
void vouch_prepare(struct job *j, struct trace *t);

/*
 * Whether everything that ran in a compile or a run could be seen by the
 * observer: classifies each program and library once a file and remembers the
 * answer in ids/ by path, place and stat.  True: *OUT is filled and the caller
 * owes vouch_release.  False: REASON says what was not seen, *OUT is untouched.
 * To be asked before learn_shape, which makes items of *OUT.
 */
bool vouch_for(struct job *j, const struct trace *t, struct vouched *out,
	       char *reason, size_t room);
void vouch_release(struct vouched *v);

#endif
