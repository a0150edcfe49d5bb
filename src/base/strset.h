/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_STRSET_H
#define BASE_STRSET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A set of strings, each with a pointer.  Strings are copied, pointers are
 * borrowed.  A failed allocation sets `failed` and drops the addition.
 * Zero-initialised is empty.  Threads: owner.
 */
struct strset_slot {
	char *key;
	const void *val;
};

struct strset {
	struct strset_slot *slots;
	size_t count;
	size_t cap;
	bool failed;
};

/* Adds KEY with VAL; an old value is replaced.  True if it was new. */
bool strset_add(struct strset *s, const char *key, const void *val);
bool strset_has(const struct strset *s, const char *key);

/* The value of KEY, or NULL. */
const void *strset_get(const struct strset *s, const char *key);

/* True if PATH or a directory above it is in the set. */
bool strset_covers(const struct strset *s, const char *path);

/* Adds every directory above PATH. */
void strset_add_above(struct strset *s, const char *path);

void strset_free(struct strset *s);

#endif
