/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PREFETCH_H
#define DAEMON_PREFETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

struct session;
struct services;
struct prefetches;

/*
 * Fetching ahead: for a build that has missed once, what earlier builds of the
 * same dependencies used is fetched in topological order before cargo asks for
 * it.  A plan is never wrong, only useless: keys are the shim's to compute.
 *
 * Bounds: 32 packs at a time, 4,096 packs, [prefetch] max_bytes but never more
 * than half of what the store may hold, five minutes, and as far as the plan
 * has earned trust (daemon/prefetch_window).  One whose units are asked for all
 * the same (their inputs are others now) is given up.  Demand raises what it
 * waits for and goes first everywhere (work/queue, remote).
 *
 * Threads: the poll loop's, but for prefetch_ended.
 */
int prefetch_open(struct services *h);
void prefetch_close(struct prefetches *p);

/* B has missed: plans for it, once. */
void prefetch_begin(struct prefetches *p, struct session *b);

/* B's hint has come: sources that need it may be tried. */
void prefetch_hinted(struct prefetches *p, struct session *b);

/* A shim asks for unit K0, which it does not find in the store, and then for
 * the pack AT of it, if there is one that it can use. */
void prefetch_check(struct prefetches *p, const struct digest *k0);
void prefetch_get(struct prefetches *p, const struct digest *at);

/* A pack's flight is over.  Threads: any. */
void prefetch_ended(struct services *h, const struct digest *at, int result,
		    uint64_t bytes);

/* Whether the pack AT was fetched ahead since its shim looked for it in the
 * store.  With TELL, once: who asks again means that it cannot be used. */
bool prefetch_came(struct prefetches *p, const struct digest *at, bool tell);

/* The size a plan says the pack AT has, 0: in no plan. */
uint64_t prefetch_expect(const struct prefetches *p, const struct digest *at);

/* Gives when to call again, 0: no need. */
int64_t prefetch_tick(struct prefetches *p, int64_t now);

/* B is over: its plan is counted and freed. */
void prefetch_end(struct prefetches *p, const struct session *b);

/* Fetches no more. */
void prefetch_stop(struct prefetches *p);

#endif
