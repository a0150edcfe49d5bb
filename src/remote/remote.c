/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/remote.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "config/config.h"
#include "remote/remote_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FORMAT_AGAIN 60000000000LL

enum { MODE_RW, MODE_RO, MODE_WO }; /* as in config_keys.def */

static const struct remote_ops *const kinds[] = { &s3_ops, &dirremote_ops };

static void probe(struct remote *r);
static void write_format(struct remote *r);

/* --- open and close ------------------------------------------------------ */

static const struct remote_ops *
kind_of(const char *url)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *scheme = kinds[i]->scheme;

		if (strncmp(url, scheme, strlen(scheme)) == 0)
			return kinds[i];
	}
	return NULL;
}

int
remote_open(const struct config *c, const char *(*get)(const char *name),
	    struct remote **out, char *why, size_t room)
{
	const char *url = c->v[CONFIG_REMOTE_URL].text;
	const struct remote_ops *ops = kind_of(url);
	struct remote *r;
	int rc;

	if (!*url)
		return ERR_MISS;
	if (!ops) {
		snprintf(why, room, "'%.100s' is neither s3:// nor file://",
			 url);
		return -EINVAL;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->ops = ops;
	r->config = c;
	r->get = get;
	r->mode = (int)c->v[CONFIG_REMOTE_MODE].num;
	snprintf(r->url, sizeof(r->url), "%s", url);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->moved, NULL);
	rc = ops->open(r, url, &r->kind, why, room);
	if (rc != 0) {
		pthread_cond_destroy(&r->moved);
		pthread_mutex_destroy(&r->lock);
		free(r);
		return rc;
	}
	*out = r;
	return 0;
}

void
remote_close(struct remote *r)
{
	pthread_mutex_lock(&r->lock);
	r->closing = true;
	pthread_mutex_unlock(&r->lock);
	r->ops->stop(r->kind);
	pthread_mutex_lock(&r->lock);
	while (r->running > 0)
		pthread_cond_wait(&r->moved, &r->lock);
	pthread_mutex_unlock(&r->lock);
	r->ops->close(r->kind);
	pthread_cond_destroy(&r->moved);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* --- one operation ------------------------------------------------------- */

/* The parts that need the lock: may it go?  Counts it if so. */
static int
admit(struct remote *r, struct remote_op *op, bool internal, bool *want_probe)
{
	struct breaker *b = &r->breaker[op->verb];
	int64_t now = file_monotonic();
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	if (r->closing)
		rc = -ECANCELED;
	else if (op->verb == REMOTE_GET && r->mode == MODE_WO && !internal)
		rc = ERR_REFUSED;
	else if (op->verb == REMOTE_PUT && (r->mode == MODE_RO || r->read_only))
		rc = ERR_REFUSED;
	else if (!internal && !breaker_allows(b)) {
		bool due = breaker_probe(b, now);

		/* Uploads can wait: the first one is its own probe. */
		if (!due || op->verb == REMOTE_GET)
			rc = ERR_BUSY;
		*want_probe = due && op->verb == REMOTE_GET;
	}
	if (rc == 0) {
		r->running++;
		r->lanes[op->lane]++;
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

static void
dismiss(struct remote *r, int lane)
{
	pthread_mutex_lock(&r->lock);
	r->running--;
	r->lanes[lane]--;
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
}

static int
start_op(struct remote *r, struct remote_op *op, bool internal,
	 bool *want_probe)
{
	struct remote_run *run;
	int rc = admit(r, op, internal, want_probe);

	if (rc != 0)
		return rc;
	run = calloc(1, sizeof(*run));
	if (!run) {
		dismiss(r, op->lane);
		return -ENOMEM;
	}
	run->remote = r;
	run->op = op;
	run->internal = internal;
	atomic_store(&run->lane, op->lane);
	ring_init(&run->ring);
	op->total = 0;
	op->existed = false;
	op->own = run;
	rc = r->ops->start(r->kind, run);
	if (rc != 0) {
		op->own = NULL;
		ring_free(&run->ring);
		free(run);
		dismiss(r, op->lane);
	}
	return rc;
}

int
remote_start(struct remote *r, struct remote_op *op)
{
	bool want_probe = false;
	enum remote_verb verb = op->verb;
	int rc = start_op(r, op, false, &want_probe);

	if (want_probe)
		probe(r);
	if (rc == 0 && verb == REMOTE_PUT)
		write_format(r);
	return rc;
}

void
remote_cancel(struct remote_op *op)
{
	struct remote_run *run = op->own;

	run->remote->ops->cancel(run->remote->kind, run);
}

void
remote_move(struct remote_op *op, enum remote_lane lane)
{
	struct remote_run *run = op->own;
	struct remote *r = run->remote;
	int old = atomic_exchange(&run->lane, (int)lane);

	if (old == (int)lane)
		return;
	pthread_mutex_lock(&r->lock);
	r->lanes[old]--;
	r->lanes[lane]++;
	pthread_mutex_unlock(&r->lock);
	r->ops->move(r->kind, run);
}

size_t
remote_peek(struct remote_op *op, const void **p, bool *ended)
{
	struct remote_run *run = op->own;
	bool over = atomic_load(&run->ended);
	size_t n = 0;

	if (!over || run->result == 0)
		n = ring_peek(&run->ring, p);
	*ended = over && n == 0;
	return n;
}

void
remote_consume(struct remote_op *op, size_t n)
{
	struct remote_run *run = op->own;

	if (ring_consume(&run->ring, n))
		run->remote->ops->resume(run->remote->kind, run);
}

int
remote_result(const struct remote_op *op)
{
	return ((const struct remote_run *)op->own)->result;
}

void
remote_finish(struct remote_op *op)
{
	struct remote_run *run = op->own;
	struct remote *r = run->remote;

	/* The owner may see the end before the remote's thread has come back
	 * from telling it. */
	pthread_mutex_lock(&r->lock);
	while (run->telling)
		pthread_cond_wait(&r->moved, &r->lock);
	pthread_mutex_unlock(&r->lock);
	r->ops->finish(r->kind, run);
	op->own = NULL;
	ring_free(&run->ring);
	dismiss(r, atomic_load(&run->lane));
	free(run);
}

/* --- what a kind says ---------------------------------------------------- */

int
remote_give(struct remote_run *run, const void *p, size_t n, uint64_t total)
{
	struct remote *r = run->remote;
	int rc;

	/* Said before the first byte, so the ring's lock orders it. */
	if (run->op->total != total)
		run->op->total = total;
	rc = ring_put(&run->ring, p, n);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&r->lock);
	r->bytes_in += n;
	pthread_mutex_unlock(&r->lock);
	run->op->notify(run->op);
	return 0;
}

/* Locked. */
static void
count_result(struct remote *r, const struct remote_op *op, int result)
{
	if (op->verb == REMOTE_GET)
		r->gets++;
	else
		r->puts++;
	if (result == ERR_MISS)
		r->misses++;
	else if (result != 0 && result != -ECANCELED)
		r->errors++;
	if (result == 0 && op->verb == REMOTE_PUT && !op->existed)
		r->bytes_out += op->size;
}

void
remote_end(struct remote_run *run, int result)
{
	struct remote *r = run->remote;
	struct remote_op *op = run->op;
	bool internal = run->internal;

	run->result = result;
	pthread_mutex_lock(&r->lock);
	if (!internal)
		count_result(r, op, result);
	run->telling = true;
	pthread_mutex_unlock(&r->lock);
	atomic_store(&run->ended, true);
	op->notify(op);
	pthread_mutex_lock(&r->lock);
	run->telling = false;
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
	if (internal) {
		remote_finish(op);
		if (op->fd >= 0)
			close(op->fd);
		free(op);
	}
}

void
remote_blame(struct remote *r, enum remote_verb verb, enum remote_sign sign)
{
	static const char *const verbs[] = { "reading", "writing" };
	struct breaker *b = &r->breaker[verb];
	enum breaker_state old;
	enum breaker_state new;
	int64_t pause;

	pthread_mutex_lock(&r->lock);
	old = b->state;
	if (sign == REMOTE_ALIVE)
		breaker_ok(b);
	else
		breaker_fail(b, sign == REMOTE_SILENT, file_monotonic());
	new = b->state;
	pause = b->pause;
	pthread_mutex_unlock(&r->lock);
	if (new == old)
		return;
	if (new == BREAKER_OPEN)
		log_msg(LOG_WARN, "remote: %s stops for %d s: %s", verbs[verb],
			(int)(pause / 1000000000),
			sign == REMOTE_SILENT ? "no answer in time"
					      : "too many failures");
	else
		log_msg(LOG_INFO, "remote: %s goes on", verbs[verb]);
}

void
remote_retried(struct remote *r)
{
	pthread_mutex_lock(&r->lock);
	r->retries++;
	pthread_mutex_unlock(&r->lock);
}

static void
set_text(struct remote *r, char *where, const char *text)
{
	bool fresh;
	int i;

	pthread_mutex_lock(&r->lock);
	fresh = strncmp(where, text ? text : "", REMOTE_TEXT - 1) != 0;
	if (fresh)
		snprintf(where, REMOTE_TEXT, "%s", text ? text : "");
	/* Reading and writing may have the same trouble: one line. */
	for (i = 0; fresh && text && i < 2; i++)
		fresh = r->problem[i] == where || strcmp(r->problem[i], where);
	pthread_mutex_unlock(&r->lock);
	if (fresh && text)
		log_msg(LOG_WARN, "remote %s: %s", r->url, text);
}

void
remote_problem(struct remote *r, enum remote_verb verb, const char *text)
{
	set_text(r, r->problem[verb], text);
}

void
remote_hint(struct remote *r, const char *text)
{
	set_text(r, r->hint, text);
}

/* --- requests of our own ------------------------------------------------- */

static struct remote_op *
own_op(enum remote_verb verb, void (*notify)(struct remote_op *op))
{
	struct remote_op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->verb = verb;
	op->lane = REMOTE_BACKGROUND;
	op->max = 4096;
	op->fd = -1;
	op->notify = notify;
	snprintf(op->name, sizeof(op->name), "%s", REMOTE_FORMAT);
	return op;
}

static void
start_own(struct remote *r, struct remote_op *op)
{
	bool ignored = false;

	if (start_op(r, op, true, &ignored) == 0)
		return;
	if (op->fd >= 0)
		close(op->fd);
	free(op);
}

/* Whether reading works again is asked by a request nobody waits for; what
 * it says reaches the breaker by remote_blame. */
static void
probe_moved(struct remote_op *op)
{
	(void)op;
}

static void
probe(struct remote *r)
{
	struct remote_op *op = own_op(REMOTE_GET, probe_moved);

	if (op)
		start_own(r, op);
}

static void
format_moved(struct remote_op *op)
{
	struct remote_run *run = op->own;
	struct remote *r = run->remote;

	if (!atomic_load(&run->ended))
		return;
	pthread_mutex_lock(&r->lock);
	r->format_there = run->result == 0;
	pthread_mutex_unlock(&r->lock);
}

static int
format_body(struct remote_op *op)
{
	static const char text[] = REMOTE_FORMAT_TEXT;

	op->fd = memfd_create("kache-format", MFD_CLOEXEC);
	if (op->fd < 0)
		return -errno;
	op->size = sizeof(text) - 1;
	digest_bytes(text, op->size, &op->sha);
	op->if_absent = true;
	return file_write_fd(op->fd, text, op->size);
}

/* Whoever writes makes sure that the bucket says what it holds: once. */
static void
write_format(struct remote *r)
{
	int64_t now = file_monotonic();
	struct remote_op *op;
	bool due;

	pthread_mutex_lock(&r->lock);
	due = !r->format_there && now >= r->format_next;
	if (due)
		r->format_next = now + FORMAT_AGAIN;
	pthread_mutex_unlock(&r->lock);
	op = due ? own_op(REMOTE_PUT, format_moved) : NULL;
	if (!op)
		return;
	if (format_body(op) == 0) {
		start_own(r, op);
		return;
	}
	if (op->fd >= 0)
		close(op->fd);
	free(op);
}

/* --- for people ---------------------------------------------------------- */

bool
remote_readable(struct remote *r)
{
	bool due;
	bool ok;

	pthread_mutex_lock(&r->lock);
	ok = r->mode != MODE_WO && !r->closing;
	due = ok && breaker_probe(&r->breaker[REMOTE_GET], file_monotonic());
	ok = ok && breaker_allows(&r->breaker[REMOTE_GET]);
	pthread_mutex_unlock(&r->lock);
	if (due)
		probe(r);
	return ok;
}

bool
remote_writable(struct remote *r)
{
	struct breaker *b = &r->breaker[REMOTE_PUT];
	bool ok;

	pthread_mutex_lock(&r->lock);
	ok = r->mode != MODE_RO && !r->read_only && !r->closing &&
	     (breaker_allows(b) || file_monotonic() >= b->until);
	pthread_mutex_unlock(&r->lock);
	return ok;
}

uint64_t
remote_rate(struct remote *r)
{
	return r->ops->rate(r->kind);
}

void
remote_status(struct remote *r, struct remote_status *st)
{
	static const char *const modes[] = { "rw", "ro", "wo" };
	const char *parts[3];
	int i;

	memset(st, 0, sizeof(*st));
	r->ops->status(r->kind, st);
	st->rate = remote_rate(r);
	pthread_mutex_lock(&r->lock);
	snprintf(st->url, sizeof(st->url), "%s", r->url);
	parts[0] = r->problem[REMOTE_GET];
	parts[1] = r->problem[REMOTE_PUT];
	parts[2] = r->hint;
	for (i = 0; i < 3; i++) {
		size_t n = strlen(st->problem);

		if (*parts[i] && !strstr(st->problem, parts[i]))
			snprintf(st->problem + n, sizeof(st->problem) - n,
				 "%s%s", n > 0 ? "; " : "", parts[i]);
	}
	st->mode = modes[r->read_only ? MODE_RO : r->mode];
	st->read_breaker = breaker_name(&r->breaker[REMOTE_GET]);
	st->write_breaker = breaker_name(&r->breaker[REMOTE_PUT]);
	st->demand = r->lanes[REMOTE_DEMAND];
	st->background = r->lanes[REMOTE_BACKGROUND];
	st->gets = r->gets;
	st->puts = r->puts;
	st->misses = r->misses;
	st->errors = r->errors;
	st->retries = r->retries;
	st->bytes_in = r->bytes_in;
	st->bytes_out = r->bytes_out;
	pthread_mutex_unlock(&r->lock);
}
