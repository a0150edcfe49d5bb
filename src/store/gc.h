/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_GC_H
#define STORE_GC_H

#include <stdbool.h>
#include <stdint.h>

struct digest_cache;
struct store;

/*
 * Garbage collection by mark and sweep.  No reference counts: what the
 * entries name is live.  The protocol with concurrent stores is in
 * src/store/FORMAT, who goes first in store/gc_plan; one sweeper at a time
 * holds gc.lock.
 */

struct gc_options {
	uint64_t max_size; /* 0: no limit */
	int64_t max_age;   /* ns since last use, 0 or less: no limit */
	/* ns for which no build used a directory of incremental state; 0 or
	 * less: those stay. */
	int64_t incremental_max_age;
	bool automatic; /* spares what was used in the last 30 min
				 * while the store is under 1.5 x its limit */
	bool dry_run;   /* changes nothing */
	bool wait;      /* for another sweeper to end, instead of failing */

	/* By name, whatever the limits: entries of the crate as rustc calls
	 * it, or all.  What waits for its upload stays, unless told. */
	const char *crate;
	bool everything;
	bool waiting;

	/*
	 * Called once when gc.lock is held, before anything is looked at; may
	 * be NULL.  A negative code ends the sweep with it: nothing is done.
	 */
	int (*locked)(void *ctx);

	/*
	 * Called between small steps with the steps done and all that are
	 * known by now; may be NULL.  False ends the sweep early: it leaves
	 * the store right, and what it had not done is for the next one.
	 */
	bool (*go_on)(void *ctx, uint64_t done, uint64_t total);
	void *ctx; /* of both */
};

/* What was done, or, in a dry run, would be. */
struct gc_report {
	uint64_t entries; /* before */
	uint64_t blobs;
	uint64_t bytes;       /* before, in blocks on disk */
	uint64_t bytes_after; /* orphans and victims taken off */
	uint64_t shared;      /* bytes saved by sharing blobs */

	uint64_t victims; /* entries that went: the sum of these */
	uint64_t by_age;
	uint64_t by_size;
	uint64_t unreachable; /* by size, first: no hit finds them */
	uint64_t damaged;
	uint64_t purged;

	uint64_t waiting; /* entries kept since they are to be uploaded */
	uint64_t expired; /* uploads given up: they waited for 30 days */
	uint64_t newer;   /* entries kept since a later version made them */

	uint64_t orphans; /* blobs removed */
	uint64_t freed;   /* bytes of removed blobs that no target
			   * directory holds any more */
	uint64_t held;    /* bytes of removed blobs that one does */

	uint64_t stuck; /* entries and blobs that could not be removed */

	uint64_t manifests;   /* removed */
	uint64_t input_lists; /* taken out of manifests that stay */
	uint64_t temps;
	uint64_t letters; /* dead letters of the spool */
	uint64_t sessions;
	uint64_t ids;
	uint64_t incremental; /* directories of incremental state */
	uint64_t incremental_bytes;
	uint64_t incremental_left; /* as old, but locked or doubtful */
	bool cut_short;            /* go_on ended it */
};

/*
 * Sweeps.  0 (also if go_on ended it); -EAGAIN if another sweeper is at work;
 * what `locked` said; -ENOTDIR if trash/ is none, or a link; or -errno.
 * Threads: any; two exclude each other, but for directories of incremental
 * state: while one is at those, the next may begin, and leaves them out.
 * Memory: about 200 bytes for each entry and 70 for each blob, 35 MB for
 * 100,000 entries.
 */
int gc_run(struct store *s, struct digest_cache *m, const struct gc_options *o,
	   struct gc_report *report);

#endif
