/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/fetch.h"

#include "base/err.h"
#include "base/log.h"
#include "daemon/conn.h"
#include "daemon/hub.h"
#include "daemon/prefetch.h"
#include "remote/pack.h"
#include "remote/remote.h"
#include "store/entry.h"
#include "store/rmanifest.h"
#include "work/queue.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { UNITS, PACKS };

struct fetch {
	struct queue_job job;
	struct remote_op op;
	struct flight *flight;
	struct hub *hub;
	struct hub_setup *setup;
	enum kind kind;
	struct digest key;
	struct buf body;
	struct unpack *unpack;
	uint64_t have;
	int result;
	bool told_size;
	bool ahead;        /* began in the background */
	atomic_bool alone; /* and nobody has joined since */

	pthread_mutex_t lock; /* of what tell() and the job share: */
	bool cancelled;
	bool under_way; /* op is started and not finished */
};

static struct fetch *
of_job(struct queue_job *job)
{
	return (struct fetch *)((char *)job - offsetof(struct fetch, job));
}

static void
notify(struct remote_op *op)
{
	struct fetch *f =
		(struct fetch *)((char *)op - offsetof(struct fetch, op));

	queue_post(f->hub->queue, &f->job);
}

static int
take(struct fetch *f, const void *p, size_t n)
{
	if (f->kind == PACKS)
		return unpack_feed(f->unpack, p, n);
	buf_add(&f->body, p, n);
	return f->body.failed ? -ENOMEM : 0;
}

/* The manifest as the remote has it becomes one without bad records. */
static int
vet_manifest(struct fetch *f)
{
	struct rmanifest m = { 0 };
	int r = rmanifest_decode(f->body.p ? f->body.p : "", f->body.len, &m);

	if (r < 0)
		return r == ERR_NEWER ? ERR_MISS : r;
	hub_add(f->hub, HUB_DROPPED, m.dropped);
	if (m.dropped)
		log_msg(LOG_WARN, "%s: %zu records name what a remote may not",
			f->op.name, m.dropped);
	buf_reset(&f->body);
	rmanifest_encode(&m, &f->body);
	r = f->body.failed ? -ENOMEM : m.count ? 0 : ERR_MISS;
	rmanifest_release(&m);
	return r;
}

/* Nobody has asked for it yet: its first use will be a prefetch's merit. */
static int
keep_pack(struct fetch *f)
{
	struct hub_store *s = hub_store(f->hub);
	struct pack_info info;
	int r = unpack_end(f->unpack, &info);

	if (r == 0 && f->ahead && atomic_load(&f->alone) && s)
		entry_mark_fresh(&s->store, &f->key);
	return r;
}

static int
finish(struct fetch *f)
{
	int r = remote_result(&f->op);

	if (f->result == 0)
		f->result = r;
	if (f->result == 0)
		f->result = f->kind == PACKS ? keep_pack(f) : vet_manifest(f);
	if (f->result == ERR_CORRUPT || f->result == ERR_REFUSED) {
		if (r == 0) {
			hub_count(f->hub, HUB_CORRUPT);
			log_msg(LOG_WARN, "%s: what the remote gave is %s",
				f->op.name, err_text(f->result));
		}
	}
	pthread_mutex_lock(&f->lock);
	f->under_way = false;
	pthread_mutex_unlock(&f->lock);
	remote_finish(&f->op);
	return f->result;
}

/* Without memory nobody learns the size: an answer may come late then. */
static void
tell_size(struct fetch *f)
{
	struct fetch_size *size = calloc(1, sizeof(*size));

	f->told_size = true;
	if (!size)
		return;
	size->hub = f->hub;
	size->key = f->key;
	size->total = f->op.total;
	size->rate = remote_rate(f->setup->remote);
	size->mail.open = conn_size;
	mailbox_send(&f->hub->mail, &size->mail);
}

/* One piece a step, so that a large pack does not keep others waiting. */
static enum queue_step
receive(struct fetch *f)
{
	bool ended = false;
	const void *p;
	size_t n = remote_peek(&f->op, &p, &ended);

	if (n) {
		if (f->result == 0)
			f->result = take(f, p, n);
		f->have += n;
		remote_consume(&f->op, n);
		flight_progress(f->flight, f->have, f->op.total);
		if (f->kind == PACKS && f->op.total && !f->told_size)
			tell_size(f);
		if (f->result < 0)
			remote_cancel(&f->op);
		queue_post(f->hub->queue, &f->job);
		return QUEUE_PARK;
	}
	if (!ended)
		return QUEUE_PARK;
	finish(f);
	return QUEUE_DONE;
}

static int
prepare(struct fetch *f)
{
	struct hub_store *s;

	if (f->kind == UNITS)
		return 0;
	s = hub_store(f->hub);
	return s ? unpack_open(&s->store, &s->memo, &f->key,
			       f->ahead ? ENTRY_PREFETCHED : ENTRY_ASKED,
			       &f->unpack)
		 : -EIO;
}

static enum queue_step
run(struct queue_job *job)
{
	struct fetch *f = of_job(job);

	if (f->under_way)
		return receive(f);
	f->result = prepare(f);
	if (f->result < 0)
		return QUEUE_DONE;
	pthread_mutex_lock(&f->lock);
	f->result = f->cancelled ? -ECANCELED
				 : remote_start(f->setup->remote, &f->op);
	f->under_way = f->result == 0;
	pthread_mutex_unlock(&f->lock);
	return f->result < 0 ? QUEUE_DONE : QUEUE_PARK;
}

static void
done(struct queue_job *job, int result)
{
	struct fetch *f = of_job(job);
	struct fetch_value value = { .manifest = &f->body, .bytes = f->have };
	int r = result < 0 ? result : f->result;

	if (f->kind == PACKS)
		prefetch_ended(f->hub, &f->key, r, f->have);
	flight_end(f->flight, r, r == 0 ? &value : NULL);
}

static void
release(void *work)
{
	struct fetch *f = work;

	unpack_free(f->unpack);
	buf_free(&f->body);
	pthread_mutex_destroy(&f->lock);
	hub_put(f->setup);
	free(f);
}

static void
tell(void *work, enum flight_want want)
{
	struct fetch *f = work;
	bool demand = want == FLIGHT_DEMAND;

	if (demand)
		atomic_store(&f->alone, false);
	if (want == FLIGHT_CANCELLED) {
		pthread_mutex_lock(&f->lock);
		f->cancelled = true;
		if (f->under_way)
			remote_cancel(&f->op);
		pthread_mutex_unlock(&f->lock);
		queue_withdraw(f->hub->queue, &f->job);
		return;
	}
	queue_move(f->hub->queue, &f->job,
		   demand ? QUEUE_DEMAND : QUEUE_BACKGROUND);
	pthread_mutex_lock(&f->lock);
	if (f->under_way)
		remote_move(&f->op, demand ? REMOTE_DEMAND : REMOTE_BACKGROUND);
	else
		f->op.lane = demand ? REMOTE_DEMAND : REMOTE_BACKGROUND;
	pthread_mutex_unlock(&f->lock);
}

static void
name_object(struct fetch *f)
{
	static const char *const dir[] = { "units", "packs" };
	static const uint64_t max[] = { RMANIFEST_BYTES, PACK_MAX };
	char hex[DIGEST_HEX + 1];

	digest_hex(&f->key, hex);
	snprintf(f->op.name, sizeof(f->op.name), "v1/%s/%.2s/%s", dir[f->kind],
		 hex, hex);
	f->op.max = max[f->kind];
}

static int
start(struct flight *flight, struct hub *h, enum kind kind,
      const struct digest *key, enum flight_want want, void **work)
{
	bool demand = want == FLIGHT_DEMAND;
	struct fetch *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->hub = h;
	f->flight = flight;
	f->kind = kind;
	f->key = *key;
	f->job.run = run;
	f->job.done = done;
	f->op.verb = REMOTE_GET;
	f->op.lane = demand ? REMOTE_DEMAND : REMOTE_BACKGROUND;
	f->op.notify = notify;
	f->ahead = !demand;
	atomic_init(&f->alone, !demand);
	name_object(f);
	pthread_mutex_init(&f->lock, NULL);
	f->setup = hub_get(h);
	/* The job may be over before this returns. */
	*work = f;
	r = f->setup->remote
		    ? queue_admit(h->queue, &f->job,
				  demand ? QUEUE_DEMAND : QUEUE_BACKGROUND)
		    : ERR_MISS;
	if (r < 0)
		release(f);
	return r;
}

static int
start_units(struct flight *f, void *ctx, const struct digest *key,
	    enum flight_want want, void **work)
{
	return start(f, ctx, UNITS, key, want, work);
}

static int
start_packs(struct flight *f, void *ctx, const struct digest *key,
	    enum flight_want want, void **work)
{
	return start(f, ctx, PACKS, key, want, work);
}

static const struct flight_ops units_ops = { start_units, tell, release };
static const struct flight_ops packs_ops = { start_packs, tell, release };

int
fetch_open(struct hub *h)
{
	int r = flight_open(&units_ops, h, &h->units);

	return r ? r : flight_open(&packs_ops, h, &h->packs);
}
