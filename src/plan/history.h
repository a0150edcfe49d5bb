/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_HISTORY_H
#define PLAN_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

/*
 * What one cargo run did, from its lines of events.log (src/store/FORMAT).
 * Pure.  Threads: owner.
 */
enum { HISTORY_UNITS = 8192, HISTORY_EXTERNS = 512 };

struct history_unit {
	struct digest at;
	struct digest k0;
	uint64_t compile_us; /* what the compile took, or a hit saved */
	const char *package; /* the package of the unit */
	const char *version;
	const char *externs; /* "name:16 hex digits,..." */
	bool local;          /* stays on this machine, or was not stored */
	bool prefetched;     /* served by what was fetched ahead */
	bool compiled;
	bool script; /* a build script, or a run of one */
};

struct history {
	struct history_unit *unit; /* in order of demand, each `at` once */
	size_t count;
	size_t hits, prefetch_hits, compiled;
};

/* Reads TEXT of N bytes, which is changed, and keeps pointers into it.  Lines
 * of other sessions, of queries and broken ones are skipped.  0 or -ENOMEM;
 * the caller owns OUT. */
int history_read(char *text, size_t n, uint64_t session, struct history *out);
void history_release(struct history *h);

/* Calls USE with the first 8 bytes of each extern's digest. */
void history_externs(const struct history_unit *u,
		     void (*use)(void *ctx, uint64_t prefix), void *ctx);

/* The same 8 bytes of a whole digest. */
uint64_t history_prefix(const struct digest *d);

#endif
