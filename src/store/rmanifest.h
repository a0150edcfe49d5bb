/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_RMANIFEST_H
#define STORE_RMANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */
#include "key/shape.h"   /* allow: value */

struct buf;

/*
 * The manifest of a unit key as it lies on a remote and travels in SHAPES
 * (src/remote/LAYOUT): a hint, written by anybody.  Reading drops records
 * with a shape that key/vet refuses.  Pure.  Threads: any.
 */
enum { RMANIFEST_MAX = 8, RMANIFEST_BYTES = 15 << 20 };

struct rmanifest_record {
	struct digest k1;      /* the last one stored under this shape */
	struct digest tag;     /* of that entry's diagnostics; zero: none */
	struct digest content; /* of that entry (entry_content) */
	uint64_t pack_size;
	uint64_t compile_us;
	uint64_t stored_ms;
	struct shape shape;
};

struct rmanifest {
	struct rmanifest_record rec[RMANIFEST_MAX]; /* newest first */
	size_t count;
	size_t dropped; /* refused while reading */
};

/* 0, ERR_CORRUPT, ERR_NEWER, ERR_TOOBIG, -ENOMEM.  The caller owns OUT. */
int rmanifest_decode(const void *p, size_t n, struct rmanifest *out);
void rmanifest_encode(const struct rmanifest *m, struct buf *out);

/* Puts R in front; drops one with an equal shape, else the oldest of too
 * many, and the oldest as long as it would be over RMANIFEST_BYTES.  Takes
 * R's shape.  1: M changed; 0: its (shape, K1) was there. */
int rmanifest_add(struct rmanifest *m, struct rmanifest_record *r);

/* True if M has the K1 and tag of R with another content: its compile is not
 * deterministic. */
bool rmanifest_differs(const struct rmanifest *m,
		       const struct rmanifest_record *r);
void rmanifest_release(struct rmanifest *m);

/* Where an entry lies: K1, or K1 with the tag of its diagnostics. */
void rmanifest_at(const struct digest *k1, const struct digest *tag,
		  struct digest *at);

#endif
