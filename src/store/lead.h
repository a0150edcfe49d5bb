/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LEAD_H
#define STORE_LEAD_H

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
enum lead_state {
	LEAD_COMPILES = 1,
	LEAD_FAILED, /* it ended, and this time nothing was stored */
	LEAD_NEVER   /* the same, and so it would be next time */
};

enum lead_life {
	LEAD_UNKNOWN, /* another machine, another pid namespace, or gone */
	LEAD_RUNS,
	LEAD_STOPPED /* it or its child, by a signal or a debugger */
};

/* This process, or one that it ran, is as STATE says. */
void lead_say(struct store *s, const struct digest *key, enum lead_state state);

/* True if a compile ended without a result since SINCE_MS (wall clock). */
bool lead_ended(struct store *s, const struct digest *key, uint64_t since_ms);

/* True if it never has one, as somebody saw a day ago at most. */
bool lead_never(struct store *s, const struct digest *key);

enum lead_life lead_life(struct store *s, const struct digest *key);

#endif
