/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_SCRIPT_KEEP_H
#define SHIM_SCRIPT_KEEP_H

#include <stdbool.h>
#include <stdint.h>

struct digest;
struct job;
struct run;
struct watched;
struct witness;

/*
 * What a build script did becomes an entry, and a witness (key/witness.h).
 * Threads: one.
 */
struct script_keep {
	struct job *job;
	struct run *run;
	struct watched *watched;
	uint64_t run_us;
	bool was_empty; /* OUT_DIR, before */
	char reason[200];
};

/* Stores it if it may be stored, says what became of it, and forgets the
 * observation file.  Never fails as far as the build is concerned. */
void script_keep(struct script_keep *k);

/* The record of who bore witness for the run K1.  0, ERR_MISS, or as
 * entry_load. */
int script_witness(struct job *j, const struct digest *k1, struct witness *out);

#endif
