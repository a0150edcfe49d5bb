/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_LOAD_H
#define DAEMON_PLAN_LOAD_H

#include <stdbool.h>

#include "plan/build_manifest.h" /* allow: value */

struct session;
struct services;
struct plan_load;

/*
 * Finds out in the background what a build will want, from the best source
 * first: the planner service; the build manifest of the same dependencies; with
 * a hint, that of an earlier Cargo.lock, or of the same workspace, without what
 * depends on packages that have changed. Threads: the poll loop's.
 */
struct plan_load_result {
	struct build_manifest bman; /* empty: nothing was found */
	bool *here;                 /* for each unit: the store has its entry */
	const char *source;
	bool final; /* a hint would change nothing */
};

/* Copies what it needs of B. Calls DONE once, later, unless forgotten; DONE may
 * take the build manifest out. NULL: it could not start. */
struct plan_load *plan_load_start(
	struct services *h, const struct session *b, bool with_hint,
	void (*done)(void *ctx, struct plan_load_result *r), void *ctx);
void plan_load_forget(struct plan_load *l);

#endif
