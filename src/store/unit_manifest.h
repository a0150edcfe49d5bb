/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_UNIT_MANIFEST_H
#define STORE_UNIT_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */
#include "key/inputs.h"  /* allow: value */

struct buf;

/*
 * The manifest of a unit key as it lies on a remote and travels in SHAPES
 * (src/remote/LAYOUT): a hint, written by anybody.  Reading drops records
 * with an input list that key/input_policy refuses.  Pure.  Threads: any.
 */
enum { UNIT_MANIFEST_MAX = 8, UNIT_MANIFEST_BYTES = 15 << 20 };

struct unit_manifest_record {
	struct digest k1;      /* the last one stored under this input list */
	struct digest tag;     /* of that entry's diagnostics; zero: none */
	struct digest content; /* of that entry (entry_content) */
	uint64_t pack_size;
	uint64_t compile_us;
	uint64_t stored_ms;
	struct inputs inputs;
};

struct unit_manifest {
	struct unit_manifest_record rec[UNIT_MANIFEST_MAX]; /* newest first */
	size_t count;
	size_t dropped; /* refused while reading */
};

/* 0, ERR_CORRUPT, ERR_NEWER, ERR_TOOBIG, -ENOMEM.  The caller owns OUT. */
int unit_manifest_decode(const void *p, size_t n, struct unit_manifest *out);
void unit_manifest_encode(const struct unit_manifest *m, struct buf *out);

/* Puts R in front; drops one with an equal input list, else the oldest of too
 * many, and the oldest as long as it would be over UNIT_MANIFEST_BYTES.  Takes
 * R's input list.  1: M changed; 0: its (input list, K1) was there. */
int unit_manifest_add(struct unit_manifest *m, struct unit_manifest_record *r);

/* True if M has the K1 and tag of R with another content: its compile is not
 * deterministic. */
bool unit_manifest_differs(const struct unit_manifest *m,
			   const struct unit_manifest_record *r);
void unit_manifest_release(struct unit_manifest *m);

/* Where an entry lies: K1, or K1 with the tag of its diagnostics. */
void unit_manifest_at(const struct digest *k1, const struct digest *tag,
		      struct digest *at);

#endif
