/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SERVICES_H
#define DAEMON_SERVICES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"       /* allow: value */
#include "daemon/unpack_slots.h" /* allow: value */
#include "daemon/mailbox.h"      /* allow: value */
#include "key/digest_cache.h"    /* allow: value */
#include "store/store.h"         /* allow: value */

struct sessions;
struct conns;
struct fetch_ops;
struct flights;
struct pool;
struct prefetches;
struct queue;
struct remote;
struct sweeper;
struct uploads;

/* What all parts of the daemon share, and where they find each other. Does not
 * know any of them. Filled before any thread starts; from then on members are
 * constant unless they say otherwise. */
enum services_counter {
#define COUNTER(id, name) HUB_##id,
#include "daemon/counters.def" /* allow: value */
#undef COUNTER
	SERVICES_COUNTERS
};

/* Scopes keep apart what may not be mixed; there is one. */
#define SERVICES_SCOPE "default"

/* A loaded configuration and its remote, which may be NULL. It lives as long as
 * anybody refers to it, so that a reload waits for nobody. */
struct services_setup {
	struct config config;
	struct remote *remote;
	char problem[400]; /* why there is no remote although one is named */
	struct services *hub;
	atomic_int refs;
	struct mail last; /* to the poll loop: close it */
};

/* The store as one thread uses it, because locks belong to an open file. */
struct services_store {
	struct store store;
	struct digest_cache memo;
};

struct services {
	char cache_dir[4096];
	char socket[4200];
	char log[4200];
	char program[4096]; /* our own path */
	int64_t started;    /* monotonic ns */

	struct queue *queue;
	struct pool *pool;
	/* The parts, made by daemon/parts; nothing here calls them. */
	const struct fetch_ops *fetch_ops;
	struct flights *units; /* remote manifests, by K0 */
	struct flights *packs; /* packs, by where their entry lies */
	struct uploads *uploads;
	struct mailbox mail;
	struct unpack_slots decoders;
	struct conns *conns; /* the poll loop's, as these: */
	struct sessions *builds;
	struct prefetches *prefetches;
	struct sweeper *sweeper;
	bool stopping; /* no new question is taken */
	bool quit;     /* leave the loop */

	pthread_mutex_t lock; /* of setup */
	struct services_setup *setup;
	pthread_key_t stores;

	atomic_uint ledgers; /* build manifests being written */
	atomic_uint_fast64_t count[SERVICES_COUNTERS];
};

/* Loads the configuration of this process. */
void services_config(struct config *c);

/* Fills H: mailbox, queue, pool.  0 or -errno, after which the program
 * ends. */
int services_init(struct services *h, const struct config *c);

/* The orderly end, in two steps: the threads of the pool, then the rest.  The
 * remote has ended its operations. */
void services_stop(struct services *h);
void services_release(struct services *h);

/* Loads configuration and opens its remote.  0 and a new setup with one
 * reference, or -ENOMEM. */
int services_load(struct services *h, struct services_setup **out);

/* The current setup with one more reference; services_put gives it back. */
struct services_setup *services_get(struct services *h);
void services_put(struct services_setup *s);

/* Makes S, whose reference it takes, the current one. */
void services_replace(struct services *h, struct services_setup *s);

/* This thread's own store.  NULL: it cannot be opened. */
struct services_store *services_store(struct services *h);

static inline void
services_add(struct services *h, enum services_counter c, uint64_t n)
{
	atomic_fetch_add_explicit(&h->count[c], n, memory_order_relaxed);
}

static inline void
services_count(struct services *h, enum services_counter c)
{
	services_add(h, c, 1);
}

#endif
