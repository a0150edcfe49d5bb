/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SCRUB_H
#define STORE_SCRUB_H

#include <stdbool.h>
#include <stdint.h>

struct digest_cache;
struct digest_cache_scrub;
struct store;

/*
 * Reads blobs again, because disks can change bytes silently: such a blob
 * would be served until its stat changes.  All blobs are read once in
 * SCRUB_PERIOD_S, in the order of their names.  The position is kept in the
 * head of the digest cache, so that scrubbing goes on after a restart and
 * catches up on missed time.  At most SCRUB_RATE bytes a second.
 *
 * A wrong blob is removed, counted, and forgotten by the digest cache
 * (blob_condemn); the next build that needs it compiles.  Builds and sweeps may
 * go on meanwhile.
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
 * The position that should be reached by NOW (ns since 1970): blobs whose
 * names' first 32 bits are below it are due; it moves in steps of a 256th.
 * Moves S->began when the clock was set back or a round begins.  Pure.
 */
uint64_t scrub_due(struct digest_cache_scrub *s, int64_t now);

/* Whether anything is due; costs one read. */
bool scrub_is_due(struct digest_cache *m);

/* Reads what is due.  0, even if it was ended early; -EAGAIN: another process
 * is scrubbing; or -errno.  Threads: one per process at a time. */
int scrub_run(struct scrub *s);

#endif
