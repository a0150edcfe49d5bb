/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/* What clients ask, and what the daemon answers: its real parts around a pair
 * of sockets and a remote that is a directory, in one thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "daemon/conn.h"
#include "daemon/parts.h"
#include "daemon/prefetch.h"
#include "daemon/requests.h"
#include "daemon/services.h"
#include "daemon/session_record.h"
#include "daemon/sessions.h"
#include "daemon/sweeper.h"
#include "daemon/upload_queue.h"
#include "remote/remote.h"
#include "wire/frame.h"
#include "wire/message.h"
#include "work/flight.h"
#include "work/queue.h"

#include "../testdir.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct services hub;
static int epoll;

struct peer {
	int fd;
	struct frame_in in;
	struct frame_out out;
	struct buf lists;
};

/* One turn of the poll loop. */
static void
turn(void)
{
	struct epoll_event e[8];
	int n = epoll_wait(epoll, e, 8, 1);
	int64_t now;

	for (int i = 0; i < n; i++)
		if (e[i].data.ptr != &hub)
			conn_ready(e[i].data.ptr, e[i].events);
	mailbox_open(&hub.mail);
	now = file_monotonic();
	conn_tick(&hub, now);
	sessions_tick(hub.builds, now);
	prefetch_tick(hub.prefetches, now);
	upload_queue_tick(hub.uploads, now);
}

static int
open_daemon(void **state)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = &hub };
	struct services_setup *s;
	char url[128];
	int r;

	if (testdir_make(state) < 0)
		return -1;
	memset(&hub, 0, sizeof(hub));
	snprintf(hub.cache_dir, sizeof(hub.cache_dir), "%s/store", testdir);
	snprintf(url, sizeof(url), "file://%s/remote", testdir);
	mkdir(hub.cache_dir, 0700);
	mkdir(url + strlen("file://"), 0700);
	setenv("KACHE_REMOTE_MAIN_URL", url, 1);
	setenv("HOME", testdir, 1);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	r = services_load(&hub, &s);
	r = r ? r : parts_open(&hub, &s->config);
	r = r ? r : conn_open(&hub, epoll, &requests_ops);
	if (r == 0)
		services_replace(&hub, s);
	return r || epoll_ctl(epoll, EPOLL_CTL_ADD, hub.mail.fd, &e) < 0;
}

static int
close_daemon(void **state)
{
	sweeper_stop(hub.sweeper);
	upload_queue_stop(hub.uploads, true);
	prefetch_stop(hub.prefetches);
	conn_close_all(&hub);
	flight_close(hub.units);
	flight_close(hub.packs);
	queue_close(hub.queue, QUEUE_DEMAND);
	queue_close(hub.queue, QUEUE_BACKGROUND);
	queue_drop(hub.queue, QUEUE_BACKGROUND);
	if (queue_drain(hub.queue, 10000) < 0 ||
	    sweeper_join(hub.sweeper, 10000) < 0)
		return -1;
	mailbox_open(&hub.mail);
	services_replace(&hub, NULL);
	mailbox_open(&hub.mail);
	parts_close(&hub);
	close(epoll);
	return testdir_remove(state);
}

static void
send_message(struct peer *p, const struct message *m)
{
	struct buf body = { 0 };

	assert_int_equal(message_encode(m, &body), 0);
	assert_int_equal(frame_put(&p->out, body.p, body.len, 1 << 20), 0);
	assert_int_equal(frame_flush(&p->out, p->fd), 0);
	buf_free(&body);
}

/* The next message from the daemon; false if it hung up instead. */
static bool
next(struct peer *p, struct message *m)
{
	int64_t end = file_monotonic() + (int64_t)20 * 1000000000;
	int r;

	frame_next(&p->in);
	do {
		turn();
		r = frame_read(&p->in, p->fd);
	} while (r == -EAGAIN && file_monotonic() < end);
	return r == 0 && message_decode(p->in.body.p, p->in.body.len,
					MESSAGE_FROM_DAEMON, &p->lists, m) == 0;
}

static void
is_told(struct peer *p, enum message_type type)
{
	struct message m;

	if (!next(p, &m))
		fail_msg("no %s", message_name(type));
	if (m.type != type)
		fail_msg("%s, not %s", message_name(m.type),
			 message_name(type));
}

static void
connect_peer(struct peer *p)
{
	int fds[2];

	memset(p, 0, sizeof(*p));
	p->in.max = 16 << 20;
	assert_int_equal(socketpair(AF_UNIX,
				    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				    0, fds),
			 0);
	p->fd = fds[0];
	conn_accept(&hub, fds[1]);
	is_told(p, MESSAGE_HELLO);
}

static void
disconnect(struct peer *p)
{
	close(p->fd);
	frame_in_free(&p->in);
	frame_out_free(&p->out);
	buf_free(&p->lists);
}

static void
greet(struct peer *p)
{
	struct message m = { .type = MESSAGE_HELLO,
			     .hello = { MESSAGE_PROTOCOL, { "test", 4 } } };

	connect_peer(p);
	send_message(p, &m);
}

static void
ask_key(struct peer *p, enum message_type type, uint8_t fill)
{
	struct message m = { .type = type };

	memset(m.key.b, fill, sizeof(m.key.b));
	send_message(p, &m);
}

static void
an_empty_remote_has_nothing(void **state)
{
	struct peer p;

	(void)state;
	greet(&p);
	ask_key(&p, MESSAGE_CHECK, 1);
	is_told(&p, MESSAGE_ACCEPTED);
	is_told(&p, MESSAGE_NOT_FOUND);
	ask_key(&p, MESSAGE_GET, 2);
	is_told(&p, MESSAGE_NOT_FOUND);
	assert_int_equal(hub.count[HUB_CHECKS], 1);
	assert_int_equal(hub.count[HUB_GETS], 1);
	disconnect(&p);
}

static void
two_ask_for_one_unit(void **state)
{
	struct peer p, q;

	(void)state;
	greet(&p);
	greet(&q);
	ask_key(&p, MESSAGE_CHECK, 1);
	ask_key(&q, MESSAGE_CHECK, 1);
	is_told(&p, MESSAGE_ACCEPTED);
	is_told(&q, MESSAGE_ACCEPTED);
	is_told(&q, MESSAGE_NOT_FOUND);
	is_told(&p, MESSAGE_NOT_FOUND);
	disconnect(&p);
	disconnect(&q);
}

static void
a_stopping_daemon_has_no_remote(void **state)
{
	struct peer p;

	(void)state;
	greet(&p);
	hub.stopping = true;
	ask_key(&p, MESSAGE_CHECK, 1);
	is_told(&p, MESSAGE_NONE);
	ask_key(&p, MESSAGE_GET, 1);
	is_told(&p, MESSAGE_LATE);
	disconnect(&p);
}

static void
who_hangs_up_is_forgotten(void **state)
{
	struct peer p;

	(void)state;
	greet(&p);
	ask_key(&p, MESSAGE_CHECK, 1);
	is_told(&p, MESSAGE_ACCEPTED);
	assert_int_equal(hub.conns->count, 1);
	disconnect(&p);
	for (int i = 0; i < 1000 && hub.conns->count; i++)
		turn();
	assert_int_equal(hub.conns->count, 0);
}

static bool
has_line(const struct message *m, const char *begins)
{
	const char *p = m->lines.p;

	for (uint64_t i = 0; i < m->lines.count; i++, p += strlen(p) + 1)
		if (!strncmp(p, begins, strlen(begins)))
			return true;
	return false;
}

static void
status_is_a_report(void **state)
{
	struct message m = { .type = MESSAGE_STATUS };
	struct peer p;

	(void)state;
	greet(&p);
	send_message(&p, &m);
	assert_true(next(&p, &m));
	assert_int_equal(m.type, MESSAGE_REPORT);
	assert_true(has_line(&m, "pid="));
	assert_true(has_line(&m, "remote.url=file://"));
	assert_true(has_line(&m, "clients=1"));
	disconnect(&p);
}

static void
drain_and_stop_tell_what_is_left(void **state)
{
	struct message m = { .type = MESSAGE_DRAIN, .ms = 1000 };
	struct peer p;

	(void)state;
	greet(&p);
	send_message(&p, &m);
	assert_true(next(&p, &m));
	assert_int_equal(m.type, MESSAGE_LEFT);
	assert_int_equal(m.left, 0);
	assert_false(hub.quit);
	m.type = MESSAGE_STOP;
	m.ms = 1000;
	send_message(&p, &m);
	is_told(&p, MESSAGE_LEFT);
	assert_true(hub.stopping);
	assert_true(hub.quit);
	disconnect(&p);
}

/* The daemon hangs up on who does not keep to the protocol. */
static void
hangs_up(struct peer *p)
{
	struct message m;

	while (next(p, &m))
		;
	assert_int_equal(hub.conns->count, 0);
	disconnect(p);
}

static void
out_of_turn_ends_the_connection(void **state)
{
	struct message hello = { .type = MESSAGE_HELLO,
				 .hello = { MESSAGE_PROTOCOL, { "t", 1 } } };
	struct peer p;

	(void)state;
	/* Before its HELLO; a second one; while a question is under way. */
	connect_peer(&p);
	ask_key(&p, MESSAGE_CHECK, 1);
	hangs_up(&p);
	greet(&p);
	send_message(&p, &hello);
	hangs_up(&p);
	greet(&p);
	ask_key(&p, MESSAGE_CHECK, 1);
	ask_key(&p, MESSAGE_CHECK, 2);
	hangs_up(&p);
}

static void
another_protocol_ends_the_connection(void **state)
{
	struct message hello = { .type = MESSAGE_HELLO,
				 .hello = { 77, { "t", 1 } } };
	struct peer p;

	(void)state;
	connect_peer(&p);
	send_message(&p, &hello);
	hangs_up(&p);
}

static void
what_is_no_message_ends_the_connection(void **state)
{
	struct peer p;

	(void)state;
	greet(&p);
	assert_int_equal(frame_put(&p.out, "no message", 10, 1 << 20), 0);
	assert_int_equal(frame_flush(&p.out, p.fd), 0);
	hangs_up(&p);
}

static void
begin_session(struct peer *p, uint64_t id, pid_t pid)
{
	struct message m = { .type = MESSAGE_SESSION };

	m.session.session = id;
	m.session.pid = (uint64_t)pid;
	m.session.workspace.p = testdir;
	m.session.workspace.n = strlen(testdir);
	m.session.flags = MESSAGE_SESSION_WRITES;
	memset(m.session.lock.b, 3, sizeof(m.session.lock.b));
	send_message(p, &m);
}

/* A build is over when its cargo is. */
static void
a_session_ends_with_its_process(void **state)
{
	struct peer p;
	int up[2];
	pid_t cargo;
	char c;

	(void)state;
	assert_int_equal(pipe(up), 0);
	cargo = fork();
	assert_true(cargo >= 0);
	if (cargo == 0) {
		close(up[1]);
		_exit(read(up[0], &c, 1) > 0);
	}
	greet(&p);
	begin_session(&p, 5, cargo);
	for (int i = 0; i < 1000 && !sessions_count(hub.builds); i++)
		turn();
	assert_int_equal(sessions_count(hub.builds), 1);
	assert_non_null(sessions_find(hub.builds, 5));
	ask_key(&p, MESSAGE_CHECK, 1);
	is_told(&p, MESSAGE_ACCEPTED);
	is_told(&p, MESSAGE_NOT_FOUND);
	assert_true(sessions_find(hub.builds, 5)->missed);
	close(up[1]);
	close(up[0]);
	for (int i = 0; i < 5000 && sessions_count(hub.builds); i++)
		turn();
	assert_int_equal(sessions_count(hub.builds), 0);
	assert_int_equal(waitpid(cargo, NULL, 0), cargo);
	for (int i = 0; i < 5000 && session_record_left(&hub); i++)
		turn();
	assert_false(session_record_left(&hub));
	disconnect(&p);
}

/* A hint names what the build wants; no manifest has it, so nothing comes. */
static void
a_hint_makes_a_plan(void **state)
{
	static const char items[] = "serde 1.0.0\0libc 0.2.0\0";
	struct message m = { .type = MESSAGE_PREFETCH_HINT };
	struct peer p;

	(void)state;
	greet(&p);
	begin_session(&p, 6, 0);
	m.hint.session = 6;
	m.hint.workspace.p = testdir;
	m.hint.workspace.n = strlen(testdir);
	m.hint.items.p = items;
	m.hint.items.n = sizeof(items) - 1;
	m.hint.items.count = 2;
	send_message(&p, &m);
	ask_key(&p, MESSAGE_CHECK, 1);
	is_told(&p, MESSAGE_ACCEPTED);
	is_told(&p, MESSAGE_NOT_FOUND);
	assert_true(sessions_find(hub.builds, 6)->hinted);
	sessions_end(hub.builds);
	assert_int_equal(sessions_count(hub.builds), 0);
	disconnect(&p);
}

static void
a_note_starts_an_upload(void **state)
{
	struct peer p;

	(void)state;
	greet(&p);
	ask_key(&p, MESSAGE_STORED, 9);
	for (int i = 0; i < 5000 && hub.count[HUB_STORED] == 0; i++)
		turn();
	for (int i = 0; i < 5000 && upload_queue_left(hub.uploads); i++)
		turn();
	/* The spool has no such intent: there is nothing to upload. */
	assert_int_equal(upload_queue_left(hub.uploads), 0);
	disconnect(&p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_daemon, close_daemon)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_remote_has_nothing),
		TEST(two_ask_for_one_unit),
		TEST(a_stopping_daemon_has_no_remote),
		TEST(who_hangs_up_is_forgotten),
		TEST(status_is_a_report),
		TEST(drain_and_stop_tell_what_is_left),
		TEST(out_of_turn_ends_the_connection),
		TEST(another_protocol_ends_the_connection),
		TEST(what_is_no_message_ends_the_connection),
		TEST(a_session_ends_with_its_process),
		TEST(a_hint_makes_a_plan),
		TEST(a_note_starts_an_upload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
