/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_GC_UNITS_H
#define STORE_GC_UNITS_H

#include <stdbool.h>
#include <stdint.h>

struct gc_scan;
struct store;

/*
 * The part of a sweep that looks at units: which entries a hit can reach, and
 * which manifests are needed.  Threads: owner.
 */

/* Call it after gc_scan_read.  A redirect counts as used just after the entry
 * it leads to and goes with it; a redirect that leads nowhere and an entry to
 * which no manifest leads are marked unreachable. */
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
 * Call it after gc_scan_changed.  Removes the manifests of units without
 * entries; from the manifests of units that lost entries it removes the input
 * lists that no entry was stored under.  0, or -ECANCELED (steps).
 */
int gc_units_trim(struct store *s, struct gc_scan *scan, struct gc_trim *t);

#endif
