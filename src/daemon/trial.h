/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TRIAL_H
#define DAEMON_TRIAL_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Whether a program can be started at all: it is run with --version, and must
 * end with status 0 within 5 s.  Threads: owner.
 */
struct trial {
	pid_t pid; /* 0: none is under way */
	int64_t by;
};

/* NOW: monotonic ns.  0, and trial_look is owed; or -errno. */
int trial_start(struct trial *t, const char *program, int64_t now);

/* Does not wait.  0: it can; ERR_BUSY: not known yet; -ENOEXEC: it cannot,
 * and what still ran is ended. */
int trial_look(struct trial *t, int64_t now);

#endif
