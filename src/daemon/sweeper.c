/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/sweeper.h"

#include "base/err.h"
#include "base/file.h"
#include "base/thread_background.h"
#include "base/log.h"
#include "daemon/conn.h"
#include "daemon/services.h"
#include "daemon/witness_call.h"
#include "store/gc.h"
#include "store/scrub.h"
#include "store/sync.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND ((int64_t)1000000000)

/* Nobody was served for so long. */
#define QUIET_NS (5 * SECOND)
#define LOOK_NS (10 * SECOND)
/* Then it is looked whether a sweep is due. */
enum { SCRUB_MS = 60000 };
#define SYNC_NS (DIGEST_CACHE_SYNC_S * SECOND)
/* Where a sync fails, the next try. */
#define SYNC_PAUSE_NS (60 * SECOND)

static const char why_size[] = "size";

struct sweeper {
	struct services *hub;
	pthread_t thread;
	bool joined;
	int64_t look_at; /* the poll loop's */
	atomic_bool stop;

	pthread_mutex_t lock; /* of the rest */
	pthread_cond_t wake;
	bool look;
	bool quiet;       /* nobody is being served */
	int64_t swept_at; /* monotonic ns; 0: not yet */
	struct sweeper_status st;

	/* The thread's: */
	uint64_t swept_max;           /* the limit of the last sweep */
	int64_t synced_at;            /* monotonic ns, of the last try */
	struct services_store *store; /* of the sweep under way, */
	const struct config *config;
	const char *why;
};

static void
sync_store(struct sweeper *w, struct services_store *s)
{
	w->synced_at = file_monotonic();
	store_sync(&s->store, &s->memo);
}

static bool
is_over(const struct sweeper *w, const struct digest_cache_state *m,
	const struct config *c)
{
	uint64_t max = (uint64_t)c->v[CONFIG_STORE_MAX_SIZE].num;
	struct digest_cache_state now = *m;

	/* What the last sweep left it left for another limit. */
	if (max != w->swept_max)
		now.left = 0;
	return digest_cache_over(&now, max, DIGEST_CACHE_OVER);
}

/* With gc.lock: another sweeper may just have done what was due. */
static int
locked(void *ctx)
{
	struct sweeper *w = ctx;
	struct digest_cache_state m;

	digest_cache_look(&w->store->memo, &m);
	if (w->why == why_size && !is_over(w, &m, w->config))
		return -EALREADY;
	sync_store(w, w->store);
	digest_cache_sweep_begins(&w->store->memo);
	return 0;
}

static bool
go_on(void *ctx, uint64_t done, uint64_t total)
{
	struct sweeper *w = ctx;

	(void)done;
	(void)total;
	return !atomic_load(&w->stop);
}

static void
note(struct sweeper *w, const struct gc_report *r, int64_t took)
{
	services_count(w->hub, HUB_SWEEPS);
	services_add(w->hub, HUB_EVICTED, r->victims);
	services_add(w->hub, HUB_FREED, r->freed);
	pthread_mutex_lock(&w->lock);
	w->st.last = file_now();
	w->st.took = took;
	w->st.removed = r->victims;
	w->st.freed = r->freed;
	pthread_mutex_unlock(&w->lock);
}

static void
tell(const struct gc_report *r, const char *why, int64_t took)
{
	log_msg(LOG_INFO,
		"swept (%s): %llu of %llu entries and %llu blobs removed, "
		"%llu bytes freed, %llu left, in %lld ms%s",
		why, (unsigned long long)r->victims,
		(unsigned long long)r->entries, (unsigned long long)r->orphans,
		(unsigned long long)r->freed,
		(unsigned long long)r->bytes_after, (long long)took / 1000000,
		r->cut_short ? ", cut short" : "");
	if (r->stuck)
		log_msg(LOG_WARN,
			"swept: %llu entries and blobs could not be "
			"removed",
			(unsigned long long)r->stuck);
	if (r->expired)
		log_msg(LOG_WARN, "swept: %llu uploads given up after 30 days",
			(unsigned long long)r->expired);
}

static void
set_busy(struct sweeper *w, bool busy)
{
	pthread_mutex_lock(&w->lock);
	w->st.busy = busy;
	if (!busy)
		w->swept_at = file_monotonic();
	pthread_mutex_unlock(&w->lock);
}

static void
sweep(struct sweeper *w, struct services_store *s, const struct config *c,
      const char *why)
{
	const struct config_value *v = c->v;
	struct gc_options o = {
		.max_size = (uint64_t)v[CONFIG_STORE_MAX_SIZE].num,
		.max_age = config_nanoseconds(&v[CONFIG_STORE_MAX_AGE]),
		.incremental_max_age = config_nanoseconds(
			&v[CONFIG_STORE_INCREMENTAL_MAX_AGE]),
		.automatic = true,
		.locked = locked,
		.go_on = go_on,
		.ctx = w,
	};
	struct gc_report rep = { 0 };
	int64_t from = file_monotonic(), took;
	int r;

	w->store = s;
	w->config = c;
	w->why = why;
	set_busy(w, true);
	r = gc_run(&s->store, &s->memo, &o, &rep);
	took = file_monotonic() - from;
	set_busy(w, false);
	if (r == -EAGAIN || r == -EALREADY) {
		log_msg(LOG_DEBUG, "another sweeper is at work, or was");
		return;
	}
	w->swept_max = o.max_size;
	if (r == 0) {
		note(w, &rep, took);
		tell(&rep, why, took);
	} else {
		digest_cache_sweep_failed(&s->memo);
		log_msg(LOG_ERROR, "cannot sweep: %s", err_text(r));
	}
}

/* Why the store is to be swept now, or NULL. */
static const char *
reason(struct sweeper *w, const struct digest_cache_state *m,
       const struct config *c)
{
	int64_t interval = config_nanoseconds(&c->v[CONFIG_DAEMON_GC_INTERVAL]);
	int64_t now = file_monotonic();
	const char *why = NULL;

	pthread_mutex_lock(&w->lock);
	if (!w->swept_at)
		why = "start";
	else if (interval > 0 && now - w->swept_at >= interval)
		why = "interval";
	else if (is_over(w, m, c))
		why = why_size;
	pthread_mutex_unlock(&w->lock);
	return why;
}

static bool
is_quiet(struct sweeper *w)
{
	bool quiet;

	pthread_mutex_lock(&w->lock);
	quiet = w->quiet;
	pthread_mutex_unlock(&w->lock);
	return quiet;
}

static bool
scrub_goes_on(void *ctx)
{
	struct sweeper *w = ctx;

	return !atomic_load(&w->stop);
}

static void
scrub(struct sweeper *w, struct services_store *s)
{
	struct scrub in = { .store = &s->store,
			    .memo = &s->memo,
			    .budget_ms = SCRUB_MS,
			    .go_on = scrub_goes_on,
			    .ctx = w };

	if (!scrub_is_due(&s->memo) || scrub_run(&in) < 0)
		return;
	services_add(w->hub, HUB_SCRUBBED, in.blobs);
	services_add(w->hub, HUB_DAMAGED, in.bad);
	if (in.bad)
		log_msg(LOG_ERROR,
			"%llu of %llu blobs that were read again hold other "
			"bytes than were stored: removed",
			(unsigned long long)in.bad,
			(unsigned long long)in.blobs);
}

static void
look(struct sweeper *w)
{
	struct services_store *s = services_store(w->hub);
	struct services_setup *setup;
	struct digest_cache_state m;
	const char *why;

	if (!s)
		return;
	digest_cache_look(&s->memo, &m);
	setup = services_get(w->hub);
	why = reason(w, &m, &setup->config);
	if (why)
		sweep(w, s, &setup->config, why);
	else if (m.unsynced && file_now() - m.synced > SYNC_NS &&
		 file_monotonic() - w->synced_at > SYNC_PAUSE_NS)
		sync_store(w, s);
	else if (setup->config.v[CONFIG_STORE_VERIFY].num != CONFIG_VERIFY_NO)
		scrub(w, s);
	services_put(setup);
	if (!why && is_quiet(w))
		witness_call(w->hub->cache_dir, s->store.dir, &w->stop);
}

static bool
wait_for_look(struct sweeper *w)
{
	bool stop;

	pthread_mutex_lock(&w->lock);
	while (!w->look && !atomic_load(&w->stop))
		pthread_cond_wait(&w->wake, &w->lock);
	w->look = false;
	stop = atomic_load(&w->stop);
	pthread_mutex_unlock(&w->lock);
	return !stop;
}

static void *
run(void *arg)
{
	struct sweeper *w = arg;

	thread_background();
	while (wait_for_look(w))
		look(w);
	return NULL;
}

static int
start_thread(struct sweeper *w)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		pthread_setname_np(w->thread, "kache-sweep");
	return -r;
}

int
sweeper_open(struct services *h)
{
	struct sweeper *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->hub = h;
	w->look_at = h->started;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	r = start_thread(w);
	if (r == 0) {
		h->sweeper = w;
		return 0;
	}
	w->joined = true;
	sweeper_close(w);
	return r;
}

int64_t
sweeper_tick(struct sweeper *w, int64_t now)
{
	struct conns *all = w->hub->conns;

	if (now < w->look_at)
		return w->look_at;
	w->look_at = now + LOOK_NS;
	pthread_mutex_lock(&w->lock);
	w->look = true;
	w->quiet = !all->count && now - all->active >= QUIET_NS;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	return w->look_at;
}

void
sweeper_status(struct sweeper *w, struct sweeper_status *out)
{
	pthread_mutex_lock(&w->lock);
	*out = w->st;
	pthread_mutex_unlock(&w->lock);
}

void
sweeper_stop(struct sweeper *w)
{
	pthread_mutex_lock(&w->lock);
	atomic_store(&w->stop, true);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

int
sweeper_join(struct sweeper *w, int ms)
{
	struct timespec t;

	if (w->joined)
		return 0;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	if (pthread_timedjoin_np(w->thread, NULL, &t) != 0)
		return ERR_TIMEOUT;
	w->joined = true;
	return 0;
}

void
sweeper_close(struct sweeper *w)
{
	if (!w->joined) {
		sweeper_stop(w);
		pthread_join(w->thread, NULL);
	}
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
