/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_PREFORK_H
#define SHIM_PREFORK_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Forks the compiler before it is known to be needed. The child sets up its
 * pipes and waits at a gate. Opening the gate lets it start; if the gate
 * closes, or we die, it exits without having done anything. The compiler
 * inherits none of our descriptors except the two pipes. Threads: owner.
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

/* Opens the gate. A child that was killed while waiting shows in its status. */
void prefork_open(struct prefork *p);

/* Waits for the child. 0 and *STATUS as wait(2) gives it, or -errno. */
int prefork_wait(struct prefork *p, int *status);

/* Ends a child that is not needed, and waits for it. */
void prefork_drop(struct prefork *p);

#endif
