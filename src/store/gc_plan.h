/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_GC_PLAN_H
#define STORE_GC_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

/* Why an entry goes. */
enum gc_why {
	GC_STAYS,
	GC_DAMAGED, /* cannot be read */
	GC_PURGED,  /* was named by the user */
	GC_BY_AGE,
	GC_UNREACHABLE, /* by size, and no hit could find it any more */
	GC_BY_SIZE
};

/* What the plan is made from. */
struct gc_entry {
	struct digest key;
	int64_t used;  /* last use, ns */
	uint64_t size; /* of the entry file, in blocks */
	size_t first;  /* its blobs in the pool: indices */
	uint32_t nblobs;
	bool pinned;      /* stays, whatever else holds */
	bool unreachable; /* no hit can find it: goes before others */
	uint8_t why;      /* enum gc_why.  In: GC_DAMAGED or GC_PURGED go in
			   * any case.  Out: the plan */
	bool victim;      /* out: why is not GC_STAYS */
};

struct gc_limits {
	uint64_t max_size; /* 0: no limit */
	uint64_t target;   /* size to evict down to */
	int64_t max_age;   /* ns since last use, 0: no limit */
	int64_t spare;     /* entries used within this span are kept */
	int64_t now;
};

struct gc_blobs {
	const uint64_t *size; /* what blob i occupies */
	size_t count;
	const uint32_t *pool; /* blob numbers, entry after entry */
};

/*
 * Pure: marks victims among N entries.  First those that go in any case and
 * those past the age; then, if what is left of TOTAL is over max_size, first
 * the unreachable, then the others, each least recently used first, until it
 * is at most the target.  TOTAL is what lies on the disk; blobs that nobody
 * names go without being planned.  Gives the size after the plan.  Without
 * memory there are no victims.
 */
uint64_t gc_plan(struct gc_entry *e, size_t n, const struct gc_blobs *blobs,
		 uint64_t total, const struct gc_limits *limits);

#endif
