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
 * Prefetch. For a build that has missed once, fetches what earlier builds of
 * the same dependencies used, in topological order, before cargo asks for it. A
 * plan is never wrong, only useless, because the shim computes the keys.
 * Limits: 32 packs at a time, 4,096 packs, [prefetch] max_bytes but at most
 * half of what the store may hold, five minutes, and the trust the plan has
 * earned (daemon/prefetch_window). A plan is given up if its units turn out to
 * have other inputs now. Demand raises what it waits for and goes first
 * everywhere (work/queue, remote). Threads: the poll loop's, except for
 * prefetch_ended.
 */
int prefetch_open(struct services *h);
void prefetch_close(struct prefetches *p);

/* B has missed: plans for it, once. */
void prefetch_begin(struct prefetches *p, struct session *b);

/* B's hint has come: sources that need it may be tried. */
void prefetch_hinted(struct prefetches *p, struct session *b);

/* A shim asks for the unit K0, which its store lacks, and then for the pack AT,
 * if there is one it can use. */
void prefetch_check(struct prefetches *p, const struct digest *k0);
void prefetch_get(struct prefetches *p, const struct digest *at);

/* A pack's flight is over.  Threads: any. */
void prefetch_ended(struct services *h, const struct digest *at, int result,
		    uint64_t bytes);

/* Whether the pack AT was prefetched after its shim looked for it in the store.
 * With TELL, only once: a shim that asks again cannot use it. */
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
