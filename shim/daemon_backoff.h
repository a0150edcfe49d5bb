/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_DAEMON_BACKOFF_H
#define SHIM_DAEMON_BACKOFF_H

#include <stdint.h>

/*
 * A mark, shared by all shims of a store, that the daemon does not answer: the
 * file daemon.down (src/store/FORMAT). Until it expires nobody asks. Then one
 * shim, the one that locks the file, may probe; if the probe fails the time
 * doubles, from 30 s to 10 min. An unreadable mark counts as expired. Threads:
 * owner; processes: any.
 */
enum daemon_backoff_state {
	DAEMON_BACKOFF_NO,
	DAEMON_BACKOFF_YES,
	DAEMON_BACKOFF_PROBE /* expired, and this shim may probe */
};

struct daemon_backoff {
	char path[4200];
	int fd; /* of the mark, locked, while we probe; else -1 */
};

enum daemon_backoff_state daemon_backoff_look(struct daemon_backoff *d,
					      const char *cache_dir);

/* Marks the daemon as down. Does nothing if another shim has just done so, or
 * if the mark cannot be written. */
void daemon_backoff_mark(struct daemon_backoff *d);

/* Ends a probe. ANSWERED removes the mark. */
void daemon_backoff_end(struct daemon_backoff *d, int answered);

#endif
