/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_COMPILE_LOCK_H
#define SHIM_COMPILE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"         /* allow: value */
#include "store/compile_slots.h" /* allow: value */

struct invocation;
struct lookup;

/*
 * Whose turn it is to compile.  Of several processes that need one unit in
 * one state one leads, the others follow: they wait for its result.  Nobody
 * waits longer than it would take to find out that there will be none:
 *
 *   leader ended without a result    all followers compile at once
 *   leader was killed                one of them leads (the kernel frees it)
 *   leader or its compiler stopped   2 s after that was seen
 *   leader runs                      30 s, or twice what the unit took last
 *   leader cannot be looked at       10 s, or twice what the unit took last
 *   unit was refused within a day    not at all
 *
 * Threads: one.
 */
struct compile_lock {
	struct digest key;
	bool taken; /* compile_lock_take was called */
	bool leads; /* the lock is ours */
	bool never; /* nobody waited: it is never stored */
};

/*
 * Takes the lock of J, or waits for whoever has it.  LAST is the lookup
 * before, and is replaced by those that follow; if it was served, by the
 * result of a peer, nothing is locked.
 */
void compile_lock_take(struct compile_lock *t, struct invocation *j,
		       struct lookup *last);

enum compile_lock_end {
	COMPILE_LOCK_STORED,
	COMPILE_LOCK_FAILED,
	COMPILE_LOCK_NEVER
};

/* Says how the compile ended, to those who wait.  The lock itself ends with
 * the process. */
void compile_lock_end(struct compile_lock *t, struct invocation *j,
		      enum compile_lock_end how);

/*
 * Pure: whether a follower gives up that waited for WAITED ms, of which it saw
 * the leader stopped for STOPPED ms at last, and in state LIFE now; the unit
 * took LAST us when it was stored, 0: unknown.
 */
bool compile_lock_gives_up(enum compile_slots_life life, uint64_t waited,
			   uint64_t stopped, uint64_t last);

#endif
