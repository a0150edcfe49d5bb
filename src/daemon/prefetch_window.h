/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PREFETCH_WINDOW_H
#define DAEMON_PREFETCH_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How far a plan is trusted.  One that is of another build (other RUSTFLAGS,
 * an edit below everything) looks like any other until the build says what it
 * wants, so trust grows as a TCP connection's window does: nothing is fetched
 * before the build has asked for a unit of the plan, then a little, and then
 * some times what turned out to be right, up to that and 32 MiB.
 *
 * Bytes are those of a unit's outputs, as the plan says, or of its pack if
 * that is more.  Zero-initialised knows nothing.  Pure.  Threads: owner.
 */
struct prefetch_window {
	uint64_t unproven; /* fetched or under way, not known to be right */
	uint64_t proven;   /* used, or asked for exactly as planned */
	unsigned right;    /* units of that */
	unsigned wrong;    /* asked for, and not as planned (so far) */
	int64_t since;     /* when wrong began to outweigh right, 0: not */
	bool met;          /* the build has asked for a unit of the plan */
};

enum {
	PREFETCH_WINDOW_START = 2 << 20,
	PREFETCH_WINDOW_MOST = 32 << 20,
	PREFETCH_WINDOW_TIMES = 4,
	PREFETCH_WINDOW_WRONG = 4
};

/* What is known to be right: SIZE bytes, which count as unproven if
 * WAS_UNPROVEN. */
void prefetch_window_prove(struct prefetch_window *c, uint64_t size,
			   bool was_unproven);

/* Whether SIZE more bytes may be fetched. */
bool prefetch_window_allows(const struct prefetch_window *c, uint64_t size);

/* Why not, if not: what was fetched has not been used yet. */
bool prefetch_window_waits(const struct prefetch_window *c);

/* Whether the plan is of no use: more of it was asked for otherwise than
 * exactly, for a second.  A question whose answer is under way counts as
 * wrong meanwhile, and a large machine asks many. */
bool prefetch_window_lost(struct prefetch_window *c, int64_t now);

#endif
