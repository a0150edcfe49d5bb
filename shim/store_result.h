/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_STORE_RESULT_H
#define SHIM_STORE_RESULT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"        /* allow: value */
#include "key/derive.h"         /* allow: value */
#include "key/inputs.h"         /* allow: value */
#include "key/trace.h"          /* allow: value */
#include "shim/observability.h" /* allow: value */
#include "shim/secret_scan.h"   /* allow: value */
#include "store/entry.h"        /* allow: value */

struct compile;
struct invocation;
struct lookup;

/*
 * Stores what a compile or a run made, if it can be proven what it depended
 * on.  Order: blobs, entry, then a look whether every blob is still there (a
 * sweep may have run in between), then the manifest, then the upload intent.
 * Threads: one.
 */
enum { RESULT_PLACES_MAX = 4 };

struct result {
	struct invocation *job;
	const struct compile *compile;
	void *own; /* the kind's: struct kind_store's own_size */

	/* In the order in which they come to be: */
	struct secret_scan_set secrets;
	bool offered; /* there is a remote to offer it to */
	struct trace trace;
	struct observability seen;
	struct inputs inputs; /* the manifest's, once it is stored */
	struct digest inputs_id;
	struct digest k1;
	struct entry entry;
	bool duplicate; /* every output was a blob already */
	struct digest lies[RESULT_PLACES_MAX]; /* where entries lie now */
	size_t nlies;
	const struct digest *tag; /* of its diagnostics, or NULL */
	bool bound;               /* it names a root all the same */

	/* What became of it: */
	const char *stays; /* why it does not travel, or NULL */
	char reason[200];  /* why it is not stored */
	struct derive derive;
};

/*
 * Stores the result of C, whose lookup was LAST.  0; ERR_REFUSED: nothing was
 * published, and the next time would end so, too; or another code: not this
 * time.  *OUT, new, is the caller's in any case: out->reason says why.
 * NULL: no memory.
 */
struct result *store_result(struct invocation *j, const struct compile *c,
			    const struct lookup *last, int *code);
void result_free(struct result *r);

/* Notes WHY, with WHAT behind a colon unless NULL, if no reason is noted yet.
 * Returns CODE. */
int result_refuse(struct result *r, int code, const char *why,
		  const char *what);

/* An entry of it lies AT. */
void result_lies_at(struct result *r, const struct digest *at);

/* Pure: in an edit loop copying every result would cost time, so a unit that
 * had incremental state is stored every 10 minutes.  LAST_MS: when it was
 * stored, 0: never; wall clock. */
bool result_is_too_soon(bool had_state, uint64_t last_ms, uint64_t now_ms);

#endif
