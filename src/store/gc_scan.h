/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_GC_SCAN_H
#define STORE_GC_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */
#include "base/strset.h" /* allow: value */
#include "store/gc.h"    /* allow: value */

struct entry;
struct store;

/*
 * What is in a store at one moment, as the sweep and `kache verify` need
 * it.  Threads: owner.
 */
struct gc_names {
	char **name;
	size_t count;
};

struct gc_blob {
	struct digest digest;
	uint64_t size; /* blocks on disk, bytes */
	bool live;
	bool trashed;
};

struct gc_scan {
	struct gc_entry *entry;
	size_t nentries;
	struct gc_blob *blob; /* sorted by digest */
	uint64_t *blob_size;
	size_t nblobs;
	uint64_t bytes; /* entries, blobs, manifests */
	uint64_t shared;
	struct strset units;  /* K0 of every entry, hex */
	struct strset stamps; /* entry "name ino ctime" of this pass */
	uint32_t *pool;       /* blob indices of the entries */
	size_t npool;
	size_t pool_cap;
};

/* Reads every entry and lists every blob.  Unreadable entries are removed.
 * 0 or -errno. */
int gc_scan_read(struct store *s, struct gc_scan *scan);

/* Marks the blobs that entries which are no victims name. */
void gc_scan_mark(struct gc_scan *scan);

/* Calls USE for every entry that is not as gc_scan_read saw it. */
void gc_scan_changed(struct store *s, struct gc_scan *scan,
		     void (*use)(void *ctx, const struct entry *e), void *ctx);

/* True if an entry that stays is of unit K0. */
bool gc_scan_has_unit(const struct gc_scan *scan, const struct digest *k0);

/* File names in the directory, or in its two-digit directories. */
int gc_scan_flat(struct store *s, const char *dir, struct gc_names *out);
int gc_scan_tree(struct store *s, const char *dir, struct gc_names *out);
void gc_names_free(struct gc_names *n);

void gc_scan_free(struct gc_scan *scan);

#endif
