/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_KEEP_H
#define SHIM_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job;
struct run;

/*
 * Stores what a compile made, if it can be proven what it depended on.
 * Order: blobs, entry, then a look whether every blob is still there (a
 * sweep may have run in between), then the manifest.
 */
struct keep {
	struct job *job;
	struct run *run;
	const char *trace; /* observation file */
	const char *observer;
	int64_t started; /* wall clock before the compile, ns */
	uint64_t compile_us;
	int duplicate;     /* out: every output was a blob already */
	const char *stays; /* out: why the result does not travel, or NULL */
	char reason[200];  /* out: why it is not stored */
};

/* 0: stored.  Else k->reason says why not; nothing is published. */
int keep_result(struct keep *k);

/* For a result that is not stored: cargo is told of the inputs that the last
 * stored one had (shim/extras.h). */
void keep_extras(struct keep *k);

/* Whether [store] min_free lets anything be stored. */
bool keep_has_space(const struct job *j);

#endif
