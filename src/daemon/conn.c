/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/conn.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/services.h"
#include "wire/dial.h"
#include "wire/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)

/* How long a client may be silent before its HELLO and between requests, and
 * how long it may leave unread what we wrote. */
#define HELLO_NS SECOND
#define IDLE_NS (600 * SECOND)
#define UNREAD_NS (5 * SECOND)
#define TICK_NS (SECOND / 20)

int
conn_open(struct services *h, int epoll, const struct conn_ops *ops)
{
	h->conns = calloc(1, sizeof(*h->conns));
	if (!h->conns)
		return -ENOMEM;
	h->conns->hub = h;
	h->conns->epoll = epoll;
	h->conns->ops = ops;
	h->conns->active = file_monotonic();
	return 0;
}

static void
drop(struct conn *c)
{
	struct conns *all = c->hub->conns;

	all->ops->gone(c);
	close(c->fd);
	if (c->prev)
		c->prev->next = c->next;
	else
		all->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	all->count--;
	frame_in_free(&c->in);
	frame_out_free(&c->out);
	free(c);
}

void
conn_close_all(struct services *h)
{
	while (h->conns && h->conns->first)
		drop(h->conns->first);
	free(h->conns);
	h->conns = NULL;
}

/* Asks epoll for what C waits for; a blocked client is not read from. */
static void
watch(struct conn *c)
{
	bool out = c->out.bytes.len > c->out.sent;
	struct epoll_event e = { .events = out ? EPOLLOUT : EPOLLIN,
				 .data.ptr = c };

	if (out == c->wants_out)
		return;
	c->wants_out = out;
	c->unread = out ? file_monotonic() : 0;
	epoll_ctl(c->hub->conns->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

/* A note's sender closes without reading: its note still lies in the socket,
 * so a failure to write ends only the writing. */
static int
flush(struct conn *c)
{
	int r = c->mute ? 0 : frame_flush(&c->out, c->fd);

	if (r < 0 && r != -EAGAIN) {
		c->mute = true;
		r = 0;
	}
	if (c->mute)
		frame_out_free(&c->out);
	watch(c);
	return r;
}

/* Never frees C, so that whoever speaks may go on using it: what is broken
 * ends at the next look. */
void
conn_send(struct conn *c, const struct message *m)
{
	struct buf body = { 0 };
	int r = message_encode(m, &body);

	if (r == 0)
		r = frame_put(&c->out, body.p, body.len, FRAME_ANSWER_MAX);
	buf_free(&body);
	if (r < 0) {
		log_msg(LOG_ERROR, "cannot answer %s: %s",
			message_name(m->type), err_text(r));
		c->closing = true;
	}
	flush(c);
}

void
conn_say(struct conn *c, int type)
{
	struct message m = { .type = (enum message_type)type };

	conn_send(c, &m);
}

static void
greet(struct conn *c)
{
	struct message m = { .type = MESSAGE_HELLO };

	m.hello.protocol = MESSAGE_PROTOCOL;
	m.hello.program.p = KACHE_VERSION;
	m.hello.program.n = strlen(KACHE_VERSION);
	conn_send(c, &m);
}

static struct conn *
make(struct services *h, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	if (!c)
		return NULL;
	if (epoll_ctl(h->conns->epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
		free(c);
		return NULL;
	}
	c->hub = h;
	c->fd = fd;
	c->in.max = FRAME_REQUEST_MAX;
	c->accepted = c->since = file_monotonic();
	c->next = h->conns->first;
	if (c->next)
		c->next->prev = c;
	h->conns->first = c;
	h->conns->count++;
	return c;
}

void
conn_accept(struct services *h, int fd)
{
	struct conn *c = NULL;
	int r = dial_peer(fd, geteuid());

	if (r < 0)
		log_msg(LOG_WARN, "a connection was refused: %s", err_text(r));
	else if (h->conns->count < CONN_MAX)
		c = make(h, fd);
	if (!c) {
		services_count(h, HUB_REFUSED);
		close(fd);
		return;
	}
	services_count(h, HUB_CLIENTS);
	greet(c);
}

/* A message that is whole.  A wrong one ends the connection, as PROTOCOL
 * says: whoever wrote it is no client of ours. */
static void
take(struct conn *c)
{
	struct buf lists = { 0 };
	struct message m;
	int r = message_decode(c->in.body.p, c->in.body.len, MESSAGE_TO_DAEMON,
			       &lists, &m);

	c->since = file_monotonic();
	if (r < 0) {
		log_msg(LOG_WARN, "a client sent what is no message: %s",
			err_text(r));
		c->closing = true;
	} else {
		c->hub->conns->active = c->since;
		c->hub->conns->ops->message(c, &m);
	}
	buf_free(&lists);
	frame_next(&c->in);
}

/* Reads at most a few frames, so that one client cannot keep the loop. */
static void
receive(struct conn *c)
{
	int r = 0;

	for (int i = 0; i < 16 && !c->closing && r == 0; i++) {
		r = frame_read(&c->in, c->fd);
		if (r == 0)
			take(c);
	}
	if (r < 0 && r != -EAGAIN) {
		if (r != ERR_MISS && r != -ECONNRESET)
			log_msg(LOG_WARN, "a client is dropped: %s",
				err_text(r));
		drop(c);
		return;
	}
	if (c->closing && flush(c) == 0)
		drop(c);
}

void
conn_ready(struct conn *c, unsigned events)
{
	if (c->wants_out && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
		if (flush(c) == 0 && c->closing)
			drop(c);
		return;
	}
	if (events & EPOLLIN) {
		receive(c);
		return;
	}
	if (events & (EPOLLHUP | EPOLLERR))
		drop(c);
}

/* True if C has had its time. */
static bool
is_over(const struct conn *c, int64_t now)
{
	if (c->unread && now - c->unread > UNREAD_NS)
		return true;
	if (c->state == CONN_NEW)
		return now - c->since > HELLO_NS;
	return c->state == CONN_IDLE && now - c->since > IDLE_NS;
}

int64_t
conn_tick(struct services *h, int64_t now)
{
	struct conn *c, *next;
	bool soon = false;

	for (c = h->conns->first; c; c = next) {
		next = c->next;
		if (c->closing && c->out.bytes.len == c->out.sent) {
			drop(c);
			continue;
		}
		if (is_over(c, now)) {
			drop(c);
			continue;
		}
		h->conns->ops->tick(c, now);
		soon = soon || c->state == CONN_WAITS ||
		       c->state == CONN_DRAINS || c->state == CONN_NEW ||
		       c->unread || c->closing;
	}
	return soon ? now + TICK_NS : 0;
}
