/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_SCRIPT_KEEP_H
#define SHIM_SCRIPT_KEEP_H

#include <stdbool.h>
#include <stdint.h>

struct job;
struct run;
struct watched;

/*
 * What a build script did becomes an entry, and a witness (key/witness.h).
 * Threads: one.
 */
struct script_keep {
	struct job *job;
	struct run *run;
	struct watched *watched;
	uint64_t run_us;
	bool was_empty;    /* OUT_DIR, before */
	uint32_t out_mode; /* its own, before */
	char reason[200];
	char why[600]; /* what changed since it was stored last, or "" */
};

/* Stores it if it may be stored, says what became of it, and forgets the
 * observation file.  Never fails as far as the build is concerned. */
void script_keep(struct script_keep *k);

/* The mode of OUT_DIR itself; 0 if it is not there. */
uint32_t script_out_mode(const struct job *j);

#endif
