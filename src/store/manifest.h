/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_MANIFEST_H
#define STORE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */
#include "key/shape.h"   /* allow: value */

struct mp_list;
struct store;

/*
 * The manifest of a unit key: the shapes its compiles had, newest first.
 * Threads: owner; writers of one manifest are serialised by its lock.
 */
enum { MANIFEST_MAX = 8 };

struct manifest_record {
	struct digest last_k1;
	uint64_t compile_us;
	uint64_t stored_ms;
	struct shape shape;
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
 * Puts a record in front, dropping one with an equal shape or else the
 * oldest of too many.  Takes what R->shape holds on success.
 */
int manifest_add(struct store *s, const struct digest *k0,
		 struct manifest_record *r);

int manifest_decode(const void *p, size_t n, struct manifest *out);
void manifest_encode(const struct manifest *m, struct buf *out);
void manifest_release(struct manifest *m);

/* A shape as an element of a record: a list of its items.  Taking adds to an
 * empty S, which the caller frees whatever the result. */
void manifest_put_shape(struct buf *b, const struct shape *s);
int manifest_take_shape(struct mp_list *l, struct shape *s);
bool manifest_same_shape(const struct shape *a, const struct shape *b);

#endif
