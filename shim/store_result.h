/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_STORE_RESULT_H
#define SHIM_STORE_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct invocation;
struct run;

/*
 * Stores what a compile made, if it can be proven what it depended on.
 * Order: blobs, entry, then a look whether every blob is still there (a
 * sweep may have run in between), then the manifest.
 */
struct store_result {
	struct invocation *job;
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
int store_result(struct store_result *k);

/* For a result that is not stored: cargo is told of the inputs that the last
 * stored one had (shim/depinfo_inputs.h). */
void store_result_extras(struct store_result *k);

/* Whether [store] min_free lets anything be stored. */
bool store_result_has_space(const struct invocation *j);

#endif
