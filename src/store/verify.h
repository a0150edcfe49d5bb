/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

struct digest_cache;
struct store;

/*
 * Proves the store: every manifest, entry, intent and remembered answer
 * decodes, every blob that an entry names is there, every blob's bytes hash to
 * its name, and nothing else lies in their directories.  Trusts no memo.  A
 * manifest may name entries that are gone.  With repair, what is wrong is
 * removed (a miss later); what is neither wrong nor ours to judge, because a
 * newer version wrote it, is counted and left alone.
 *
 * Builds and sweeps may go on: what goes or comes meanwhile is no problem.  It
 * may be killed at any time.  Threads: starts its own, and joins them.
 */
struct verify_options {
	bool repair;
	struct digest_cache
		*memo;    /* told of blobs that are removed; NULL: none */
	unsigned threads; /* 0: one for each processor, at most 8 */
	/* An entry that is younger may still get its blobs: it is looked at
	 * again until it is this old. */
	int settle_ms;
	/* Called for each problem, and after each file with the bytes of blobs
	 * done so far; either may be NULL.  On any thread, one at a time. */
	void (*problem)(void *ctx, const char *name, const char *what);
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct verify_report {
	uint64_t manifests, entries, blobs, others;
	uint64_t bytes; /* of blobs, read */
	uint64_t newer; /* of a later version */
	uint64_t bad_manifests, bad_entries, bad_blobs, bad_others;
	uint64_t missing_blobs; /* entries that name one */
	uint64_t foreign;       /* files that have no business there */
	uint64_t repaired;
	uint64_t left; /* problems that are still there */
};

/* 0 (the report tells what was found) or -errno. */
int verify_run(struct store *s, const struct verify_options *o,
	       struct verify_report *report);

#endif
