/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/client.h"

#include "base/err.h"
#include "base/file.h"
#include "wire/dial.h"
#include "wire/message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static const struct message hello = {
	.type = MESSAGE_HELLO,
	.hello = { MESSAGE_PROTOCOL,
		   { KACHE_VERSION, sizeof(KACHE_VERSION) - 1 } },
};

/* Adds M to what waits to be sent. */
static int
add_message(struct client *c, const struct message *m)
{
	int r;

	buf_reset(&c->body);
	r = message_encode(m, &c->body);
	if (r < 0)
		return r;
	return frame_put(&c->out, c->body.p, c->body.len, FRAME_REQUEST_MAX);
}

static int
connect_to(struct client *c, const char *path)
{
	int r;

	memset(c, 0, sizeof(*c));
	c->in.max = FRAME_ANSWER_MAX;
	c->fd = -1;
	r = dial_connect(path, &c->fd);
	if (r == 0)
		r = add_message(c, &hello);
	if (r < 0)
		client_close(c);
	return r;
}

/* A peer that always has one more byte must not get around the deadline. */
static int
wait_for(struct client *c, short events, int64_t deadline)
{
	if (file_monotonic() >= deadline)
		return ERR_TIMEOUT;
	return dial_wait(c->fd, events, deadline);
}

static int
flush_messages(struct client *c, int64_t deadline)
{
	int r = frame_flush(&c->out, c->fd);

	while (r == -EAGAIN) {
		r = wait_for(c, POLLOUT, deadline);
		if (r == 0)
			r = frame_flush(&c->out, c->fd);
	}
	return r;
}

int
client_send(struct client *c, const struct message *m, int64_t deadline)
{
	int r = add_message(c, m);

	return r < 0 ? r : flush_messages(c, deadline);
}

int
client_receive(struct client *c, struct message *m, int64_t deadline)
{
	int r;

	frame_next(&c->in);
	r = frame_read(&c->in, c->fd);
	while (r == -EAGAIN) {
		r = wait_for(c, POLLIN, deadline);
		if (r == 0)
			r = frame_read(&c->in, c->fd);
	}
	if (r == 0)
		r = message_decode(c->in.body.p, c->in.body.len,
				   MESSAGE_FROM_DAEMON, &c->lists, m);
	/* An answer over a maximum is one that the protocol does not have. */
	return r == ERR_TOOBIG ? ERR_CORRUPT : r;
}

static int
greet(struct client *c, int64_t deadline)
{
	struct message m;
	int r = flush_messages(c, deadline);

	/* One that leaves says so by closing; what it said before counts. */
	if (r == 0 || r == -EPIPE)
		r = client_receive(c, &m, deadline);
	/* ERR_MISS is kept for: nobody listens. */
	if (r < 0)
		return r == ERR_MISS ? -ECONNRESET : r;
	if (m.type != MESSAGE_HELLO)
		return ERR_CORRUPT;
	return m.hello.protocol == MESSAGE_PROTOCOL ? 0 : ERR_NEWER;
}

int
client_open(struct client *c, const char *path, int64_t deadline)
{
	int r = connect_to(c, path);

	if (r < 0)
		return r;
	r = greet(c, deadline);
	if (r < 0)
		client_close(c);
	return r;
}

int
client_note(const char *path, const struct message *m)
{
	struct client c;
	int r = connect_to(&c, path);

	if (r < 0)
		return r;
	r = add_message(&c, m);
	if (r == 0)
		r = frame_flush(&c.out, c.fd);
	client_close(&c);
	return r == -EAGAIN ? ERR_BUSY : r;
}

void
client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	frame_in_free(&c->in);
	frame_out_free(&c->out);
	buf_free(&c->body);
	buf_free(&c->lists);
}
