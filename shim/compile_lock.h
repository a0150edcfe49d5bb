/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_COMPILE_LOCK_H
#define SHIM_COMPILE_LOCK_H

#include <stdbool.h>

#include "base/digest.h" /* allow: value */

struct invocation;

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
	bool leads; /* the lock is ours */
	bool never; /* nobody waited: it is never stored */
};

/* True if a result came out of the store meanwhile, and was served. */
bool compile_lock_take(struct invocation *j, struct compile_lock *t);

enum compile_lock_end {
	COMPILE_LOCK_STORED,
	COMPILE_LOCK_FAILED,
	COMPILE_LOCK_NEVER
};

/* How the compile ended, for those who wait. */
void compile_lock_end(struct invocation *j, struct compile_lock *t,
		      enum compile_lock_end how);

#endif
