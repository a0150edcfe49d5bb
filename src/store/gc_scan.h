/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_GC_SCAN_H
#define STORE_GC_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"      /* allow: value */
#include "base/digest.h"   /* allow: value */
#include "store/gc_plan.h" /* allow: value */

struct gc_steps;
struct store;

/*
 * What is in a store at one moment, as the sweep and `kache verify` need
 * it.  Threads: owner.
 */
struct gc_blob {
	struct digest digest;
	uint64_t size; /* blocks on disk, bytes */
	bool live;
	bool linked; /* another directory holds it, too */
	bool trashed;
};

/* What else is known of an entry; the plan does not need it. */
struct gc_seen {
	uint64_t ino;
	int64_t ctime;
	struct digest k0;
	uint64_t inputs; /* start of its input list's digest; 0: not known */
	bool newer;      /* of a later version: only its blobs are known */
	bool redirect;   /* has roots and no outputs */
	bool bound;      /* has roots and outputs: found by a redirect */
};

struct gc_manifest {
	struct digest k0;
	uint64_t size;
	/* As it was before the entries were read. */
	uint64_t ino;
	int64_t ctime;
};

/* A unit that got an entry while we swept. */
struct gc_change {
	struct digest k0;
	uint64_t inputs;
};

struct gc_scan {
	/* In */
	struct gc_steps *steps; /* or NULL */
	const char *crate;      /* entries of it are GC_PURGED, or NULL */
	bool everything;        /* all entries are */

	/* Out */
	struct gc_entry *entry; /* sorted by key */
	struct gc_seen *seen;   /* of entry i */
	uint32_t *by_unit;      /* entries sorted by K0 */
	size_t nentries;
	size_t newer;         /* entries of a later version */
	struct gc_blob *blob; /* sorted by digest */
	uint64_t *blob_size;
	size_t nblobs;
	struct gc_manifest *manifest; /* sorted by K0 */
	size_t nmanifests;
	uint64_t bytes; /* entries, blobs, manifests */
	uint64_t shared;
	struct gc_change *change;
	size_t nchanges;
	bool unknown_changes; /* there were some of a later version */

	uint32_t *pool; /* blob indices of the entries */
	size_t npool;
	struct buf text; /* reused for every file */
};

/* Reads every entry and lists every blob and manifest.  Changes nothing:
 * entries that cannot be read are GC_DAMAGED; a directory of blobs or manifests
 * that cannot is left out, one of entries ends it.  0, -ECANCELED (steps) or
 * -errno; gc_scan_free in any case. */
int gc_scan_read(struct store *s, struct gc_scan *scan);

/* Marks the blobs that entries which are no victims name. */
void gc_scan_mark(struct gc_scan *scan);

/* Calls USE with each blob named by an entry that is not as gc_scan_read saw
 * it.  Not ended by steps: half of it is worth nothing.  0, or -errno: not
 * all of them were seen. */
int gc_scan_changed(struct store *s, struct gc_scan *scan,
		    void (*use)(void *ctx, const struct digest *blob),
		    void *ctx);

/* Whether the file of entry I is as gc_scan_read saw it. */
bool gc_scan_same(struct store *s, const struct gc_scan *scan, size_t i);

/* The entry at KEY, or NULL. */
struct gc_entry *gc_scan_find(const struct gc_scan *scan,
			      const struct digest *key);

/* The blob DIGEST, or NULL. */
struct gc_blob *gc_scan_blob(const struct gc_scan *scan,
			     const struct digest *digest);

/* The first bytes of a digest, never 0. */
uint64_t gc_scan_brief(const struct digest *d);

void gc_scan_free(struct gc_scan *scan);

#endif
