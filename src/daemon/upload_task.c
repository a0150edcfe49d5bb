/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/upload_task.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/services.h"
#include "daemon/tempfile.h"
#include "remote/pack.h"
#include "remote/remote.h"
#include "store/entry.h"
#include "store/manifest.h"
#include "store/unit_manifest.h"
#include "store/upload_intent.h"
#include "work/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writers of one manifest may overwrite each other: it is looked at again
 * after a pause of 100 to 400 ms, until it is as it should be; six times at
 * most, and from the third on after twice the pause before. */
enum { ROUNDS = 6, EVEN = 3, PAUSE_MS = 100, JITTER_MS = 300 };

enum stage { READ, PACK_PUT, LOOK, MANIFEST_PUT, PAUSE };

struct upload_task {
	struct queue_job job;
	struct remote_op op;
	struct services *hub;
	struct services_setup *setup;
	struct digest at;
	int last;
	upload_task_done *done;
	void *ctx;
	enum upload_task_end end;
	enum stage stage;
	unsigned rounds;
	struct entry entry;
	struct unit_manifest_record record; /* input list included */
	struct buf body;                    /* the remote's manifest */
	int overflow;
	int fd;
	_Atomic int64_t wake_at; /* 0: not pausing */

	pthread_mutex_t lock; /* of what cancel and the job share: */
	bool cancelled;
	bool under_way;
};

static struct upload_task *
of_job(struct queue_job *job)
{
	return (struct upload_task *)((char *)job -
				      offsetof(struct upload_task, job));
}

static void
notify(struct remote_op *op)
{
	struct upload_task *u =
		(struct upload_task *)((char *)op -
				       offsetof(struct upload_task, op));

	queue_post(u->hub->queue, &u->job);
}

static enum queue_step
over(struct upload_task *u, enum upload_task_end end)
{
	u->end = end;
	return QUEUE_DONE;
}

/* Nothing of this machine's that is full will be so for ever. */
static bool
is_shortage(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -ENOMEM || r == -EMFILE ||
	       r == -ENFILE;
}

/* A failure of ours or of the remote: who waits for what. */
static enum queue_step
failed(struct upload_task *u, int r, const char *what)
{
	if (r == -ECANCELED)
		return over(u, UPLOAD_TASK_CANCELLED);
	log_msg(r == ERR_BUSY ? LOG_DEBUG : LOG_WARN, "upload of %s: %s: %s",
		u->entry.crate.p ? u->entry.crate.p : "?", what, err_text(r));
	if (r == ERR_REFUSED || r == ERR_BUSY || r == ERR_TIMEOUT ||
	    is_shortage(r))
		return over(u, UPLOAD_TASK_REMOTE);
	return over(u, UPLOAD_TASK_FAILED);
}

static enum queue_step
bury(struct upload_task *u, const char *why)
{
	struct services_store *s = services_store(u->hub);

	log_msg(LOG_WARN, "upload of %s is given up: %s",
		u->entry.crate.p ? u->entry.crate.p : "?", why);
	if (!s || upload_intent_bury(&s->store, &u->at, why) < 0)
		return over(u, UPLOAD_TASK_FAILED);
	return over(u, UPLOAD_TASK_BURIED);
}

/* The record of the local manifest that the intent means, if it is still
 * there: K1 folds the input list, so another one would be a lie. */
static int
find_inputs(struct upload_task *u, struct services_store *s,
	    const struct upload_intent_intent *i)
{
	struct manifest m = { 0 };
	int r = manifest_load(&s->store, &u->entry.k0, &m);

	if (r < 0)
		return r;
	r = ERR_MISS;
	for (size_t k = 0; k < m.count && r < 0; k++) {
		struct manifest_record *rec = &m.rec[k];
		struct digest inputs;

		inputs_digest(&rec->inputs, &inputs);
		if (!digest_eq(&inputs, &i->inputs))
			continue;
		u->record.k1 = i->k1;
		u->record.tag = i->tag;
		u->record.compile_us = rec->compile_us;
		u->record.stored_ms = u->entry.stored_ms;
		entry_content(&u->entry, &u->record.content);
		u->record.inputs = rec->inputs;
		memset(&rec->inputs, 0, sizeof(rec->inputs));
		r = 0;
	}
	manifest_release(&m);
	return r;
}

static int
read_all(struct upload_task *u, struct services_store *s)
{
	struct upload_intent_intent i;
	int r = upload_intent_read(&s->store, &u->at, &i);

	r = r ? r : entry_load(&s->store, &u->at, &u->entry);
	return r ? r : find_inputs(u, s, &i);
}

static enum queue_step
start_op(struct upload_task *u, enum stage stage, const char *what)
{
	int r;

	u->stage = stage;
	pthread_mutex_lock(&u->lock);
	r = u->cancelled ? -ECANCELED : remote_start(u->setup->remote, &u->op);
	u->under_way = r == 0;
	pthread_mutex_unlock(&u->lock);
	return r < 0 ? failed(u, r, what) : QUEUE_PARK;
}

static int
end_op(struct upload_task *u)
{
	int r = remote_result(&u->op);

	pthread_mutex_lock(&u->lock);
	u->under_way = false;
	pthread_mutex_unlock(&u->lock);
	remote_finish(&u->op);
	return r;
}

static void
name_op(struct upload_task *u, const char *dir, const struct digest *d)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(d, hex);
	memset(&u->op, 0, sizeof(u->op));
	snprintf(u->op.name, sizeof(u->op.name), "v1/%s/%.2s/%s", dir, hex,
		 hex);
	u->op.lane = REMOTE_BACKGROUND;
	u->op.notify = notify;
}

static int
fresh_file(struct upload_task *u, struct services_store *s)
{
	if (u->fd >= 0)
		close(u->fd);
	u->fd = tempfile_open(&s->store);
	return u->fd < 0 ? u->fd : 0;
}

static enum queue_step
put_pack(struct upload_task *u, struct services_store *s)
{
	struct pack_source src = {
		.store = &s->store,
		.memo = &s->memo,
		.at = &u->at,
		.k1 = u->record.k1,
		.tag = u->record.tag,
		.entry = &u->entry,
		.inputs = &u->record.inputs,
	};
	int r = fresh_file(u, s);

	name_op(u, "packs", &u->at);
	r = r ? r : pack_write(&src, u->fd, &u->op.size, &u->op.sha);
	if (r == ERR_TOOBIG)
		return bury(u, "too large for a pack");
	if (r == ERR_MISS || r == ERR_CORRUPT)
		return over(u, UPLOAD_TASK_GONE);
	if (r < 0)
		return failed(u, r, "packing");
	u->record.pack_size = u->op.size;
	u->op.verb = REMOTE_PUT;
	u->op.fd = u->fd;
	u->op.if_absent = true;
	return start_op(u, PACK_PUT, "pack");
}

static enum queue_step
begin(struct upload_task *u)
{
	struct services_store *s = services_store(u->hub);
	int r = s ? read_all(u, s) : -EIO;

	if (r == ERR_MISS || r == ERR_CORRUPT)
		return over(u, UPLOAD_TASK_GONE);
	if (r == ERR_NEWER)
		return over(u, UPLOAD_TASK_NEWER);
	if (r < 0)
		return failed(u, r, "reading");
	return put_pack(u, s);
}

static enum queue_step
look(struct upload_task *u)
{
	buf_reset(&u->body);
	u->overflow = 0;
	name_op(u, "units", &u->entry.k0);
	u->op.verb = REMOTE_GET;
	u->op.max = UNIT_MANIFEST_BYTES;
	return start_op(u, LOOK, "manifest");
}

static enum queue_step
pack_is_put(struct upload_task *u)
{
	bool existed = u->op.existed;
	uint64_t size = u->op.size;
	int r = end_op(u);

	if (r == ERR_TOOBIG)
		return bury(u, "too large for the remote");
	if (r < 0)
		return failed(u, r, "pack");
	u->end = existed ? UPLOAD_TASK_EXISTED : UPLOAD_TASK_DONE;
	if (!existed)
		services_add(u->hub, HUB_UP_BYTES, size);
	/* A bound entry is found through its redirect, not by a manifest. */
	return u->entry.roots[0] && u->entry.nout ? QUEUE_DONE : look(u);
}

/* Writes the manifest as it should be.  1: it was so already, or is a later
 * version's. */
static int
merge(struct upload_task *u, struct services_store *s)
{
	struct unit_manifest m = { 0 };
	struct unit_manifest_record r = u->record;
	struct buf out = { 0 };
	int e = 0;

	if (u->body.len)
		e = unit_manifest_decode(u->body.p, u->body.len, &m);
	if (e == ERR_NEWER)
		return 1;
	/* A manifest that cannot be read is as good as none. */
	if (e < 0)
		memset(&m, 0, sizeof(m));
	e = 0;
	memset(&r.inputs, 0, sizeof(r.inputs));
	for (size_t i = 0; i < u->record.inputs.count && e == 0; i++) {
		const char *item = inputs_item(&u->record.inputs, i);

		e = inputs_add(&r.inputs, item[0], item + 1, strlen(item + 1));
	}
	e = e ? e : inputs_finish(&r.inputs);
	if (e == 0 && unit_manifest_differs(&m, &u->record)) {
		services_count(u->hub, HUB_NONDETERMINISTIC);
		log_msg(LOG_WARN,
			"%s is not deterministic: the remote's "
			"result of the same inputs differs",
			u->entry.crate.p ? u->entry.crate.p : "?");
	}
	if (e == 0 && unit_manifest_add(&m, &r) == 0)
		e = 1;
	if (e == 0)
		unit_manifest_encode(&m, &out);
	if (e == 0 && out.failed)
		e = -ENOMEM;
	e = e ? e : fresh_file(u, s);
	e = e ? e : file_write_fd(u->fd, out.p, out.len);
	if (e == 0) {
		digest_bytes(out.p, out.len, &u->op.sha);
		u->op.size = out.len;
	}
	inputs_free(&r.inputs);
	unit_manifest_release(&m);
	buf_free(&out);
	return e;
}

static enum queue_step
manifest_is_here(struct upload_task *u)
{
	struct services_store *s = services_store(u->hub);
	int r = end_op(u);

	if (u->overflow)
		buf_reset(&u->body);
	else if (r == ERR_MISS || r == ERR_TOOBIG)
		buf_reset(&u->body);
	else if (r < 0)
		return failed(u, r, "manifest");
	if (u->rounds >= ROUNDS)
		return QUEUE_DONE;
	name_op(u, "units", &u->entry.k0);
	r = s ? merge(u, s) : -EIO;
	if (r == 1)
		return QUEUE_DONE;
	if (r < 0)
		return failed(u, r, "manifest");
	u->rounds++;
	u->op.verb = REMOTE_PUT;
	u->op.fd = u->fd;
	return start_op(u, MANIFEST_PUT, "manifest");
}

static enum queue_step
receive(struct upload_task *u)
{
	bool ended = false;
	const void *p;
	size_t n = remote_peek(&u->op, &p, &ended);

	if (n == 0)
		return ended ? manifest_is_here(u) : QUEUE_PARK;
	buf_add(&u->body, p, n);
	u->overflow |= u->body.failed;
	remote_consume(&u->op, n);
	queue_post(u->hub->queue, &u->job);
	return QUEUE_PARK;
}

static enum queue_step
pause_round(struct upload_task *u)
{
	int64_t ms = PAUSE_MS + file_now() / 1000 % JITTER_MS;

	if (u->rounds > EVEN)
		ms <<= u->rounds - EVEN;
	u->stage = PAUSE;
	atomic_store(&u->wake_at, file_monotonic() + ms * 1000000);
	mailbox_nudge(&u->hub->mail);
	return QUEUE_PARK;
}

static enum queue_step
manifest_is_put(struct upload_task *u)
{
	int r = end_op(u);

	return r < 0 ? failed(u, r, "manifest") : pause_round(u);
}

static bool
op_ended(struct upload_task *u)
{
	bool ended = false;
	const void *p;

	remote_peek(&u->op, &p, &ended);
	return ended;
}

static enum queue_step
run(struct queue_job *job)
{
	struct upload_task *u = of_job(job);

	switch (u->stage) {
	case READ:
		return begin(u);
	case PACK_PUT:
		return op_ended(u) ? pack_is_put(u) : QUEUE_PARK;
	case LOOK:
		return receive(u);
	case MANIFEST_PUT:
		return op_ended(u) ? manifest_is_put(u) : QUEUE_PARK;
	case PAUSE:
		break;
	}
	return u->cancelled || !atomic_load(&u->wake_at) ? look(u) : QUEUE_PARK;
}

/* What is done with the intent. */
static void
settle(struct upload_task *u)
{
	struct services_store *s;

	if (u->end == UPLOAD_TASK_FAILED && u->last)
		bury(u, "failed again and again; see the log");
	if (u->end > UPLOAD_TASK_GONE)
		return;
	s = services_store(u->hub);
	if (s)
		upload_intent_retire(&s->store, &u->at);
}

static void
free_uploading(struct upload_task *u)
{
	if (u->fd >= 0)
		close(u->fd);
	entry_release(&u->entry);
	inputs_free(&u->record.inputs);
	buf_free(&u->body);
	pthread_mutex_destroy(&u->lock);
	services_put(u->setup);
	free(u);
}

static void
done(struct queue_job *job, int result)
{
	struct upload_task *u = of_job(job);

	if (result < 0)
		u->end = UPLOAD_TASK_CANCELLED;
	settle(u);
	u->done(u->ctx, u, &u->at, u->end);
	free_uploading(u);
}

int
upload_task_start(struct services *h, const struct digest *at, int last,
		  upload_task_done *end, void *ctx, struct upload_task **out)
{
	struct upload_task *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return -ENOMEM;
	u->hub = h;
	u->at = *at;
	u->last = last;
	u->done = end;
	u->ctx = ctx;
	u->fd = -1;
	u->job.run = run;
	u->job.done = done;
	pthread_mutex_init(&u->lock, NULL);
	u->setup = services_get(h);
	*out = u;
	r = u->setup->remote ? queue_admit(h->queue, &u->job, QUEUE_BACKGROUND)
			     : ERR_MISS;
	if (r < 0)
		free_uploading(u);
	return r;
}

int64_t
upload_task_wake(struct upload_task *u, int64_t now)
{
	int64_t at = atomic_load(&u->wake_at);

	if (!at || at > now)
		return at;
	atomic_store(&u->wake_at, 0);
	queue_post(u->hub->queue, &u->job);
	return 0;
}

bool
upload_task_pauses(const struct upload_task *u)
{
	return atomic_load(&u->wake_at) != 0;
}

void
upload_task_cancel(struct upload_task *u)
{
	pthread_mutex_lock(&u->lock);
	u->cancelled = true;
	if (u->under_way)
		remote_cancel(&u->op);
	pthread_mutex_unlock(&u->lock);
	atomic_store(&u->wake_at, 0);
	queue_post(u->hub->queue, &u->job);
}
