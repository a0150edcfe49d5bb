/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include <stddef.h>

struct buf;

/*
 * Runs a program of the user's and takes what it prints.  It gets nothing of
 * ours but the environment: standard input and error are /dev/null, all other
 * descriptors closed, all signals as usual, a process group of its own, which
 * is killed at the end, whatever it left behind.  Not in the shim.  Threads:
 * any; nobody else may wait for children of any kind.
 */
struct spawn {
	char *const *argv; /* [0] is looked up in PATH */
	size_t max;        /* bytes of output; more is ERR_TOOBIG */
	int timeout_ms;    /* for everything, else ERR_TIMEOUT */
	int stop_fd;       /* readable: -ECANCELED; -1: none */
};

/* 0: it ended, *STATUS is as waitpid(2) says, OUT has its output appended; or
 * an error as above, or -errno: it could not be started. */
int spawn_run(const struct spawn *s, struct buf *out, int *status);

#endif
