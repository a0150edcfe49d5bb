/* SPDX-License-Identifier: Apache-2.0 */
/* The calling end against a peer in a thread that does one thing each. */
#define _GNU_SOURCE
#include "wire/client.h"

#include "base/err.h"
#include "base/file.h"
#include "wire/dial.h"
#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../testdir.h"

#define MS INT64_C(1000000)

enum { BIG = 60 << 20 };

struct peer {
	const char *bytes; /* what it says as soon as it is called */
	size_t n;
	int pause_ms; /* before that */
	bool hang_up; /* then closes; else waits until it is closed */
};

static char path[512];
static struct peer peer;
static pthread_t thread;
static int server = -1;

static void *
answer(void *arg)
{
	int fd = accept(server, NULL, NULL);
	char got[512];
	ssize_t n;

	(void)arg;
	poll(NULL, 0, peer.pause_ms);
	n = send(fd, peer.bytes, peer.n, MSG_NOSIGNAL);
	while (n >= 0 && !peer.hang_up) {
		n = recv(fd, got, sizeof(got), 0);
		if (n == 0)
			break;
	}
	close(fd);
	return NULL;
}

static void
listen_at(const char *name, int backlog)
{
	struct sockaddr_un sa;
	int dir;

	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	unlink(path);
	assert_int_equal(dial_address(path, &sa, &dir), 0);
	server = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(server >= 0);
	assert_int_equal(bind(server, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(server, backlog), 0);
}

/* A frame with message M. */
static void
frame(struct buf *b, const struct message *m)
{
	struct frame_out out = { 0 };
	struct buf body = { 0 };

	assert_int_equal(message_encode(m, &body), 0);
	assert_int_equal(frame_put(&out, body.p, body.len, FRAME_ANSWER_MAX),
			 0);
	buf_add(b, out.bytes.p, out.bytes.len);
	frame_out_free(&out);
	buf_free(&body);
}

static void
hello(struct buf *b, uint64_t version)
{
	struct message m = { .type = MESSAGE_HELLO };

	m.hello.protocol = version;
	m.hello.program.p = "9";
	m.hello.program.n = 1;
	frame(b, &m);
}

static void
start(const struct buf *says, bool hang_up)
{
	listen_at("peer.sock", 4);
	peer = (struct peer){ .bytes = says->p ? says->p : "",
			      .n = says->len,
			      .hang_up = hang_up };
}

static void
go(void)
{
	assert_int_equal(pthread_create(&thread, NULL, answer, NULL), 0);
}

static void
end(struct client *c)
{
	if (c)
		client_close(c);
	pthread_join(thread, NULL);
	close(server);
}

static int
open_by(struct client *c, int ms)
{
	return client_open(c, path, file_monotonic() + ms * MS);
}

static void
questions_are_answered(void **state)
{
	struct message ask = { .type = MESSAGE_STATUS }, m;
	struct buf says = { 0 };
	struct client c;

	(void)state;
	hello(&says, MESSAGE_PROTOCOL);
	frame(&says, &(struct message){ .type = MESSAGE_ACCEPTED });
	m.type = MESSAGE_REPORT;
	m.lines.count = 2;
	m.lines.p = "a=1\0b=2";
	m.lines.n = 8;
	frame(&says, &m);
	start(&says, false);
	go();
	assert_int_equal(open_by(&c, 5000), 0);
	assert_int_equal(client_send(&c, &ask, file_monotonic() + MS), 0);
	assert_int_equal(client_receive(&c, &m, file_monotonic() + 5000 * MS),
			 0);
	assert_int_equal(m.type, MESSAGE_ACCEPTED);
	assert_int_equal(client_receive(&c, &m, file_monotonic() + 5000 * MS),
			 0);
	assert_int_equal(m.type, MESSAGE_REPORT);
	assert_int_equal(m.lines.count, 2);
	assert_memory_equal(m.lines.p, "a=1\0b=2", 8);
	/* Nothing more comes. */
	assert_int_equal(client_receive(&c, &m, file_monotonic() + 20 * MS),
			 ERR_TIMEOUT);
	end(&c);
	buf_free(&says);
}

static void
no_hello_is_a_timeout(void **state)
{
	struct buf says = { 0 };
	struct client c;

	(void)state;
	start(&says, false);
	go();
	assert_int_equal(open_by(&c, 30), ERR_TIMEOUT);
	end(NULL);
	/* Part of one is none. */
	hello(&says, MESSAGE_PROTOCOL);
	says.len--;
	start(&says, false);
	go();
	assert_int_equal(open_by(&c, 30), ERR_TIMEOUT);
	end(NULL);
	buf_free(&says);
}

static void
a_slow_hello_counts(void **state)
{
	struct buf says = { 0 };
	struct client c;

	(void)state;
	hello(&says, MESSAGE_PROTOCOL);
	start(&says, false);
	peer.pause_ms = 60;
	go();
	assert_int_equal(open_by(&c, 10000), 0);
	end(&c);
	buf_free(&says);
}

static void
another_version_is_newer(void **state)
{
	struct buf says = { 0 };
	struct client c;

	(void)state;
	hello(&says, MESSAGE_PROTOCOL + 1);
	start(&says, false);
	go();
	assert_int_equal(open_by(&c, 5000), ERR_NEWER);
	end(NULL);
	buf_free(&says);
}

static void
what_is_no_hello_is_corrupt(void **state)
{
	struct buf says = { 0 };
	struct client c;

	(void)state;
	frame(&says, &(struct message){ .type = MESSAGE_ACCEPTED });
	start(&says, false);
	go();
	assert_int_equal(open_by(&c, 5000), ERR_CORRUPT);
	end(NULL);
	buf_reset(&says);
	buf_str(&says, "HTTP/1.1 400 Bad Request\r\n\r\n");
	start(&says, false);
	go();
	assert_int_equal(open_by(&c, 5000), ERR_CORRUPT);
	end(NULL);
	buf_free(&says);
}

static void
one_that_hangs_up_is_a_miss(void **state)
{
	struct buf says = { 0 };
	struct message m;
	struct client c;
	int r;

	(void)state;
	start(&says, true);
	go();
	assert_int_equal(open_by(&c, 5000), -ECONNRESET);
	end(NULL);
	hello(&says, MESSAGE_PROTOCOL);
	start(&says, true);
	go();
	assert_int_equal(open_by(&c, 5000), 0);
	r = client_receive(&c, &m, file_monotonic() + 5000 * MS);
	assert_true(r == ERR_MISS || r == -ECONNRESET);
	end(&c);
	/* Within a frame. */
	buf_add(&says, "\5\0\0\0\x91", 5);
	start(&says, true);
	go();
	assert_int_equal(open_by(&c, 5000), 0);
	r = client_receive(&c, &m, file_monotonic() + 5000 * MS);
	assert_true(r == ERR_CORRUPT || r == -ECONNRESET);
	end(&c);
	buf_free(&says);
}

static void
frames_too_large_are_refused(void **state)
{
	struct message ask = { .type = MESSAGE_PREFETCH_HINT }, m;
	struct buf says = { 0 };
	struct client c;

	(void)state;
	hello(&says, MESSAGE_PROTOCOL);
	/* 16 MiB and one byte. */
	buf_add(&says, "\1\0\0\1", 4);
	start(&says, false);
	go();
	assert_int_equal(open_by(&c, 5000), 0);
	assert_int_equal(client_receive(&c, &m, file_monotonic() + 5000 * MS),
			 ERR_CORRUPT);
	/* Nothing of a message over a maximum is sent. */
	ask.hint.workspace.p = says.p;
	ask.hint.workspace.n = 4097;
	assert_int_equal(client_send(&c, &ask, file_monotonic() + MS),
			 ERR_TOOBIG);
	end(&c);
	buf_free(&says);
}

/* It always has another byte, so poll never says that there is none. */
static void
a_trickle_ends_at_the_deadline(void **state)
{
	struct buf says = { 0 };
	struct message m;
	struct client c;

	(void)state;
	hello(&says, MESSAGE_PROTOCOL);
	start(&says, false);
	go();
	assert_int_equal(open_by(&c, 5000), 0);
	assert_int_equal(client_receive(&c, &m, file_monotonic() - 1),
			 ERR_TIMEOUT);
	end(&c);
	buf_free(&says);
}

static void
a_peer_that_does_not_read_is_left(void **state)
{
	struct message note = { .type = MESSAGE_SESSION };
	static char text[4096];
	struct client c;
	int r = 0;

	(void)state;
	memset(text, 'x', sizeof(text));
	note.session.workspace.p = text;
	note.session.workspace.n = sizeof(text);
	listen_at("stuck.sock", 4);
	memset(&c, 0, sizeof(c));
	assert_int_equal(dial_connect(path, &c.fd), 0);
	for (int i = 0; i < BIG / 4096 && r == 0; i++)
		r = client_send(&c, &note, file_monotonic() + 10 * MS);
	assert_int_equal(r, ERR_TIMEOUT);
	client_close(&c);
	close(server);
}

static void
nobody_and_a_full_backlog_are_told_apart(void **state)
{
	struct message note = { .type = MESSAGE_STATUS };
	struct client c;
	int fds[8], n = 0, r = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/nobody.sock", testdir);
	assert_int_equal(open_by(&c, 5000), ERR_MISS);
	assert_int_equal(client_note(path, &note), ERR_MISS);
	listen_at("full.sock", 0);
	while (n < 8 && r == 0) {
		r = dial_connect(path, &fds[n]);
		n += r == 0;
	}
	assert_int_equal(open_by(&c, 5000), ERR_BUSY);
	assert_int_equal(client_note(path, &note), ERR_BUSY);
	while (n > 0)
		close(fds[--n]);
	close(server);
	assert_int_equal(open_by(&c, 5000), ERR_MISS);
}

/* Its peer may say HELLO before or after it is gone: the note is there. */
static void
a_note_arrives_without_waiting(void **state)
{
	struct message note = { .type = MESSAGE_DRAIN };
	struct frame_in in = { .max = FRAME_REQUEST_MAX };
	struct buf lists = { 0 };
	struct message m;
	int fd;

	(void)state;
	note.ms = 77;
	listen_at("note.sock", 4);
	assert_int_equal(client_note(path, &note), 0);
	fd = accept(server, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(frame_read(&in, fd), 0);
	assert_int_equal(message_decode(in.body.p, in.body.len,
					MESSAGE_TO_DAEMON, &lists, &m),
			 0);
	assert_int_equal(m.type, MESSAGE_HELLO);
	frame_next(&in);
	assert_int_equal(frame_read(&in, fd), 0);
	assert_int_equal(message_decode(in.body.p, in.body.len,
					MESSAGE_TO_DAEMON, &lists, &m),
			 0);
	assert_int_equal(m.type, MESSAGE_DRAIN);
	assert_int_equal(m.ms, 77);
	frame_next(&in);
	assert_int_equal(frame_read(&in, fd), ERR_MISS);
	frame_in_free(&in);
	buf_free(&lists);
	close(fd);
	close(server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_answered),
		cmocka_unit_test(no_hello_is_a_timeout),
		cmocka_unit_test(a_slow_hello_counts),
		cmocka_unit_test(another_version_is_newer),
		cmocka_unit_test(what_is_no_hello_is_corrupt),
		cmocka_unit_test(one_that_hangs_up_is_a_miss),
		cmocka_unit_test(frames_too_large_are_refused),
		cmocka_unit_test(a_trickle_ends_at_the_deadline),
		cmocka_unit_test(a_peer_that_does_not_read_is_left),
		cmocka_unit_test(nobody_and_a_full_backlog_are_told_apart),
		cmocka_unit_test(a_note_arrives_without_waiting),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
