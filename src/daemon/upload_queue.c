/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/upload_queue.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/services.h"
#include "daemon/upload_task.h"
#include "remote/remote.h"
#include "store/upload_intent.h"
#include "work/queue.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SECOND ((int64_t)1000000000)

/* After a failure that is the remote's, all uploads pause: 2 s, doubling. */
#define PAUSE_MIN (2 * SECOND)
#define PAUSE_MAX (300 * SECOND)

/* The spool is read this often for intents whose note was lost. */
#define SCAN_NS (60 * SECOND)

/* A full lane is tried again after this. */
#define FULL_NS (SECOND / 10)

/* Those that only wait to look again hold no connection. */
enum { ACTIVE_MAX = 16, BEGUN_MAX = 256, TRIES_MAX = 5, BUCKETS = 4096 };

/* One intent that we know of. */
struct wish {
	struct digest at;
	unsigned tries;             /* failures that were its own */
	uint64_t seen;              /* successes of others at the last one */
	struct upload_task *active; /* NULL: waits */
	bool starting;
	struct wish *chain;       /* of its bucket */
	struct wish *prev, *next; /* waiting: in the order they came; active:
				   * among the active */
};

struct list {
	struct wish *first, *last;
	size_t count;
};

struct uploads {
	struct services *hub;
	struct queue_job scan_job;
	pthread_mutex_t lock; /* of all that follows */
	struct wish *bucket[BUCKETS];
	struct list waiting, active;
	int64_t paused_until, pause;
	uint64_t successes;
	int64_t scan_at;
	bool scanning;
	bool stopped;
};

static void
append(struct list *l, struct wish *w)
{
	w->next = NULL;
	w->prev = l->last;
	if (l->last)
		l->last->next = w;
	else
		l->first = w;
	l->last = w;
	l->count++;
}

static void
take_out(struct list *l, struct wish *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else
		l->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		l->last = w->prev;
	l->count--;
}

static struct wish **
bucket_of(struct uploads *u, const struct digest *at)
{
	return &u->bucket[(at->b[0] | at->b[1] << 8) % BUCKETS];
}

static struct wish *
find(struct uploads *u, const struct digest *at)
{
	struct wish *w = *bucket_of(u, at);

	while (w && !digest_eq(&w->at, at))
		w = w->chain;
	return w;
}

/* Takes W out of everything and frees it. */
static void
forget(struct uploads *u, struct wish *w)
{
	struct wish **p = bucket_of(u, &w->at);

	while (*p != w)
		p = &(*p)->chain;
	*p = w->chain;
	free(w);
}

/* Without memory the next scan finds it. */
static void
add(struct uploads *u, const struct digest *at)
{
	struct wish *w;

	if (find(u, at))
		return;
	w = calloc(1, sizeof(*w));
	if (!w)
		return;
	w->at = *at;
	w->chain = *bucket_of(u, at);
	*bucket_of(u, at) = w;
	append(&u->waiting, w);
}

void
upload_queue_add(struct uploads *u, const struct digest *at)
{
	pthread_mutex_lock(&u->lock);
	add(u, at);
	pthread_mutex_unlock(&u->lock);
	mailbox_nudge(&u->hub->mail);
}

static int
add_found(void *ctx, const struct digest *at, const char *reason)
{
	struct uploads *u = ctx;

	(void)reason;
	pthread_mutex_lock(&u->lock);
	add(u, at);
	pthread_mutex_unlock(&u->lock);
	return 0;
}

static enum queue_step
scan(struct queue_job *job)
{
	struct uploads *u =
		(struct uploads *)((char *)job -
				   offsetof(struct uploads, scan_job));
	struct services_store *s = services_store(u->hub);

	if (s)
		upload_intent_each(&s->store, 0, add_found, u);
	return QUEUE_DONE;
}

static void
scan_done(struct queue_job *job, int result)
{
	struct uploads *u =
		(struct uploads *)((char *)job -
				   offsetof(struct uploads, scan_job));

	(void)result;
	pthread_mutex_lock(&u->lock);
	u->scanning = false;
	pthread_mutex_unlock(&u->lock);
	mailbox_nudge(&u->hub->mail);
}

int
upload_queue_open(struct services *h)
{
	struct uploads *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->hub = h;
	u->scan_job.run = scan;
	u->scan_job.done = scan_done;
	pthread_mutex_init(&u->lock, NULL);
	h->uploads = u;
	return 0;
}

void
upload_queue_close(struct uploads *u)
{
	if (!u)
		return;
	while (u->waiting.first) {
		struct wish *w = u->waiting.first;

		take_out(&u->waiting, w);
		forget(u, w);
	}
	pthread_mutex_destroy(&u->lock);
	free(u);
}

void
upload_queue_scan(struct uploads *u)
{
	pthread_mutex_lock(&u->lock);
	u->scan_at = 0;
	pthread_mutex_unlock(&u->lock);
	mailbox_nudge(&u->hub->mail);
}

/* The flag is cleared before `done` returns, so the job may still be in the
 * queue: a second scan waits a turn. */
static void
scan_if_due(struct uploads *u, int64_t now)
{
	bool due;

	pthread_mutex_lock(&u->lock);
	due = !u->scanning && now >= u->scan_at && !u->stopped;
	if (due) {
		u->scanning = true;
		u->scan_at = now + SCAN_NS;
	}
	pthread_mutex_unlock(&u->lock);
	if (due &&
	    queue_admit(u->hub->queue, &u->scan_job, QUEUE_BACKGROUND) < 0) {
		pthread_mutex_lock(&u->lock);
		u->scanning = false;
		u->scan_at = now + SECOND;
		pthread_mutex_unlock(&u->lock);
	}
}

static void
count(struct uploads *u, enum upload_task_end end)
{
	static const int counter[] = {
		[UPLOAD_TASK_DONE] = HUB_UP_DONE,
		[UPLOAD_TASK_EXISTED] = HUB_UP_EXISTED,
		[UPLOAD_TASK_GONE] = HUB_UP_GONE,
		[UPLOAD_TASK_NEWER] = -1,
		[UPLOAD_TASK_BURIED] = HUB_UP_FAILED,
		[UPLOAD_TASK_FAILED] = HUB_UP_FAILED,
		[UPLOAD_TASK_REMOTE] = HUB_UP_FAILED,
		[UPLOAD_TASK_CANCELLED] = -1,
	};

	if (counter[end] >= 0)
		services_count(u->hub, (enum services_counter)counter[end]);
}

/* Called with the lock held. */
static void
pause_all(struct uploads *u)
{
	u->pause = u->pause ? u->pause * 2 : PAUSE_MIN;
	if (u->pause > PAUSE_MAX)
		u->pause = PAUSE_MAX;
	u->paused_until = file_monotonic() + u->pause;
}

/* A failure is W's own only if others went through since its last one: a
 * remote that is down fails for all, for as long as it likes. */
static bool
is_own(const struct uploads *u, const struct wish *w)
{
	return w->tries == 0 || u->successes != w->seen;
}

/* Called with the lock held. */
static void
note_failure(struct uploads *u, struct wish *w)
{
	w->tries += is_own(u, w);
	w->seen = u->successes;
}

/* On a worker. */
static void
ended(void *ctx, struct upload_task *up, const struct digest *at,
      enum upload_task_end end)
{
	struct uploads *u = ctx;
	struct wish *w;

	(void)up;
	count(u, end);
	pthread_mutex_lock(&u->lock);
	w = find(u, at);
	take_out(&u->active, w);
	w->active = NULL;
	if (end <= UPLOAD_TASK_BURIED) {
		u->pause = 0;
		u->successes += end <= UPLOAD_TASK_EXISTED;
		forget(u, w);
	} else {
		if (end == UPLOAD_TASK_FAILED)
			note_failure(u, w);
		append(&u->waiting, w);
		/* One that failed alone must not spin either. */
		if (end != UPLOAD_TASK_CANCELLED)
			pause_all(u);
	}
	pthread_mutex_unlock(&u->lock);
	mailbox_nudge(&u->hub->mail);
}

static bool
writable(struct uploads *u)
{
	struct services_setup *s = services_get(u->hub);
	bool yes = s->remote && remote_writable(s->remote);

	services_put(s);
	return yes;
}

/* Called with the lock held. */
static bool
has_room(const struct uploads *u)
{
	size_t busy = 0;

	for (struct wish *w = u->active.first; w; w = w->next)
		busy += !w->active || !upload_task_pauses(w->active);
	return busy < ACTIVE_MAX && u->active.count < BEGUN_MAX;
}

/* The first waiting one becomes active, or NULL. */
static struct wish *
next_wish(struct uploads *u, int64_t now)
{
	struct wish *w = NULL;

	pthread_mutex_lock(&u->lock);
	if (!u->stopped && u->waiting.first && now >= u->paused_until &&
	    has_room(u)) {
		w = u->waiting.first;
		take_out(&u->waiting, w);
		append(&u->active, w);
	}
	pthread_mutex_unlock(&u->lock);
	return w;
}

/* Its end may come before the start returns: then W is gone, and the lock
 * that `ended` needs is what keeps it. */
static bool
start(struct uploads *u, struct wish *w)
{
	int r;

	pthread_mutex_lock(&u->lock);
	r = upload_task_start(u->hub, &w->at, w->tries + 1 >= TRIES_MAX, ended,
			      u, &w->active);
	if (r < 0) {
		w->active = NULL;
		take_out(&u->active, w);
		append(&u->waiting, w);
	}
	pthread_mutex_unlock(&u->lock);
	return r == 0;
}

/* Gives when to wake the next that pauses, 0: none does. */
static int64_t
wake(struct uploads *u, int64_t now)
{
	int64_t first = 0;

	pthread_mutex_lock(&u->lock);
	for (struct wish *w = u->active.first; w; w = w->next) {
		int64_t at = w->active ? upload_task_wake(w->active, now) : 0;

		if (at && (!first || at < first))
			first = at;
	}
	pthread_mutex_unlock(&u->lock);
	return first;
}

int64_t
upload_queue_tick(struct uploads *u, int64_t now)
{
	bool full = false;
	int64_t at = wake(u, now), other;
	struct wish *w;

	scan_if_due(u, now);
	while (!full && writable(u)) {
		w = next_wish(u, now);
		if (!w)
			break;
		full = !start(u, w);
	}
	pthread_mutex_lock(&u->lock);
	other = u->scan_at;
	if (u->waiting.count && u->paused_until > now &&
	    u->paused_until < other)
		other = u->paused_until;
	pthread_mutex_unlock(&u->lock);
	if (full)
		other = now + FULL_NS;
	return at && at < other ? at : other;
}

void
upload_queue_hurry(struct uploads *u)
{
	pthread_mutex_lock(&u->lock);
	u->paused_until = 0;
	u->pause = 0;
	u->scan_at = 0;
	pthread_mutex_unlock(&u->lock);
	mailbox_nudge(&u->hub->mail);
}

size_t
upload_queue_left(struct uploads *u)
{
	size_t n;

	pthread_mutex_lock(&u->lock);
	n = u->waiting.count + u->active.count +
	    (u->scanning || !u->scan_at ? 1 : 0);
	pthread_mutex_unlock(&u->lock);
	return n;
}

size_t
upload_queue_active(struct uploads *u)
{
	size_t n;

	pthread_mutex_lock(&u->lock);
	n = u->active.count;
	pthread_mutex_unlock(&u->lock);
	return n;
}

bool
upload_queue_stuck(struct uploads *u)
{
	bool able = writable(u), stuck;

	pthread_mutex_lock(&u->lock);
	stuck = !u->active.count && !u->scanning && u->scan_at &&
		(!able || u->stopped);
	pthread_mutex_unlock(&u->lock);
	return stuck;
}

void
upload_queue_stop(struct uploads *u, bool cancel)
{
	pthread_mutex_lock(&u->lock);
	u->stopped = true;
	for (struct wish *w = u->active.first; cancel && w; w = w->next)
		if (w->active)
			upload_task_cancel(w->active);
	pthread_mutex_unlock(&u->lock);
}
