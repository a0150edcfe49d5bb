/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_KEY_PARTS_H
#define KEY_KEY_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h" /* allow: value */

struct buf;

/*
 * A key as the digest of a list of parts, each of a kind (key/key_parts.def),
 * with a label and a value.  The same calls write the list down for people, so
 * that two keys differ exactly where their lists do.  Threads: owner.
 */
#define KEY_PART(name, letter, record, text) KEY_##name = letter,
enum key_part {
#include "key/key_parts.def" /* allow: value */
};
#undef KEY_PART

struct key_parts {
	struct digest_ctx c; /* private */
	struct buf *list;
};

/* Starts a key with the name of its form.  LIST, if not NULL, gets the list
 * as a record keeps it: parts with a NUL behind each, and instead of values
 * that are secret or long their digests. */
void key_parts_begin(struct key_parts *p, const char *form, struct buf *list);

void key_parts_add(struct key_parts *p, enum key_part part, const char *label,
		   const void *value, size_t n);
void key_parts_str(struct key_parts *p, enum key_part part, const char *label,
		   const char *value);

/* 0; or -ENOMEM, and KEY untouched, if the list has no room. */
int key_parts_end(struct key_parts *p, struct digest *key);

/*
 * Appends to OUT how the list NOW differs from the list OLD, N bytes, with
 * " | " between: ">A" and "<A" an argument that is new or gone, "V" and the
 * name of a variable, other parts by their letter; "H" if only cargo's hash of
 * the package and of all it depends on differs, "R" if only the order does.
 * The number of parts that differ.
 */
size_t key_parts_differ(const char *old, size_t n, const struct buf *now,
			struct buf *out);

/* What people read for the kind of the part or difference ITEM, with no name
 * behind it if *ALONE; NULL: no such kind. */
const char *key_parts_text(const char *item, bool *alone);

#endif
