/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_BUILD_SCRIPT_STORE_H
#define SHIM_BUILD_SCRIPT_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct invocation;
struct run;
struct observation;

/*
 * What a build script did becomes an entry, and a witness (key/witness.h).
 * Threads: one.
 */
struct build_script_store {
	struct invocation *job;
	struct run *run;
	struct observation *watched;
	uint64_t run_us;
	bool was_empty;    /* OUT_DIR, before */
	uint32_t out_mode; /* its own, before */
	char reason[200];
	char why[600]; /* what changed since it was stored last, or "" */
};

/* Stores it if it may be stored, says what became of it, and forgets the
 * observation file.  Never fails as far as the build is concerned. */
void build_script_store(struct build_script_store *k);

/* The mode of OUT_DIR itself; 0 if it is not there. */
uint32_t build_script_out_mode(const struct invocation *j);

#endif
