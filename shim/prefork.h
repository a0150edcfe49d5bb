/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_PREFORK_H
#define SHIM_PREFORK_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The compiler as a child, forked before it is known that it is needed: with
 * its pipes set up it waits at a gate.  The gate lets it start; without us,
 * or when the gate is closed, it ends having done nothing.  The compiler
 * inherits none of our descriptors but the two pipes.  Threads: owner.
 */
struct prefork {
	pid_t pid;
	int gate; /* -1: it was let go */
	int out;  /* what it says; -1: closed */
	int err;
};

/*
 * Forks the child for PROGRAM (NULL: ARGV[0]), ARGV and ENV.  HELD: it waits
 * for prefork_open, else it starts at once.  0: prefork_wait or prefork_drop
 * is owed; or -errno: nothing was started, nothing was said.
 */
int prefork_start(struct prefork *p, const char *program, char *const *argv,
		  char *const *env, bool held);

/* Lets it go.  A child that was killed at its gate shows in its status. */
void prefork_open(struct prefork *p);

/* Waits for its end.  0 and *STATUS as wait(2) gives it; or -errno. */
int prefork_wait(struct prefork *p, int *status);

/* It is not needed: ends it and waits for that. */
void prefork_drop(struct prefork *p);

#endif
