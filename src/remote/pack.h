/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_PACK_H
#define REMOTE_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

struct buf;
struct entry;
struct digest_cache;
struct inputs;
struct store;

/*
 * Packs: one entry with its blobs and its input list as one object (LAYOUT has
 * every byte).  The door to zstd.  Threads: owner.
 */
enum {
	PACK_HEADER_MAX = 1 << 20,
	PACK_WINDOW_WRITE = 21, /* windowLog; 2 MiB of memory a decoder */
	PACK_WINDOW_READ = 23
};

#define PACK_MAX ((uint64_t)1 << 30) /* bytes of a pack, and of its blobs */

struct pack_source {
	struct store *store;
	struct digest_cache *memo;
	struct digest k1;
	struct digest tag;       /* form of the diagnostics; zero: none */
	const struct digest *at; /* where the entry lies; NULL: at K1 with
				  * the tag (only a bound one does not) */
	const struct entry *entry;
	const struct inputs *inputs;
};

/*
 * Writes a pack to the empty file FD.  Gives its size and SHA-256.  0;
 * ERR_MISS or ERR_CORRUPT: a blob is gone or was wrong; ERR_TOOBIG: the
 * header or the whole; -errno.
 */
int pack_write(const struct pack_source *src, int fd, uint64_t *size,
	       struct digest *sha);

/* What a pack turned out to hold. */
struct pack_info {
	struct digest k0;
	struct digest k1;
	struct digest tag;
	uint64_t compile_us;
	uint64_t bytes; /* of blobs */
	bool made;      /* the store had no such entry before */
};

/*
 * Reading: fed in pieces of any size, it never waits and holds the header,
 * then a window and one piece.  Everything is checked: every maximum before
 * it is used, that the pack is for the key AT that was asked for, names,
 * digest of every blob, the input list (key/input_policy.h).  What K0 it is
 * for only the writer knows; a lie there is a useless record in a manifest.
 */
struct unpack;

int unpack_open(struct store *s, struct digest_cache *m,
		const struct digest *at, uint32_t origin, struct unpack **out);

/* 0, ERR_CORRUPT (and then for ever), ERR_TOOBIG, ERR_REFUSED (a hostile
 * input list or name), -ENOSPC and the like. */
int unpack_feed(struct unpack *u, const void *p, size_t n);

/* All was fed: publishes blobs, entry and manifest record, and adds to the
 * memo's count of stored bytes.  A sound entry that is there already stays.
 * 0 or as unpack_feed; ERR_CORRUPT also if something is missing.  Nothing is
 * published but on success (blobs may be). */
int unpack_end(struct unpack *u, struct pack_info *info);

/* Frees U, with what it wrote if it was not published. */
void unpack_free(struct unpack *u);

/*
 * A small object that is not a pack: magic (8 bytes), u32 version 1, u32
 * number of signatures (none yet), one zstd frame.  pack_squeeze appends it to
 * OUT: 0 or -ENOMEM.  pack_unsqueeze appends what it held, at most MAX bytes:
 * 0, ERR_CORRUPT, ERR_NEWER, ERR_TOOBIG, -ENOMEM.
 */
int pack_squeeze(const char *magic, const void *p, size_t n, struct buf *out);
int pack_unsqueeze(const char *magic, const void *p, size_t n, size_t max,
		   struct buf *out);

#endif
