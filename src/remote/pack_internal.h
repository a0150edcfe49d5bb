/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_PACK_INTERNAL_H
#define REMOTE_PACK_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */
#include "key/inputs.h"  /* allow: value */
#include "store/entry.h" /* allow: value */

struct pack_source;

/* What the two halves of packs share; LAYOUT has the bytes. */

#define PACK_MAGIC "kchpack"

enum {
	PACK_VERSION = 1,
	PACK_HEAD = 16, /* magic, version, length of the header */
	PACK_SIGNATURES = 4,
	PACK_SIGNATURE = 96 /* key id and signature */
};

/* Where the bytes of a member are: its own, or in those of another one. */
struct pack_part {
	uint32_t source; /* 1 + index of that other one; 0: its own */
	uint64_t offset; /* in it */
};

struct pack_head {
	struct digest at;
	struct digest k1;
	struct digest tag;
	struct entry entry; /* members are its outputs */
	struct inputs inputs;
	struct pack_part part[ENTRY_TRAVEL_MAX];
};

/* Appends the header of a pack. */
void pack_head_encode(const struct pack_source *src,
		      const struct pack_part *parts, struct buf *out);

/* Reads N bytes and checks them: 0, ERR_CORRUPT, ERR_TOOBIG, ERR_REFUSED
 * (names, input list), -ENOMEM.  The caller owns OUT. */
int pack_head_decode(const void *p, size_t n, struct pack_head *out);
void pack_head_release(struct pack_head *h);

/*
 * One zstd frame, decoded as it comes.  Every piece goes to USE, whose
 * non-zero result ends it.  Never gives a byte more than CONTENT.
 */
struct pack_frame;

int pack_frame_open(uint64_t content, struct pack_frame **out);
int pack_frame_feed(struct pack_frame *f, const void *p, size_t n,
		    int (*use)(void *ctx, const void *p, size_t n), void *ctx);

/* 0 if the frame was whole, else ERR_CORRUPT. */
int pack_frame_end(const struct pack_frame *f);
void pack_frame_free(struct pack_frame *f);

#endif
