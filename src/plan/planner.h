/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_PLANNER_H
#define PLAN_PLANNER_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

struct buf;
struct packages;

/*
 * What is said to and by a planner service: POST /v2/prefetch-plan, JSON
 * (remote service of kache 2.0).  Its answer is untrusted: it may only name
 * keys, which are looked for under every budget like anything else.  Pure.
 * Threads: any.
 */
enum { PLANNER_MAX = 10000, PLANNER_ANSWER_MAX = 8 << 20 };

/*
 * Appends the request: names of crates in topological order, the pairs of
 * name and version, and as namespace "<16 hex of TOOLCHAIN>/<scope>" (null
 * without TOOLCHAIN).  0 or -ENOMEM.
 */
int planner_request(const struct packages *p, const struct digest *toolchain,
		    const char *scope, struct buf *out);

enum planner_disposition { PLANNER_EXECUTE, PLANNER_FALLBACK, PLANNER_NOTHING };

struct planner_candidate {
	struct digest key;
	uint64_t order; /* its demand_index; UINT64_MAX: not said */
	uint64_t compile_ms;
	uint64_t bytes; /* 0: not said */
	char crate[65];
};

/* Zero-initialised is empty. */
struct planner_plan {
	enum planner_disposition disposition;
	struct planner_candidate *list; /* in order of demand */
	size_t count;
};

/*
 * Reads the answer.  PLANNER_EXECUTE comes with at least one candidate: an
 * empty list is PLANNER_FALLBACK.  0, OUT is to be released; or an error,
 * whenever anything is not as it must be: plan without the service.
 */
int planner_parse(const char *text, size_t n, struct planner_plan *out);
void planner_release(struct planner_plan *p);

#endif
