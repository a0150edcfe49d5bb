/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_GC_H
#define STORE_GC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

struct memo;
struct store;

/*
 * Garbage collection by mark and sweep.  No reference counts: what the
 * entries name is live.  The protocol with concurrent stores is in
 * src/store/FORMAT; one sweeper at a time holds gc.lock.
 */

/* What the plan is made from. */
struct gc_entry {
	struct digest key;
	int64_t used;  /* last use, ns */
	uint64_t size; /* of the entry file, in blocks */
	size_t first;  /* its blobs in the pool: indices */
	uint32_t nblobs;
	bool victim; /* out */
};

struct gc_limits {
	uint64_t max_size; /* 0: no limit */
	uint64_t target;   /* size to evict down to */
	int64_t max_age;   /* ns since last use, 0: no limit */
	int64_t spare;     /* entries used within this span are kept */
	int64_t now;
};

/*
 * Pure: marks victims among N entries, least recently used first, until
 * the size of what is left is at most LIMITS->target (only if TOTAL is over
 * max_size), and those past the age.  Gives the size after the plan.  Entries
 * may be reordered.
 */
struct gc_blobs {
	const uint64_t *size; /* what blob i occupies */
	size_t count;
	const uint32_t *pool; /* blob numbers, entry after entry */
};
uint64_t gc_plan(struct gc_entry *e, size_t n, const struct gc_blobs *blobs,
		 uint64_t total, const struct gc_limits *limits);

struct gc_options {
	uint64_t max_size;
	int64_t max_age; /* ns, 0: no limit */
	bool automatic;  /* spares what was used in the last 30 min
				 * while the store is under 1.5 x its limit */
	bool dry_run;
	/*
	 * Called between small steps with the steps done and all that are
	 * known by now; may be NULL.  False ends the sweep early: it leaves
	 * the store right, and what it had not done is for the next one.
	 */
	bool (*go_on)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct gc_report {
	uint64_t entries; /* before */
	uint64_t blobs;
	uint64_t bytes; /* before, in blocks on disk */
	uint64_t bytes_after;
	uint64_t victims;
	uint64_t orphans;   /* blobs removed */
	uint64_t freed;     /* bytes of removed blobs that no target
				 * directory holds any more */
	uint64_t held;      /* bytes of removed blobs that one does */
	uint64_t shared;    /* bytes saved by sharing blobs */
	uint64_t manifests; /* removed */
	uint64_t temps;     /* removed */
	bool cut_short;     /* go_on ended it */
};

/* Sweeps.  0 (also if go_on ended it); -EAGAIN if another sweeper is at work;
 * or -errno.  Threads: any, with a struct store of its own; two exclude each
 * other. */
int gc_run(struct store *s, struct memo *m, const struct gc_options *o,
	   struct gc_report *report);

#endif
