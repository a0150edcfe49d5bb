/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_COMPILE_SLOTS_H
#define STORE_COMPILE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

struct digest;
struct store;

/*
 * Who holds a compile lock, and how a compile under it ended: a small table
 * in the lock file (see FORMAT).  Its slots are few and written without a
 * lock: what it says makes somebody wait or not, and may be lost or torn.
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

/* This process, or one that it ran, is as STATE says. */
void compile_slots_say(struct store *s, const struct digest *key,
		       enum compile_slots_state state);

/* True if a compile ended without a result since SINCE_MS (wall clock). */
bool compile_slots_ended(struct store *s, const struct digest *key,
			 uint64_t since_ms);

/* True if it never has one, as somebody saw a day ago at most. */
bool compile_slots_never(struct store *s, const struct digest *key);

enum compile_slots_life compile_slots_life(struct store *s,
					   const struct digest *key);

#endif
