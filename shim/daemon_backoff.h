/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_DAEMON_BACKOFF_H
#define SHIM_DAEMON_BACKOFF_H

#include <stdint.h>

/*
 * The mark that the daemon does not answer, for every shim of one store: the
 * file daemon.down (src/store/FORMAT).  Until its time is over nobody asks.
 * Then one shim, which holds the lock on the file, may probe; if that fails
 * the time doubles, from 30 s to 10 min.  A mark that cannot be understood
 * counts as one that is over.
 * Threads: owner; processes: any.
 */
enum daemon_backoff_state {
	DAEMON_BACKOFF_NO,
	DAEMON_BACKOFF_YES,
	DAEMON_BACKOFF_PROBE /* it was marked; we are the one who may look */
};

struct daemon_backoff {
	char path[4200];
	int fd; /* of the mark, locked, while we probe; else -1 */
};

enum daemon_backoff_state daemon_backoff_look(struct daemon_backoff *d,
					      const char *cache_dir);

/* It did not answer in time.  Does nothing if somebody else has just marked
 * it, or nothing can be written there. */
void daemon_backoff_mark(struct daemon_backoff *d);

/* Ends a probe; ANSWERED removes the mark. */
void daemon_backoff_end(struct daemon_backoff *d, int answered);

#endif
