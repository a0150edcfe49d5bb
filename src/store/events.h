/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include <stdint.h>

#include "base/buf.h"    /* allow: value */
#include "base/digest.h" /* allow: value */

struct store;

/*
 * The event log: one line an invocation, one write each, so lines of
 * concurrent writers do not mix.  Columns are in src/store/FORMAT.
 * Threads: any.
 */
struct events_line {
	uint64_t session; /* of cargo: pid and start time, hashed */
	const char *outcome;
	const char *reason;
	const char *crate;
	const char *kind;
	struct digest k0, k1; /* zero: none */
	struct digest at;     /* where the entry lies; zero: nowhere */
	struct buf externs;   /* name:16hex, comma between */
	uint64_t key_us, lookup_us, restore_us, compile_us, store_us, total_us;
	uint64_t bytes;
	uint64_t saved_us;
	int status;
	const char *command;
	const char *profile;
	const char *package;
	const char *version;
	const char *cwd;
};

/* Appends to events.log; at 32 MiB the log becomes events.log.1 first.
 * 0 or -errno. */
int events_append(struct store *s, const struct events_line *e);

#endif
