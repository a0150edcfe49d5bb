/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_SEEN_H
#define KEY_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A set of hashes, to leave out what was there before.  Where memory is short
 * it forgets, so more is new than it should be.  All zero: empty.
 * Threads: owner.
 */
struct seen {
	uint64_t *slots;
	size_t cap; /* a power of two, or 0 */
	size_t count;
};

/* True if HASH is new; it is not from now on. */
bool seen_add(struct seen *s, uint64_t hash);
void seen_free(struct seen *s);

/* Continues the hash H (0 in the beginning) with N bytes. */
uint64_t seen_hash(uint64_t h, const void *bytes, size_t n);

#endif
