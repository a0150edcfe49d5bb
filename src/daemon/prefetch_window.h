/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PREFETCH_WINDOW_H
#define DAEMON_PREFETCH_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How far a plan is trusted. A plan for another build (other RUSTFLAGS, an edit
 * below everything) looks like any other until the build says what it wants.
 * Trust therefore grows like the window of a TCP connection: nothing is fetched
 * before the build has asked for a unit of the plan, then a little, then a
 * multiple of what turned out to be right, up to that and 32 MiB. Sizes are
 * those of a unit's outputs according to the plan, or of its pack if that is
 * larger. A zeroed window is a fresh one. Pure. Threads: owner.
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

/* Adds SIZE bytes that turned out to be right; they counted as unproven if
 * WAS_UNPROVEN. */
void prefetch_window_prove(struct prefetch_window *c, uint64_t size,
			   bool was_unproven);

/* Whether SIZE more bytes may be fetched. */
bool prefetch_window_allows(const struct prefetch_window *c, uint64_t size);

/* Why not, if not: what was fetched has not been used yet. */
bool prefetch_window_waits(const struct prefetch_window *c);

/* Whether the plan is useless: for a second, more of its units were asked for
 * under other keys than under its own. A question that is still being answered
 * counts as wrong meanwhile, because a large machine asks many at once. */
bool prefetch_window_lost(struct prefetch_window *c, int64_t now);

#endif
