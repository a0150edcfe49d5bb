/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_MANIFEST_H
#define STORE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */
#include "key/inputs.h"  /* allow: value */

struct mp_list;
struct store;

/*
 * The manifest of a unit key: the input lists its compiles had, newest first.
 * Threads: owner; writers of one manifest are serialised by its lock.
 */
enum { MANIFEST_MAX = 8 };

struct manifest_record {
	struct digest last_k1;
	uint64_t compile_us;
	uint64_t stored_ms;
	struct inputs inputs;
};

struct manifest {
	struct manifest_record rec[MANIFEST_MAX];
	size_t count;
};

/* 0, ERR_MISS, ERR_CORRUPT (removed), ERR_NEWER, -errno.  The caller owns
 * OUT. */
int manifest_load(struct store *s, const struct digest *k0,
		  struct manifest *out);

/*
 * Puts a record in front, dropping one with an equal input list or else the
 * oldest of too many.  Takes what R->input list holds on success.
 */
int manifest_add(struct store *s, const struct digest *k0,
		 struct manifest_record *r);

int manifest_decode(const void *p, size_t n, struct manifest *out);
void manifest_encode(const struct manifest *m, struct buf *out);
void manifest_release(struct manifest *m);

/* An input list as an element of a record: a list of its items.  Taking adds to
 * an empty S, which the caller frees whatever the result. */
void manifest_put_inputs(struct buf *b, const struct inputs *s);
int manifest_take_inputs(struct mp_list *l, struct inputs *s);
bool manifest_same_inputs(const struct inputs *a, const struct inputs *b);

#endif
