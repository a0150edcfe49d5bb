/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_HASHSET_H
#define BASE_HASHSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A set of hashes, to leave out what was there before.  Where memory is short
 * it forgets, so more is new than it should be.  All zero: empty.
 * Threads: owner.
 */
struct hashset {
	uint64_t *slots;
	size_t cap; /* a power of two, or 0 */
	size_t count;
};

/* True if HASH is new; it is not from now on. */
bool hashset_add(struct hashset *s, uint64_t hash);
void hashset_free(struct hashset *s);

/* Continues the hash H (0 in the beginning) with N bytes. */
uint64_t hashset_hash(uint64_t h, const void *bytes, size_t n);

#endif
