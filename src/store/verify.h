/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

struct store;

/*
 * Proves the store: every manifest and entry decodes, every blob that an
 * entry names is there, every blob's bytes hash to its name.  Trusts no
 * memo.  With repair, what is wrong is removed (a miss later).
 */
struct verify_options {
	bool repair;
	/* Called for each problem, and now and then with the bytes done so
	 * far; either may be NULL. */
	void (*problem)(void *ctx, const char *name, const char *what);
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct verify_report {
	uint64_t manifests, entries, blobs, bytes;
	uint64_t bad_manifests, bad_entries, bad_blobs, missing_blobs;
	uint64_t repaired;
};

/* 0 (the report tells what was found) or -errno. */
int verify_run(struct store *s, const struct verify_options *o,
	       struct verify_report *report);

#endif
