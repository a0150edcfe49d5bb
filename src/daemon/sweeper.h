/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SWEEPER_H
#define DAEMON_SWEEPER_H

#include <stdbool.h>
#include <stdint.h>

struct services;
struct sweeper;

/*
 * Garbage collection in a thread of its own, at nice 19 and idle I/O priority:
 * when the daemon starts, every gc_interval, and when the store is over its
 * limit. The same thread syncs stored files to disk, re-reads blobs
 * (store/scrub), and runs slow build scripts in another place while no client
 * is connected (witness_call). Each sweep reads all limits anew, so a reload
 * takes effect.
 */
struct sweeper_status {
	bool busy;
	int64_t last; /* when the last sweep ended, ns since 1970; 0: none */
	int64_t took; /* ns */
	uint64_t removed; /* entries */
	uint64_t freed;   /* bytes */
};

/* Starts the thread and sets h->sweeper.  0 or -errno. */
int sweeper_open(struct services *h);

/* The poll loop's: gives when to call again (monotonic ns). */
int64_t sweeper_tick(struct sweeper *w, int64_t now);

void sweeper_status(struct sweeper *w, struct sweeper_status *out);

/* Ends it in two steps. A sweep in progress ends soon and leaves the store
 * valid. sweeper_join waits at most MS: 0, or ERR_TIMEOUT (the thread still
 * runs). May be called again. */
void sweeper_stop(struct sweeper *w);
int sweeper_join(struct sweeper *w, int ms);

/* Ends and joins it if that was not done. */
void sweeper_close(struct sweeper *w);

#endif
