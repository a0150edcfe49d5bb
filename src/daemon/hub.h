/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_HUB_H
#define DAEMON_HUB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"  /* allow: value */
#include "daemon/decoder.h" /* allow: value */
#include "daemon/mailbox.h" /* allow: value */
#include "key/memo.h"       /* allow: value */
#include "store/store.h"    /* allow: value */

struct builds;
struct conns;
struct flights;
struct pool;
struct prefetches;
struct queue;
struct remote;
struct sweeper;
struct uploads;

/*
 * What all parts of the daemon share.  Made by kached.c before any thread
 * starts; members are constant from then on unless they say otherwise.
 */
enum hub_counter {
#define COUNTER(id, name) HUB_##id,
#include "daemon/counters.def" /* allow: value */
#undef COUNTER
	HUB_COUNTERS
};

/* Scopes keep apart what may not be mixed; there is one. */
#define HUB_SCOPE "default"

/* A loaded configuration and its remote, which may be NULL.  Lives as long
 * as somebody refers to it, so a reload waits for nobody. */
struct hub_setup {
	struct config config;
	struct remote *remote;
	char problem[400]; /* why there is no remote although one is named */
	struct hub *hub;
	atomic_int refs;
	struct mail last; /* to the poll loop: close it */
};

/* The store as one thread uses it: locks belong to an open file. */
struct hub_store {
	struct store store;
	struct memo memo;
};

struct hub {
	char cache_dir[4096];
	char socket[4200];
	char log[4200];
	char program[4096]; /* our own path */
	int64_t started;    /* monotonic ns */

	struct queue *queue;
	struct pool *pool;
	struct flights *units; /* remote manifests, by K0 */
	struct flights *packs; /* packs, by where their entry lies */
	struct uploads *uploads;
	struct mailbox mail;
	struct decoders decoders;
	struct conns *conns; /* the poll loop's, as these: */
	struct builds *builds;
	struct prefetches *prefetches;
	struct sweeper *sweeper;
	bool stopping; /* no new question is taken */
	bool quit;     /* leave the loop */

	pthread_mutex_t lock; /* of setup */
	struct hub_setup *setup;
	pthread_key_t stores;

	atomic_uint ledgers; /* build manifests being written */
	atomic_uint_fast64_t count[HUB_COUNTERS];
};

/* Loads the configuration of this process. */
void hub_config(struct config *c);

/* Fills H: mailbox, queue, pool, tables.  0 or -errno, after which the
 * program ends. */
int hub_init(struct hub *h, const struct config *c);

/* The orderly end of all that hub_init made; the remote has ended its
 * operations. */
void hub_release(struct hub *h);

/* Loads configuration and opens its remote.  0 and a new setup with one
 * reference, or -ENOMEM. */
int hub_load(struct hub *h, struct hub_setup **out);

/* The current setup with one more reference; hub_put gives it back. */
struct hub_setup *hub_get(struct hub *h);
void hub_put(struct hub_setup *s);

/* Makes S, whose reference it takes, the current one. */
void hub_replace(struct hub *h, struct hub_setup *s);

/* This thread's own store.  NULL: it cannot be opened. */
struct hub_store *hub_store(struct hub *h);

static inline void
hub_add(struct hub *h, enum hub_counter c, uint64_t n)
{
	atomic_fetch_add_explicit(&h->count[c], n, memory_order_relaxed);
}

static inline void
hub_count(struct hub *h, enum hub_counter c)
{
	hub_add(h, c, 1);
}

#endif
