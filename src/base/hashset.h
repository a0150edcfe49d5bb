/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_HASHSET_H
#define BASE_HASHSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A set of hashes, to recognise what was seen before.  Without memory it
 * forgets: then something seen counts as new.  Zero-initialised is empty.
 * Threads: owner.
 */
struct hashset {
	uint64_t *slots;
	size_t cap; /* a power of two, or 0 */
	size_t count;
};

/* Adds HASH.  True if it is new. */
bool hashset_add(struct hashset *s, uint64_t hash);
void hashset_free(struct hashset *s);

/* Continues the hash H (0 in the beginning) with N bytes. */
uint64_t hashset_hash(uint64_t h, const void *bytes, size_t n);

#endif
