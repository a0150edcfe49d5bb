/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_EXEC_PROBE_H
#define DAEMON_EXEC_PROBE_H

#include <stdint.h>
#include <sys/types.h>

/* Tests whether a program can be started at all: it is run with --version and
 * must exit with status 0 within 5 s. Threads: owner. */
struct exec_probe {
	pid_t pid; /* 0: none is under way */
	int64_t by;
};

/* NOW: monotonic ns.  0, and exec_probe_look is owed; or -errno. */
int exec_probe_start(struct exec_probe *t, const char *program, int64_t now);

/* Does not wait. 0: it can be started; ERR_BUSY: not known yet; -ENOEXEC: it
 * cannot, and what was still running was killed. */
int exec_probe_look(struct exec_probe *t, int64_t now);

#endif
