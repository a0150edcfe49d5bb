/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_RESTORE_H
#define STORE_RESTORE_H

#include <stdint.h>

struct buf;
struct entry;
struct digest_cache;
struct store;

/*
 * Puts an entry's outputs into a directory: all of them or none.
 * Every file is made under a temporary name beside its place and renamed; a
 * blob that vanished is a miss before anything was renamed.
 * An .rlib or .rmeta may become a second name of its blob as long as no
 * other tree holds it; everything else is a reflink or a copy, so writing
 * into a restored program never reaches the store.
 * Threads: any.
 */
struct restore {
	struct store *store;
	struct digest_cache *memo;
	const struct entry *entry;
	const char *dir;           /* --out-dir */
	const struct buf *depinfo; /* text for the ENTRY_DEPINFO output */
	uint64_t bytes;            /* out */
};

/* 0; ERR_MISS or ERR_CORRUPT (a blob is gone or was damaged and is removed);
 * or -errno.  On failure the directory is as before. */
int restore_outputs(struct restore *r);

#endif
