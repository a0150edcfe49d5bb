/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_GC_REST_H
#define STORE_GC_REST_H

#include <stdbool.h>
#include <stdint.h>

struct gc_steps;
struct store;

/*
 * Removes small files of a store that nobody needs any more: temporary files
 * and session markers after a day, reruns after a week, dead letters after 30
 * days, remembered answers that nobody read for 90 days.  events.log and
 * shim.log limit their own size.  Files of a later version and files whose
 * names are not ours stay.
 * Threads: owner.
 */
struct gc_rest {
	struct gc_steps *steps; /* or NULL */
	int64_t now;
	bool dry_run;
	/* Out: removed, or what would be. */
	uint64_t temps;
	uint64_t letters;
	uint64_t sessions;
	uint64_t ids;
};

/* 0 or -ECANCELED (steps).  What cannot be read or removed stays. */
int gc_rest(struct store *s, struct gc_rest *r);

#endif
