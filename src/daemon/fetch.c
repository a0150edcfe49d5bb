/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/fetch.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/services.h"
#include "daemon/tempfile.h"
#include "remote/pack.h"
#include "remote/remote.h"
#include "store/entry.h"
#include "store/unit_manifest.h"
#include "work/queue.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { UNITS, PACKS };

/* How a pack is taken: as it comes, with a decoder's place; or into a file
 * first, which is read again once there is one. */
enum way { UNDECIDED, DIRECT, INTO_FILE, FROM_FILE };

enum { PIECE = 256 << 10, UNIT_BYTES = 4096 };

struct fetch {
	struct queue_job job;
	struct remote_op op;
	struct flight *flight;
	struct services *hub;
	struct services_setup *setup;
	enum kind kind;
	struct digest key;
	struct buf body;
	enum way way;
	struct unpack *unpack;
	struct unpack_turn turn;
	bool place; /* a decoder's place is ours */
	int file;
	uint64_t replayed;
	uint64_t have;
	int result;
	bool again;        /* it was cut short once and began anew */
	bool told_size;    /* to the poll loop */
	bool told_rate;    /* and how fast it comes */
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
open_unpack(struct fetch *f)
{
	struct services_store *s = services_store(f->hub);

	return s ? unpack_open(&s->store, &s->memo, &f->key,
			       f->ahead ? ENTRY_PREFETCHED : ENTRY_ASKED,
			       &f->unpack)
		 : -EIO;
}

/* Decided by the first bytes: what never comes needs no place. */
static int
decide(struct fetch *f)
{
	struct services_store *s = services_store(f->hub);

	if (unpack_slots_try(&f->hub->decoders)) {
		f->place = true;
		f->way = DIRECT;
		return open_unpack(f);
	}
	f->way = INTO_FILE;
	f->file = s ? tempfile_open(&s->store) : -EIO;
	return f->file < 0 ? f->file : 0;
}

static int
take(struct fetch *f, const void *p, size_t n)
{
	int r = 0;

	if (f->kind == UNITS) {
		buf_add(&f->body, p, n);
		return f->body.failed ? -ENOMEM : 0;
	}
	if (f->way == UNDECIDED)
		r = decide(f);
	if (r == 0 && f->way == DIRECT)
		r = unpack_feed(f->unpack, p, n);
	else if (r == 0)
		r = file_write_fd(f->file, p, n);
	return r;
}

/* The manifest as the remote has it becomes one without bad records. */
static int
vet_manifest(struct fetch *f)
{
	struct unit_manifest m = { 0 };
	int r = unit_manifest_decode(f->body.p ? f->body.p : "", f->body.len,
				     &m);

	if (r < 0)
		return r == ERR_NEWER ? ERR_MISS : r;
	services_add(f->hub, HUB_DROPPED, m.dropped);
	if (m.dropped)
		log_msg(LOG_WARN, "%s: %zu records name what a remote may not",
			f->op.name, m.dropped);
	buf_reset(&f->body);
	unit_manifest_encode(&m, &f->body);
	r = f->body.failed ? -ENOMEM : m.count ? 0 : ERR_MISS;
	unit_manifest_release(&m);
	return r;
}

/* Nobody has asked for it yet: its first use will be a prefetch's merit. */
static int
keep_pack(struct fetch *f)
{
	struct services_store *s = services_store(f->hub);
	struct pack_info info;
	int r = unpack_end(f->unpack, &info);

	if (r == 0 && info.made && f->ahead && atomic_load(&f->alone) && s)
		entry_mark_fresh(&s->store, &f->key);
	return r;
}

static void
end_op(struct fetch *f)
{
	int r = remote_result(&f->op);

	if (f->result == 0)
		f->result = r;
	pthread_mutex_lock(&f->lock);
	f->under_way = false;
	pthread_mutex_unlock(&f->lock);
	remote_finish(&f->op);
}

/* All bytes are here. */
static enum queue_step
finish(struct fetch *f)
{
	if (f->result == 0)
		f->result = f->kind == PACKS ? keep_pack(f) : vet_manifest(f);
	/* A later version's pack, or its entry in our store. */
	if (f->result == ERR_NEWER)
		f->result = ERR_MISS;
	if (f->result == ERR_CORRUPT || f->result == ERR_REFUSED) {
		services_count(f->hub, HUB_CORRUPT);
		log_msg(LOG_WARN, "%s: what the remote gave is %s", f->op.name,
			err_text(f->result));
	}
	return QUEUE_DONE;
}

/* One piece of the file a step, once there is a place. */
static enum queue_step
replay(struct fetch *f)
{
	char *p;
	ssize_t n;

	if (!f->place) {
		f->place = unpack_slots_wait(&f->hub->decoders, &f->turn);
		if (!f->place)
			return QUEUE_PARK;
		f->result = open_unpack(f);
	}
	p = malloc(PIECE);
	if (!p && f->result == 0)
		f->result = -ENOMEM;
	if (f->result < 0) {
		free(p);
		return QUEUE_DONE;
	}
	n = pread(f->file, p, PIECE, (off_t)f->replayed);
	if (n > 0)
		f->result = unpack_feed(f->unpack, p, (size_t)n);
	else if (n < 0)
		f->result = -errno;
	free(p);
	if (n == 0 || f->result < 0)
		return finish(f);
	f->replayed += (uint64_t)n;
	queue_post(f->hub->queue, &f->job);
	return QUEUE_PARK;
}

/* The remote retries what had no bytes yet; what was cut short after some
 * begins anew, once. */
static bool
begin_anew(struct fetch *f)
{
	/* Some may have come without being given to us. */
	if (f->again || f->op.total == 0 || f->have >= f->op.max ||
	    (f->result != ERR_CORRUPT && f->result != -EIO))
		return false;
	f->again = true;
	/* Its maximum is one for all that is read of it. */
	f->op.max -= f->have;
	f->have = 0;
	f->op.total = 0;
	buf_reset(&f->body);
	if (f->file >= 0 &&
	    (ftruncate(f->file, 0) < 0 || lseek(f->file, 0, SEEK_SET) < 0))
		return false;
	unpack_free(f->unpack);
	f->unpack = NULL;
	f->result = f->way == DIRECT ? open_unpack(f) : 0;
	if (f->result < 0)
		return false;
	queue_post(f->hub->queue, &f->job);
	return true;
}

static enum queue_step
received(struct fetch *f)
{
	bool refused = f->result < 0; /* the bytes, by us */

	end_op(f);
	if (refused)
		return finish(f);
	if (f->result < 0 && begin_anew(f))
		return QUEUE_PARK;
	if (f->result < 0)
		return QUEUE_DONE;
	if (f->way == INTO_FILE) {
		f->way = FROM_FILE;
		return replay(f);
	}
	/* An empty pack was never decided on. */
	if (f->kind == PACKS && !f->unpack)
		f->result = ERR_CORRUPT;
	return finish(f);
}

/* At first, and again once the rate is known.  Without memory nobody learns
 * the size: an answer may come late then. */
static void
tell_size(struct fetch *f)
{
	uint64_t rate = remote_rate(f->setup->remote);
	struct fetch_size *size;

	if (f->told_rate || (f->told_size && !rate))
		return;
	f->told_size = true;
	f->told_rate = rate != 0;
	size = calloc(1, sizeof(*size));
	if (!size)
		return;
	size->hub = f->hub;
	size->key = f->key;
	size->total = f->op.total;
	size->rate = rate;
	size->mail.open = f->hub->fetch_ops->size;
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
		if (f->kind == PACKS && f->op.total)
			tell_size(f);
		if (f->result < 0)
			remote_cancel(&f->op);
		queue_post(f->hub->queue, &f->job);
		return QUEUE_PARK;
	}
	return ended ? received(f) : QUEUE_PARK;
}

static bool
is_cancelled(struct fetch *f)
{
	bool yes;

	pthread_mutex_lock(&f->lock);
	yes = f->cancelled;
	pthread_mutex_unlock(&f->lock);
	return yes;
}

static enum queue_step
run(struct queue_job *job)
{
	struct fetch *f = of_job(job);

	if (f->way == FROM_FILE) {
		if (!is_cancelled(f))
			return replay(f);
		f->result = -ECANCELED;
		return QUEUE_DONE;
	}
	if (f->under_way)
		return receive(f);
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

	if (unpack_slots_leave(&f->hub->decoders, &f->turn) || f->place)
		unpack_slots_give(&f->hub->decoders);
	if (f->kind == PACKS)
		f->hub->fetch_ops->ended(f->hub, &f->key, r, f->have);
	flight_end(f->flight, r, r == 0 ? &value : NULL);
}

static void
release(void *work)
{
	struct fetch *f = work;

	unpack_free(f->unpack);
	if (f->file >= 0)
		close(f->file);
	buf_free(&f->body);
	pthread_mutex_destroy(&f->lock);
	services_put(f->setup);
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
		/* It may not have begun, or wait for a place. */
		if (!queue_withdraw(f->hub->queue, &f->job))
			queue_post(f->hub->queue, &f->job);
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
	static const uint64_t max[] = { UNIT_MANIFEST_BYTES, PACK_MAX };
	char hex[DIGEST_HEX + 1];

	digest_hex(&f->key, hex);
	snprintf(f->op.name, sizeof(f->op.name), "v1/%s/%.2s/%s", dir[f->kind],
		 hex, hex);
	f->op.max = max[f->kind];
}

static int
start(struct flight *flight, struct services *h, enum kind kind,
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
	f->file = -1;
	f->turn.job = &f->job;
	f->ahead = !demand;
	atomic_init(&f->alone, !demand);
	name_object(f);
	f->op.expect = kind == UNITS ? UNIT_BYTES : 0;
	/* Only the poll loop, which plans, fetches ahead. */
	if (!demand && kind == PACKS && h->prefetches)
		f->op.expect = h->fetch_ops->expect(h->prefetches, key);
	pthread_mutex_init(&f->lock, NULL);
	f->setup = services_get(h);
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
	int r = start(f, ctx, PACKS, key, want, work);

	/* Else done() says so. */
	if (r < 0)
		((struct services *)ctx)->fetch_ops->ended(ctx, key, r, 0);
	return r;
}

static const struct flight_ops units_ops = { start_units, tell, release };
static const struct flight_ops packs_ops = { start_packs, tell, release };

int
fetch_open(struct services *h, const struct fetch_ops *ops)
{
	h->fetch_ops = ops;
	int r = flight_open(&units_ops, h, &h->units);

	return r ? r : flight_open(&packs_ops, h, &h->packs);
}
