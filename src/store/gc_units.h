/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_GC_UNITS_H
#define STORE_GC_UNITS_H

#include <stdbool.h>
#include <stdint.h>

struct gc_scan;
struct store;

/*
 * What units say about their entries and manifests.  Threads: owner.
 */

/* After gc_scan_read: a redirect counts as used right after what it leads to
 * was, and goes with it; without that it is unreachable, and so are entries
 * that no manifest leads to. */
void gc_units_relate(struct store *s, struct gc_scan *scan, int64_t now);

struct gc_trim {
	int64_t now;
	/* Of units that lost an entry by name, or of all, manifests of the last
	 * 10 min go, too, unless they changed since they were listed. */
	bool everything;
	bool dry_run; /* only counts; input lists are not looked at */
	/* Out */
	uint64_t manifests;   /* removed */
	uint64_t input_lists; /* taken out of others */
	uint64_t bytes;       /* of what was removed */
};

/*
 * After gc_scan_changed: removes manifests of units without entries, and
 * from those of units that lost some the input lists without.  0, or
 * -ECANCELED (steps).
 */
int gc_units_trim(struct store *s, struct gc_scan *scan, struct gc_trim *t);

#endif
