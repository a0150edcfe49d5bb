/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SCRUB_H
#define STORE_SCRUB_H

#include <stdbool.h>
#include <stdint.h>

struct digest_cache;
struct digest_cache_scrub;
struct store;

/*
 * Reads blobs again, since disks lie: a blob whose bytes changed under the
 * stat that the memo knows would be served until its file is touched.  All
 * blobs, in the order of their names, once in SCRUB_PERIOD_S; how far it got
 * lies in the memo's head, so it goes on after a restart, and what was missed
 * while nobody ran is made up for.  At most SCRUB_RATE bytes a second.
 *
 * What is wrong is removed, counted and forgotten by the memo (blob_condemn):
 * the next who needs it compiles.  Builds and sweeps may go on.
 */
enum {
	SCRUB_PERIOD_S = 21 * 86400, /* leaves 9 of 30 days to machines off */
	SCRUB_RATE = 16 << 20
};

struct scrub {
	struct store *store;
	struct digest_cache *memo;
	int64_t budget_ms; /* it ends soon after this time */
	/* Called between small steps, may be NULL: false ends it. */
	bool (*go_on)(void *ctx);
	void *ctx;
	/* out: */
	uint64_t blobs;
	uint64_t bytes;
	uint64_t bad;
};

/*
 * Up to which place blobs are to be read by NOW (ns since 1970): names whose
 * first 32 bits are below it, in steps of a 256th.  Pure.  S->began is moved
 * where the clock was set back, or a round begins.
 */
uint64_t scrub_due(struct digest_cache_scrub *s, int64_t now);

/* Whether anything is due, at the price of one read. */
bool scrub_is_due(struct digest_cache *m);

/* Reads what is due.  0, also if it was ended; -EAGAIN: another one is at
 * it; or -errno.  Threads: one of a process at a time. */
int scrub_run(struct scrub *s);

#endif
