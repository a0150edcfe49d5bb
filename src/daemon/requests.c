/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/requests.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/sessions.h"
#include "daemon/conn.h"
#include "daemon/fetch.h"
#include "daemon/services.h"
#include "daemon/session_record.h"
#include "daemon/prefetch.h"
#include "daemon/report.h"
#include "daemon/upload_queue.h"
#include "remote/remote.h"
#include "store/unit_manifest.h"
#include "wire/message.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MS ((int64_t)1000000)

/* The answer leaves this long before the shim gives up; a pack is unpacked
 * in the second. */
#define ANSWER_NS (100 * MS)
#define UNPACK_NS (100 * MS)

/*
 * A question that a flight has.  The conn may go before the flight is over:
 * then it belongs to the mail that is still to come.
 */
struct remote_query {
	struct flight_waiter waiter;
	struct mail mail;
	struct services *hub;
	struct flights *table;
	struct conn *conn; /* NULL: nobody waits; the poll loop's */
	struct digest key;
	uint64_t total, rate; /* bytes to come, and how many a second */
	bool opened;          /* the result is here */
	atomic_bool busy;     /* refused before it began */
	int result;
	struct buf manifest;
	uint64_t bytes;
};

static struct remote_query *
of_mail(struct mail *m)
{
	return (struct remote_query *)((char *)m -
				       offsetof(struct remote_query, mail));
}

static void
free_ask(struct remote_query *a)
{
	buf_free(&a->manifest);
	free(a);
}

/* Nobody wants A's answer any more. */
static void
forget(struct remote_query *a)
{
	a->conn = NULL;
	if (a->opened || flight_leave(a->table, &a->waiter))
		free_ask(a);
}

/* On any thread. */
static void
done(struct flight_waiter *w, int result, const void *value)
{
	struct remote_query *a =
		(struct remote_query *)((char *)w -
					offsetof(struct remote_query, waiter));
	const struct fetch_value *v = value;

	a->result = result;
	if (result == ERR_BUSY)
		atomic_store(&a->busy, true);
	if (result == 0 && v->manifest->len) {
		buf_add(&a->manifest, v->manifest->p, v->manifest->len);
		if (a->manifest.failed)
			a->result = -ENOMEM;
	}
	if (result == 0)
		a->bytes = v->bytes;
	mailbox_send(&a->hub->mail, &a->mail);
}

static void opened(struct mail *m);

static uint64_t
line_rate(struct services *h)
{
	struct services_setup *s = services_get(h);
	uint64_t rate = s->remote ? remote_rate(s->remote) : 0;

	services_put(s);
	return rate;
}

/* NULL without memory. */
static struct remote_query *
begin(struct conn *c, struct flights *table, const struct digest *key)
{
	struct remote_query *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->hub = c->hub;
	a->table = table;
	a->conn = c;
	a->key = *key;
	a->waiter.done = done;
	a->mail.open = opened;
	if (flight_join(table, key, &a->waiter) < 0) {
		free_ask(a);
		return NULL;
	}
	/* What was under way already told its size before. */
	a->total = flight_left(table, &a->waiter);
	a->rate = a->total ? line_rate(c->hub) : 0;
	return a;
}

static void
finish(struct conn *c)
{
	if (c->ask)
		forget(c->ask);
	c->ask = NULL;
	c->state = CONN_IDLE;
}

static void
answer(struct conn *c, enum message_type type, enum services_counter counter)
{
	services_count(c->hub, counter);
	finish(c);
	conn_say(c, type);
}

/* Trouble is not "not found": the shim compiles either way, and the counters
 * tell which it was. */
static void
answer_failure(struct conn *c, int result)
{
	if (result == ERR_MISS)
		answer(c, MESSAGE_NOT_FOUND, HUB_NOT_FOUND);
	else if (result == ERR_BUSY)
		answer(c, MESSAGE_LATE, HUB_BUSY);
	else if (result == ERR_TIMEOUT || result == -ECANCELED)
		answer(c, MESSAGE_LATE, HUB_LATE);
	else
		answer(c, MESSAGE_NOT_FOUND, HUB_FAILED);
}

/* What SHAPES will offer is remembered, and if there is one pack only it is
 * fetched while the shim computes its key. */
static void
note_offers(struct conn *c, const struct buf *manifest)
{
	struct unit_manifest m = { 0 };

	c->offers = 0;
	if (unit_manifest_decode(manifest->p, manifest->len, &m) < 0)
		return;
	for (size_t i = 0; i < m.count && i < CONN_OFFERS; i++) {
		struct conn_offer *o = &c->offer[c->offers++];

		unit_manifest_at(&m.rec[i].k1, &m.rec[i].tag, &o->at);
		o->compile_us = m.rec[i].compile_us;
	}
	unit_manifest_release(&m);
	if (c->offers == 1 && !c->guess &&
	    !prefetch_came(c->hub->prefetches, &c->offer[0].at, false))
		c->guess = begin(c, c->hub->packs, &c->offer[0].at);
}

static void
send_inputs(struct conn *c, struct remote_query *a)
{
	struct message m = { .type = MESSAGE_SHAPES };

	note_offers(c, &a->manifest);
	m.manifest.p = a->manifest.p;
	m.manifest.n = a->manifest.len;
	conn_send(c, &m);
	finish(c);
}

static void
send_found(struct conn *c, const struct digest *at, uint64_t bytes)
{
	struct message m = { .type = MESSAGE_FOUND };

	m.found.at = *at;
	m.found.received = bytes;
	services_count(c->hub, HUB_FOUND);
	conn_send(c, &m);
	finish(c);
}

static void
give(struct conn *c, struct remote_query *a)
{
	if (a->result < 0)
		answer_failure(c, a->result);
	else if (a->table == c->hub->units)
		send_inputs(c, a);
	else
		send_found(c, &a->key, a->bytes);
}

static void
opened(struct mail *mail)
{
	struct remote_query *a = of_mail(mail);

	a->opened = true;
	if (!a->conn)
		free_ask(a);
	else if (a->conn->ask == a)
		give(a->conn, a);
}

static int64_t
timeout_ns(struct services *h)
{
	struct services_setup *s = services_get(h);
	int64_t ms = s->config.v[CONFIG_SHIM_TIMEOUT].num;

	services_put(s);
	return ms * MS;
}

static bool
has_remote(struct services *h)
{
	struct services_setup *s = services_get(h);
	bool yes = s->remote && remote_readable(s->remote);

	services_put(s);
	return yes;
}

static void
wait_for(struct conn *c, struct remote_query *a)
{
	c->ask = a;
	c->state = CONN_WAITS;
	c->deadline = c->accepted + timeout_ns(c->hub) - ANSWER_NS;
}

/* The pack goes on without us if that costs less than the compile. */
static void
late(struct conn *c)
{
	struct remote_query *a = c->ask;
	uint64_t cost = a->rate ? a->total * 1000000 / a->rate : UINT64_MAX;

	for (size_t i = 0; i < c->offers; i++)
		if (digest_eq(&c->offer[i].at, &a->key) &&
		    cost < c->offer[i].compile_us)
			flight_join(a->table, &a->key, NULL);
	answer(c, MESSAGE_LATE, HUB_LATE);
}

/* Whether the rest of the pack cannot be here in time, as far as its size and
 * the rate tell. */
static bool
too_late(const struct conn *c, int64_t now)
{
	const struct remote_query *a = c->ask;
	int64_t left = c->deadline - now - UNPACK_NS;

	return a->rate && (int64_t)(a->total * 1000 / a->rate) * MS > left;
}

static void
drop_guess(struct conn *c)
{
	if (c->guess)
		forget(c->guess);
	c->guess = NULL;
}

static void
on_check(struct conn *c, const struct message *m)
{
	struct remote_query *a;

	services_count(c->hub, HUB_CHECKS);
	drop_guess(c);
	if (c->hub->stopping || !has_remote(c->hub)) {
		answer(c, MESSAGE_NONE, HUB_NONE);
		return;
	}
	sessions_missed(c->hub->builds);
	prefetch_check(c->hub->prefetches, &m->key);
	a = begin(c, c->hub->units, &m->key);
	if (!a || atomic_load(&a->busy)) {
		if (a)
			forget(a);
		answer(c, MESSAGE_BUSY, HUB_BUSY);
		return;
	}
	conn_say(c, MESSAGE_ACCEPTED);
	wait_for(c, a);
}

static void
on_get(struct conn *c, const struct message *m)
{
	struct remote_query *a = c->guess;
	const struct digest *at = &m->key;

	services_count(c->hub, HUB_GETS);
	prefetch_get(c->hub->prefetches, at);
	c->guess = NULL;
	if (a && !digest_eq(&a->key, at)) {
		forget(a);
		a = NULL;
	}
	if (!a && prefetch_came(c->hub->prefetches, at, true)) {
		send_found(c, at, 0);
		return;
	}
	if (!a && !c->hub->stopping)
		a = begin(c, c->hub->packs, at);
	if (!a) {
		answer(c, MESSAGE_LATE, HUB_LATE);
		return;
	}
	wait_for(c, a);
	if (a->opened)
		give(c, a);
	else if (too_late(c, file_monotonic()))
		late(c);
}

static void
on_hello(struct conn *c, const struct message *m)
{
	if (m->hello.protocol == MESSAGE_PROTOCOL)
		return;
	log_msg(LOG_INFO, "a client speaks protocol %llu, we %d",
		(unsigned long long)m->hello.protocol, MESSAGE_PROTOCOL);
	c->closing = true;
}

static void
on_stored(struct conn *c, const struct message *m)
{
	services_count(c->hub, HUB_STORED);
	upload_queue_add(c->hub->uploads, &m->key);
}

static void
on_session(struct conn *c, const struct message *m)
{
	sessions_session(c->hub->builds, &m->session);
}

static void
on_hint(struct conn *c, const struct message *m)
{
	sessions_hint(c->hub->builds, &m->hint);
}

static void
on_status(struct conn *c, const struct message *m)
{
	struct message out = { .type = MESSAGE_REPORT };
	struct buf lines = { 0 };

	(void)m;
	out.lines.count = report_lines(c->hub, &lines);
	out.lines.p = lines.p;
	out.lines.n = lines.len;
	conn_send(c, &out);
	buf_free(&lines);
}

static void requests_tick(struct conn *c, int64_t now);

static void
on_drain(struct conn *c, const struct message *m)
{
	c->state = CONN_DRAINS;
	c->deadline = file_monotonic() + (int64_t)m->ms * MS;
	upload_queue_hurry(c->hub->uploads);
	sessions_end(c->hub->builds);
	if (m->type == MESSAGE_STOP) {
		c->stops = true;
		c->hub->stopping = true;
	}
	requests_tick(c, file_monotonic());
}

static void (*const handlers[])(struct conn *, const struct message *) = {
	[MESSAGE_HELLO] = on_hello,     [MESSAGE_CHECK] = on_check,
	[MESSAGE_GET] = on_get,         [MESSAGE_STORED] = on_stored,
	[MESSAGE_SESSION] = on_session, [MESSAGE_PREFETCH_HINT] = on_hint,
	[MESSAGE_STATUS] = on_status,   [MESSAGE_DRAIN] = on_drain,
	[MESSAGE_STOP] = on_drain,
};

/* One request at a time, HELLO first and once. */
static void
requests_message(struct conn *c, const struct message *m)
{
	bool hello = m->type == MESSAGE_HELLO;

	if (hello != (c->state == CONN_NEW) || c->state == CONN_WAITS ||
	    c->state == CONN_DRAINS) {
		log_msg(LOG_WARN, "a client sent %s out of turn",
			message_name(m->type));
		c->closing = true;
		return;
	}
	if (hello)
		c->state = CONN_IDLE;
	handlers[m->type](c, m);
}

static void
tick_drain(struct conn *c, int64_t now)
{
	struct message m = { .type = MESSAGE_LEFT };
	size_t left = upload_queue_left(c->hub->uploads);
	bool stuck = left && upload_queue_stuck(c->hub->uploads);
	bool busy = (left && !stuck) || session_record_left(c->hub);

	if (busy && now < c->deadline)
		return;
	c->state = CONN_IDLE;
	m.left = left;
	conn_send(c, &m);
	if (c->stops)
		c->hub->quit = true;
}

static void
requests_tick(struct conn *c, int64_t now)
{
	if (c->state == CONN_WAITS && now >= c->deadline)
		late(c);
	else if (c->state == CONN_DRAINS)
		tick_drain(c, now);
}

static void
requests_gone(struct conn *c)
{
	drop_guess(c);
	if (c->ask)
		forget(c->ask);
	c->ask = NULL;
}

void
requests_size(struct mail *m)
{
	struct fetch_size *size =
		(struct fetch_size *)((char *)m -
				      offsetof(struct fetch_size, mail));
	int64_t now = file_monotonic();
	struct conn *c, *next;

	for (c = size->hub->conns ? size->hub->conns->first : NULL; c;
	     c = next) {
		struct remote_query *a = c->ask ? c->ask : c->guess;

		next = c->next;
		if (!a || a->table != c->hub->packs ||
		    !digest_eq(&a->key, &size->key))
			continue;
		a->total = size->total;
		a->rate = size->rate;
		if (c->ask && too_late(c, now))
			late(c);
	}
	free(size);
}

const struct conn_ops requests_ops = { requests_message, requests_tick,
				       requests_gone };
