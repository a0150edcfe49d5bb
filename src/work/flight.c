/* SPDX-License-Identifier: Apache-2.0 */
#include "work/flight.h"

#include "base/digest.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 256 };

struct flights {
	pthread_mutex_t lock;
	const struct flight_ops *ops;
	void *ctx;
	struct flight *buckets[BUCKETS];
	size_t count;
	bool closed;
};

/*
 * `want` is set by whoever joins or leaves; `told` is what the work knows.
 * One thread at a time closes the gap, with `telling` set and the lock
 * dropped during the call: were each to tell its own change, a raise could
 * overtake the lowering that came before it.
 */
struct flight {
	struct flights *table;
	struct flight *next; /* in its bucket */
	struct digest key;
	struct flight_waiter *waiters;
	void *work;
	uint64_t have;
	uint64_t total;
	enum flight_want want;
	enum flight_want told;
	bool started;
	bool listed;
	bool background; /* asked for without a waiter as well */
	bool telling;
	bool ended; /* the last waiter has its result */
};

static struct flight **
bucket(struct flights *t, const struct digest *key)
{
	return &t->buckets[key->b[0] % BUCKETS];
}

static struct flight *
find(struct flights *t, const struct digest *key)
{
	struct flight *f = *bucket(t, key);

	while (f && !digest_eq(&f->key, key))
		f = f->next;
	return f;
}

static void
list(struct flight *f)
{
	struct flight **b = bucket(f->table, &f->key);

	f->next = *b;
	*b = f;
	f->listed = true;
}

static void
unlist(struct flight *f)
{
	struct flight **p = bucket(f->table, &f->key);

	if (!f->listed)
		return;
	while (*p != f)
		p = &(*p)->next;
	*p = f->next;
	f->listed = false;
}

int
flight_open(const struct flight_ops *ops, void *ctx, struct flights **out)
{
	struct flights *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->ops = ops;
	t->ctx = ctx;
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

void
flight_free(struct flights *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* The last use of F; no lock held. */
static void
land(struct flight *f)
{
	struct flights *t = f->table;

	if (f->started)
		t->ops->release(f->work);
	free(f);
	pthread_mutex_lock(&t->lock);
	t->count--;
	pthread_mutex_unlock(&t->lock);
}

/* Hands the result to all who wait, with the lock dropped. */
static void
deliver(struct flight *f, int result, const void *value)
{
	struct flight_waiter *w = f->waiters;
	struct flight_waiter *next;

	unlist(f);
	f->waiters = NULL;
	for (next = w; next; next = next->next)
		next->flight = NULL;
	pthread_mutex_unlock(&f->table->lock);
	for (; w; w = next) {
		next = w->next;
		w->done(w, result, value);
	}
	pthread_mutex_lock(&f->table->lock);
	f->ended = true;
}

static void
start(struct flight *f, enum flight_want want)
{
	struct flights *t = f->table;
	int r;

	pthread_mutex_unlock(&t->lock);
	r = t->ops->start(f, t->ctx, &f->key, want, &f->work);
	pthread_mutex_lock(&t->lock);
	f->started = r == 0;
	if (r < 0)
		deliver(f, r, NULL);
}

static void
tell_change(struct flight *f, enum flight_want want)
{
	struct flights *t = f->table;

	/* Who comes now begins anew; who came before this revived it. */
	if (want == FLIGHT_CANCELLED)
		unlist(f);
	pthread_mutex_unlock(&t->lock);
	t->ops->tell(f->work, want);
	pthread_mutex_lock(&t->lock);
}

/* Makes the work know what is wanted.  Takes over the lock and drops it;
 * F may be gone afterwards. */
static void
settle(struct flight *f)
{
	struct flights *t = f->table;
	bool last = false;

	if (!f->telling) {
		f->telling = true;
		while (!f->ended && (!f->started || f->want != f->told)) {
			f->told = f->want;
			if (f->started)
				tell_change(f, f->told);
			else
				start(f, f->told);
		}
		f->telling = false;
		last = f->ended;
	}
	pthread_mutex_unlock(&t->lock);
	if (last)
		land(f);
}

static struct flight *
begin(struct flights *t, const struct digest *key)
{
	struct flight *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->table = t;
	f->key = *key;
	t->count++;
	list(f);
	return f;
}

static void
add_waiter(struct flight *f, struct flight_waiter *w)
{
	w->flight = f;
	w->prev = NULL;
	w->next = f->waiters;
	if (w->next)
		w->next->prev = w;
	f->waiters = w;
}

int
flight_join(struct flights *t, const struct digest *key,
	    struct flight_waiter *w)
{
	struct flight *f = NULL;
	int r = -ECANCELED;

	pthread_mutex_lock(&t->lock);
	if (!t->closed) {
		f = find(t, key);
		if (!f)
			f = begin(t, key);
		r = -ENOMEM;
	}
	if (!f) {
		pthread_mutex_unlock(&t->lock);
		return r;
	}
	if (w)
		add_waiter(f, w);
	else
		f->background = true;
	f->want = f->waiters ? FLIGHT_DEMAND : FLIGHT_BACKGROUND;
	settle(f);
	return 0;
}

static void
remove_waiter(struct flight *f, struct flight_waiter *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else
		f->waiters = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->flight = NULL;
}

static enum flight_want
want_of_none(const struct flight *f)
{
	bool most = f->total != 0 && f->have >= f->total - f->total / 2;

	return f->background || most ? FLIGHT_BACKGROUND : FLIGHT_CANCELLED;
}

bool
flight_leave(struct flights *t, struct flight_waiter *w)
{
	struct flight *f;

	pthread_mutex_lock(&t->lock);
	f = w->flight;
	if (!f) {
		pthread_mutex_unlock(&t->lock);
		return false;
	}
	remove_waiter(f, w);
	if (!f->waiters && f->want != FLIGHT_CANCELLED)
		f->want = want_of_none(f);
	settle(f);
	return true;
}

uint64_t
flight_left(struct flights *t, const struct flight_waiter *w)
{
	const struct flight *f;
	uint64_t left = 0;

	pthread_mutex_lock(&t->lock);
	f = w->flight;
	if (f && f->total > f->have)
		left = f->total - f->have;
	pthread_mutex_unlock(&t->lock);
	return left;
}

void
flight_progress(struct flight *f, uint64_t have, uint64_t total)
{
	pthread_mutex_lock(&f->table->lock);
	f->have = have;
	f->total = total;
	pthread_mutex_unlock(&f->table->lock);
}

void
flight_end(struct flight *f, int result, const void *value)
{
	struct flights *t = f->table;
	bool last;

	pthread_mutex_lock(&t->lock);
	deliver(f, result, value);
	last = !f->telling;
	pthread_mutex_unlock(&t->lock);
	if (last)
		land(f);
}

void
flight_forget(struct flights *t, const struct digest *key)
{
	struct flight *f;

	pthread_mutex_lock(&t->lock);
	f = find(t, key);
	if (!f) {
		pthread_mutex_unlock(&t->lock);
		return;
	}
	f->background = false;
	if (!f->waiters && f->want != FLIGHT_CANCELLED)
		f->want = want_of_none(f);
	settle(f);
}

static struct flight *
uncancelled(struct flights *t)
{
	for (int i = 0; i < BUCKETS; i++)
		for (struct flight *f = t->buckets[i]; f; f = f->next)
			if (f->want != FLIGHT_CANCELLED)
				return f;
	return NULL;
}

void
flight_close(struct flights *t)
{
	struct flight *f;

	pthread_mutex_lock(&t->lock);
	t->closed = true;
	for (f = uncancelled(t); f; f = uncancelled(t)) {
		f->want = FLIGHT_CANCELLED;
		settle(f);
		pthread_mutex_lock(&t->lock);
	}
	pthread_mutex_unlock(&t->lock);
}

size_t
flight_count(struct flights *t)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = t->count;
	pthread_mutex_unlock(&t->lock);
	return n;
}
