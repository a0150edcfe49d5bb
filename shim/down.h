/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_DOWN_H
#define SHIM_DOWN_H

#include <stdint.h>

/*
 * The mark that the daemon does not answer, for every shim of one store: the
 * file daemon.down (src/store/FORMAT).  Until its time is over nobody asks.
 * Then one shim, which holds the lock on the file, may probe; if that fails
 * the time doubles, from 30 s to 10 min.  A mark that cannot be understood
 * counts as one that is over.
 * Threads: owner; processes: any.
 */
enum down_state {
	DOWN_NO,
	DOWN_YES,
	DOWN_PROBE /* it was marked; we are the one who may look */
};

struct down {
	char path[4200];
	int fd; /* of the mark, locked, while we probe; else -1 */
};

enum down_state down_look(struct down *d, const char *cache_dir);

/* It did not answer in time.  Does nothing if somebody else has just marked
 * it, or nothing can be written there. */
void down_mark(struct down *d);

/* Ends a probe; ANSWERED removes the mark. */
void down_end(struct down *d, int answered);

#endif
