/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include <stddef.h>

struct buf;

/*
 * Runs a program and collects what it prints.  The program inherits nothing
 * but the environment: its standard input and error are /dev/null, all other
 * descriptors are closed, all signals have their default action, and its
 * process group is its own and is killed at the end with all that is left in
 * it.  Not for the shim.  Threads: any; nobody else may wait for children of
 * any kind.
 */
struct spawn {
	char *const *argv; /* [0] is looked up in PATH */
	size_t max;        /* bytes of output; more is ERR_TOOBIG */
	int timeout_ms;    /* for everything, else ERR_TIMEOUT */
	int stop_fd;       /* readable: -ECANCELED; -1: none */
};

/* 0: the program ended, *STATUS is what waitpid(2) says, and its output was
 * appended to OUT; an error as above; or -errno if it could not be started. */
int spawn_run(const struct spawn *s, struct buf *out, int *status);

#endif
