/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "remote/dirfile.h"
#include "remote/remote_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

/*
 * A shared directory as a remote.  Its file system may be a network's, where
 * any call can hang in the kernel for as long as it likes: so it has threads
 * of its own, and one that hangs is given up with its operation and replaced.
 */
enum { THREADS = 4, ABANDONED_MAX = 16, CHUNK = 128 << 10 };

#define SECOND ((int64_t)1000000000)

/* An operation may be without progress for so long. */
#define DEMAND_NS SECOND
#define BACKGROUND_NS (30 * SECOND)

enum op_state {
	OP_WAITS, /* for a thread; in dir->ops */
	OP_RUNS,  /* a thread has it; in dir->ops */
	OP_OUT    /* in no list any more */
};

/* An operation as the threads see it.  RUN is NULL once it has ended: the
 * thread may still be in the kernel with it. */
struct dir_op {
	TAILQ_ENTRY(dir_op) link; /* dir->lock, like the next four */
	enum op_state state;
	int refs;
	bool given_up; /* its thread hangs and was replaced */
	struct dir *dir;
	char name[REMOTE_NAME];
	enum remote_verb verb;
	uint64_t max;
	uint64_t size;
	int fd; /* our own, PUT */
	bool if_absent;
	bool existed;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t moved;
	struct remote_run *run;
	int64_t progress; /* when a call last came back, 0: it waits for the
			   * owner, not for the file system */
	int64_t deadline;
	bool cancelled;
	bool room;
};

struct dir {
	struct remote *remote;
	char path[4096];

	pthread_mutex_t lock;
	pthread_cond_t work;      /* something waits, or stopping */
	pthread_cond_t gone;      /* a thread has ended */
	TAILQ_HEAD(, dir_op) ops; /* oldest first */
	unsigned threads;
	unsigned abandoned;
	bool stopping;
	uint64_t rate;
	pthread_t watcher;
};

static bool
is_demand(const struct dir_op *o)
{
	return atomic_load(&o->run->lane) == REMOTE_DEMAND;
}

static int64_t
limit_of(const struct dir_op *o)
{
	return is_demand(o) ? DEMAND_NS : BACKGROUND_NS;
}

/* dir->lock is held. */
static void
put_op(struct dir_op *o)
{
	if (--o->refs > 0)
		return;
	if (o->fd >= 0)
		close(o->fd);
	pthread_cond_destroy(&o->moved);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

/* Ends O's operation, once.  The owner may finish it before this returns, so
 * the caller has a reference to O of its own, and no lock. */
static void
end_op(struct dir_op *o, int result)
{
	struct remote *r = o->dir->remote;
	enum remote_sign sign = REMOTE_ALIVE;
	struct remote_run *run;

	pthread_mutex_lock(&o->lock);
	run = o->run;
	o->run = NULL;
	if (run)
		run->op->existed = o->existed;
	pthread_mutex_unlock(&o->lock);
	if (!run)
		return;
	if (result == ERR_TIMEOUT)
		sign = REMOTE_SILENT;
	else if (result == -EIO || result == -ESTALE)
		sign = REMOTE_FAILED;
	if (result != -ECANCELED)
		remote_blame(r, o->verb, sign);
	remote_end(run, result);
}

static void
take_out(struct dir *d, struct dir_op *o)
{
	TAILQ_REMOVE(&d->ops, o, link);
	o->state = OP_OUT;
}

/* The same for one that no thread has.  dir->lock is held and dropped
 * meanwhile. */
static void
end_waiting(struct dir *d, struct dir_op *o, int result)
{
	take_out(d, o);
	o->refs++;
	pthread_mutex_unlock(&d->lock);
	end_op(o, result);
	pthread_mutex_lock(&d->lock);
	put_op(o);
}

static void
mark_progress(struct dir_op *o, int64_t when)
{
	pthread_mutex_lock(&o->lock);
	o->progress = when;
	pthread_mutex_unlock(&o->lock);
}

static bool
is_wanted(struct dir_op *o)
{
	bool wanted;

	pthread_mutex_lock(&o->lock);
	wanted = o->run && !o->cancelled;
	o->progress = file_monotonic();
	pthread_mutex_unlock(&o->lock);
	return wanted;
}

/* Gives a piece to the owner, waiting for room.  0 or why not. */
static int
give_piece(struct dir_op *o, const char *p, size_t n, uint64_t total)
{
	int r = -ECANCELED;

	pthread_mutex_lock(&o->lock);
	while (o->run && !o->cancelled) {
		o->room = false;
		r = remote_give(o->run, p, n, total);
		if (r != -EAGAIN)
			break;
		o->progress = 0;
		while (!o->room && o->run && !o->cancelled)
			pthread_cond_wait(&o->moved, &o->lock);
		r = -ECANCELED;
	}
	o->progress = file_monotonic();
	pthread_mutex_unlock(&o->lock);
	return r;
}

static void
note_rate(struct dir *d, uint64_t bytes, int64_t ns)
{
	uint64_t now = ns > 0 ? bytes * 1000 / ((uint64_t)ns / 1000000 + 1) : 0;

	if (bytes < CHUNK)
		return;
	pthread_mutex_lock(&d->lock);
	d->rate = d->rate ? (d->rate * 7 + now) / 8 : now;
	pthread_mutex_unlock(&d->lock);
}

static int
get_object(struct dir_op *o, int root)
{
	static const size_t chunk = CHUNK;
	char *p = malloc(chunk);
	int64_t start = file_monotonic();
	uint64_t size, have = 0;
	int fd = p ? dirfile_open(root, o->name, o->max, &size) : -ENOMEM;
	int r = fd < 0 ? fd : 0;

	while (r == 0 && is_wanted(o)) {
		ssize_t n = pread(fd, p, chunk, (off_t)have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : 1;
			break;
		}
		have += (uint64_t)n;
		r = have > size ? ERR_CORRUPT
				: give_piece(o, p, (size_t)n, size);
	}
	if (r == 1)
		r = have == size ? 0 : ERR_CORRUPT;
	else if (r == 0)
		r = -ECANCELED;
	if (r == 0)
		note_rate(o->dir, have, file_monotonic() - start);
	if (fd >= 0)
		close(fd);
	free(p);
	return r;
}

static bool
goes_on(void *ctx)
{
	return is_wanted(ctx);
}

static int
put_object(struct dir_op *o, int root)
{
	struct dirfile_put p = { .root = root,
				 .name = o->name,
				 .fd = o->fd,
				 .size = o->size,
				 .if_absent = o->if_absent,
				 .goes_on = goes_on,
				 .ctx = o };
	int r = dirfile_write(&p);

	pthread_mutex_lock(&o->lock);
	o->existed = p.existed;
	pthread_mutex_unlock(&o->lock);
	return r;
}

/* What a call says about the directory as a whole. */
static void
tell_problem(struct dir_op *o, int r)
{
	char text[REMOTE_TEXT];

	if (r == 0 || r == ERR_MISS || r == ERR_TOOBIG || r == -ECANCELED ||
	    r == ERR_CORRUPT) {
		remote_problem(o->dir->remote, o->verb, NULL);
		return;
	}
	snprintf(text, sizeof(text), "%.300s cannot be %s: %s", o->dir->path,
		 o->verb == REMOTE_GET ? "read" : "written", err_text(r));
	remote_problem(o->dir->remote, o->verb, text);
}

/* The codes of remote.h. */
static int
result_of(int r)
{
	switch (r) {
	case 0:
	case ERR_MISS:
	case ERR_TOOBIG:
	case ERR_CORRUPT:
	case -ECANCELED:
		return r;
	case -EACCES:
	case -EPERM:
	case -EROFS:
	case -ENOSPC:
	case -EDQUOT:
	case -ENOENT:
	case -ENOTDIR:
		return ERR_REFUSED;
	case -ENOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static void
run_op(struct dir_op *o)
{
	int root = open(o->dir->path,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	int r = root < 0 ? -errno : 0;

	if (r == 0)
		r = o->verb == REMOTE_GET ? get_object(o, root)
					  : put_object(o, root);
	if (root >= 0)
		close(root);
	tell_problem(o, r);
	end_op(o, result_of(r));
}

/* The oldest one that waits, demand before background. */
static struct dir_op *
take_op(struct dir *d)
{
	struct dir_op *o, *next = NULL;

	TAILQ_FOREACH(o, &d->ops, link) {
		if (o->state == OP_WAITS && is_demand(o)) {
			next = o;
			break;
		}
		if (o->state == OP_WAITS && !next)
			next = o;
	}
	if (next)
		next->state = OP_RUNS;
	return next;
}

static void *
take_ops(void *arg)
{
	struct dir *d = arg;
	bool lost = false;

	pthread_mutex_lock(&d->lock);
	while (!lost) {
		struct dir_op *o = take_op(d);

		if (!o && d->stopping)
			break;
		if (!o) {
			pthread_cond_wait(&d->work, &d->lock);
			continue;
		}
		o->refs++;
		pthread_mutex_unlock(&d->lock);
		mark_progress(o, file_monotonic());
		run_op(o);
		pthread_mutex_lock(&d->lock);
		/* Given up meanwhile: another thread has our place. */
		lost = o->given_up;
		if (!lost)
			take_out(d, o);
		put_op(o);
	}
	if (lost)
		d->abandoned--;
	else
		d->threads--;
	pthread_cond_broadcast(&d->gone);
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static int
start_thread(struct dir *d)
{
	pthread_attr_t attr;
	pthread_t t;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&t, &attr, take_ops, d);
	pthread_attr_destroy(&attr);
	if (r == 0)
		d->threads++;
	return -r;
}

/* True if O hangs: the file system owes an answer for too long. */
static bool
op_hangs(struct dir_op *o, int64_t now)
{
	bool yes;

	pthread_mutex_lock(&o->lock);
	yes = o->run && ((o->progress && now - o->progress > limit_of(o)) ||
			 (o->deadline && now > o->deadline));
	pthread_mutex_unlock(&o->lock);
	return yes;
}

/* Takes O, which hangs in the kernel, out of the way; its thread leaves when
 * it comes back.  dir->lock is held and dropped meanwhile. */
static void
give_up(struct dir *d, struct dir_op *o)
{
	o->given_up = true;
	o->refs++;
	take_out(d, o);
	d->threads--;
	d->abandoned++;
	if (!d->stopping && d->abandoned < ABANDONED_MAX)
		start_thread(d);
	pthread_mutex_unlock(&d->lock);
	log_msg(LOG_WARN, "%s does not answer", d->path);
	remote_problem(d->remote, o->verb,
		       "the directory does not answer; is its server there?");
	end_op(o, ERR_TIMEOUT);
	pthread_mutex_lock(&d->lock);
	put_op(o);
}

static struct dir_op *
find_hanging(struct dir *d)
{
	int64_t now = file_monotonic();
	struct dir_op *o;

	TAILQ_FOREACH(o, &d->ops, link)
		if (op_hangs(o, now))
			return o;
	return NULL;
}

/* A fifth of a second, or, with nothing to watch, until there is. */
static void
wait_turn(struct dir *d)
{
	struct timespec t;

	if (TAILQ_EMPTY(&d->ops)) {
		pthread_cond_wait(&d->gone, &d->lock);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 200000000;
	if (t.tv_nsec >= SECOND) {
		t.tv_nsec -= SECOND;
		t.tv_sec++;
	}
	pthread_cond_timedwait(&d->gone, &d->lock, &t);
}

static void *
watch_ops(void *arg)
{
	struct dir *d = arg;
	struct dir_op *o;

	pthread_mutex_lock(&d->lock);
	while (!d->stopping) {
		wait_turn(d);
		for (o = find_hanging(d); o; o = find_hanging(d)) {
			if (o->state == OP_RUNS)
				give_up(d, o);
			else
				end_waiting(d, o, ERR_TIMEOUT);
		}
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static int
start_all(struct dir *d)
{
	int r = 0;

	pthread_mutex_lock(&d->lock);
	while (r == 0 && d->threads < THREADS)
		r = start_thread(d);
	pthread_mutex_unlock(&d->lock);
	if (r == 0)
		r = -pthread_create(&d->watcher, NULL, watch_ops, d);
	return r;
}

/* dir->lock is held.  Waits for those who are not lost, a little. */
static void
wait_threads(struct dir *d)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 2;
	while (d->threads > 0)
		if (pthread_cond_timedwait(&d->gone, &d->lock, &t) != 0)
			break;
}

static void
dir_free(struct dir *d)
{
	pthread_cond_destroy(&d->work);
	pthread_cond_destroy(&d->gone);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static int
dir_open(struct remote *r, const char *url, void **kind, char *why, size_t room)
{
	const char *path = url + strlen("file://");
	struct dir *d;
	int rc;

	if (*path != '/' || strlen(path) >= sizeof(d->path)) {
		snprintf(why, room, "'%.100s': file:// needs an absolute path",
			 url);
		return -EINVAL;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->remote = r;
	memcpy(d->path, path, strlen(path) + 1);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->work, NULL);
	pthread_cond_init(&d->gone, NULL);
	TAILQ_INIT(&d->ops);
	rc = start_all(d);
	if (rc == 0) {
		*kind = d;
		return 0;
	}
	pthread_mutex_lock(&d->lock);
	d->stopping = true;
	pthread_cond_broadcast(&d->work);
	wait_threads(d);
	pthread_mutex_unlock(&d->lock);
	dir_free(d);
	return rc;
}

static void
cancel_op(struct dir_op *o)
{
	pthread_mutex_lock(&o->lock);
	o->cancelled = true;
	pthread_cond_broadcast(&o->moved);
	pthread_mutex_unlock(&o->lock);
}

/* Those that wait are ended here, those under way by their threads, and
 * those that hang by nobody else. */
static void
dir_stop(void *kind)
{
	struct dir *d = kind;
	struct dir_op *o;

	pthread_mutex_lock(&d->lock);
	d->stopping = true;
	pthread_cond_broadcast(&d->work);
	pthread_cond_broadcast(&d->gone);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->watcher, NULL);
	pthread_mutex_lock(&d->lock);
	TAILQ_FOREACH(o, &d->ops, link)
		cancel_op(o);
	for (o = take_op(d); o; o = take_op(d))
		end_waiting(d, o, -ECANCELED);
	wait_threads(d);
	while (d->threads > 0 && !TAILQ_EMPTY(&d->ops))
		give_up(d, TAILQ_FIRST(&d->ops));
	pthread_mutex_unlock(&d->lock);
}

/* What a lost thread still holds cannot be freed. */
static void
dir_close(void *kind)
{
	struct dir *d = kind;
	bool lost;

	pthread_mutex_lock(&d->lock);
	lost = d->abandoned > 0 || d->threads > 0;
	pthread_mutex_unlock(&d->lock);
	if (!lost)
		dir_free(d);
}

static struct dir_op *
make_op(struct dir *d, struct remote_run *run)
{
	const struct remote_op *op = run->op;
	struct dir_op *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->fd = -1;
	if (op->verb == REMOTE_PUT) {
		o->fd = fcntl(op->fd, F_DUPFD_CLOEXEC, 3);
		if (o->fd < 0) {
			free(o);
			return NULL;
		}
	}
	o->dir = d;
	o->refs = 1;
	memcpy(o->name, op->name, sizeof(o->name));
	o->verb = op->verb;
	o->max = op->max;
	o->size = op->size;
	o->if_absent = op->if_absent;
	o->run = run;
	o->progress = file_monotonic();
	o->deadline = op->deadline;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->moved, NULL);
	return o;
}

static int
dir_start(void *kind, struct remote_run *run)
{
	struct dir *d = kind;
	struct dir_op *o = make_op(d, run);

	if (!o)
		return -ENOMEM;
	run->kind = o;
	pthread_mutex_lock(&d->lock);
	if (d->stopping) {
		put_op(o);
		pthread_mutex_unlock(&d->lock);
		return -ECANCELED;
	}
	TAILQ_INSERT_TAIL(&d->ops, o, link);
	pthread_cond_signal(&d->work);
	pthread_cond_broadcast(&d->gone);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static void
dir_finish(void *kind, struct remote_run *run)
{
	struct dir *d = kind;
	struct dir_op *o = run->kind;

	pthread_mutex_lock(&d->lock);
	put_op(o);
	pthread_mutex_unlock(&d->lock);
}

static void
dir_cancel(void *kind, struct remote_run *run)
{
	struct dir *d = kind;
	struct dir_op *o = run->kind;

	cancel_op(o);
	pthread_mutex_lock(&d->lock);
	if (o->state == OP_WAITS)
		end_waiting(d, o, -ECANCELED);
	pthread_mutex_unlock(&d->lock);
}

/* The lane is looked up when a thread takes the next one. */
static void
dir_move(void *kind, struct remote_run *run)
{
	(void)kind;
	(void)run;
}

static void
dir_resume(void *kind, struct remote_run *run)
{
	struct dir_op *o = run->kind;

	(void)kind;
	pthread_mutex_lock(&o->lock);
	o->room = true;
	pthread_cond_broadcast(&o->moved);
	pthread_mutex_unlock(&o->lock);
}

static uint64_t
dir_rate(void *kind)
{
	struct dir *d = kind;
	uint64_t rate;

	pthread_mutex_lock(&d->lock);
	rate = d->rate;
	pthread_mutex_unlock(&d->lock);
	return rate;
}

static void
dir_status(void *kind, struct remote_status *st)
{
	struct dir *d = kind;
	unsigned lost;

	pthread_mutex_lock(&d->lock);
	lost = d->abandoned;
	pthread_mutex_unlock(&d->lock);
	snprintf(st->credentials, sizeof(st->credentials),
		 lost ? "none needed; %u threads hang in the file system"
		      : "none needed",
		 lost);
}

const struct remote_ops dirremote_ops = {
	.scheme = "file://",
	.open = dir_open,
	.stop = dir_stop,
	.close = dir_close,
	.start = dir_start,
	.finish = dir_finish,
	.cancel = dir_cancel,
	.move = dir_move,
	.resume = dir_resume,
	.rate = dir_rate,
	.status = dir_status,
};
