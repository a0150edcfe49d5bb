/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLANLOAD_H
#define DAEMON_PLANLOAD_H

#include <stdbool.h>

#include "plan/bman.h" /* allow: value */

struct build;
struct hub;
struct planload;

/*
 * Finding out what a build will want, in the background, best source first:
 * the planner endpoint; the build manifest of the same dependencies; with a
 * hint, that of an earlier Cargo.lock, or of the same workspace, less what
 * depends on packages that are others now.
 * Threads: the poll loop's.
 */
struct planload_result {
	struct bman bman; /* empty: nothing was found */
	bool *here;       /* for each unit: the store has its entry */
	const char *source;
	bool final; /* a hint would change nothing */
};

/* Copies what it needs of B.  Calls DONE once, later, unless forgotten; DONE
 * may take the bman out.  NULL: it could not begin. */
struct planload *planload_start(
	struct hub *h, const struct build *b, bool with_hint,
	void (*done)(void *ctx, struct planload_result *r), void *ctx);
void planload_forget(struct planload *l);

#endif
