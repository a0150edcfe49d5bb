/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_COMPILE_SLOTS_H
#define STORE_COMPILE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

struct digest;
struct store;

/*
 * Who holds a compile lock, and how the compile under it ended: a small table
 * in the lock file (see FORMAT).  Slots are written without a lock and may be
 * lost or torn; they only decide whether somebody waits.
 * Threads: any.
 */
enum compile_slots_state {
	COMPILE_SLOTS_COMPILES = 1,
	COMPILE_SLOTS_FAILED, /* it ended, and this time nothing was stored */
	COMPILE_SLOTS_NEVER   /* the same, and so it would be next time */
};

enum compile_slots_life {
	/* Another machine, another pid namespace, or gone. */
	COMPILE_SLOTS_UNKNOWN,
	COMPILE_SLOTS_RUNS,
	COMPILE_SLOTS_STOPPED /* it or its child, by a signal or a debugger */
};

/* Notes STATE for this process, or for the compiler that it ran. */
void compile_slots_say(struct store *s, const struct digest *key,
		       enum compile_slots_state state);

/* True if a compile ended without a result since SINCE_MS (wall clock). */
bool compile_slots_ended(struct store *s, const struct digest *key,
			 uint64_t since_ms);

/* True if its result can never be stored, as found within the last day. */
bool compile_slots_never(struct store *s, const struct digest *key);

enum compile_slots_life compile_slots_life(struct store *s,
					   const struct digest *key);

#endif
