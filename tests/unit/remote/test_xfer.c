/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/xfer.h"

#include "base/err.h"
#include "base/file.h"
#include "rude_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* --- a client ------------------------------------------------------------ */

struct client {
	struct xfer_job job; /* first */
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool ended;
	int tries;   /* further attempts to ask for */
	int full;    /* times to refuse bytes */
	int unready; /* times to say -EAGAIN in prepare */
	int prepared;
	atomic_uint_fast64_t got;
};

static struct xfer *x;

static int
on_prepare(struct xfer_job *j)
{
	struct client *c = (struct client *)j;

	c->prepared++;
	return c->prepared <= c->unready ? -EAGAIN : 0;
}

static int
on_take(struct xfer_job *j, const void *p, size_t n)
{
	struct client *c = (struct client *)j;

	(void)p;
	if (c->full > 0) {
		c->full--;
		return -EAGAIN;
	}
	atomic_fetch_add(&c->got, n);
	return 0;
}

static bool
on_done(struct xfer_job *j)
{
	struct client *c = (struct client *)j;

	if (j->result != -ECANCELED && c->tries > 0) {
		c->tries--;
		return true;
	}
	pthread_mutex_lock(&c->lock);
	c->ended = true;
	pthread_cond_signal(&c->moved);
	pthread_mutex_unlock(&c->lock);
	return false;
}

static void
client_init(struct client *c, enum xfer_verb verb, const char *path)
{
	memset(c, 0, sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->moved, NULL);
	c->job.prepare = on_prepare;
	c->job.take = on_take;
	c->job.done = on_done;
	c->job.verb = verb;
	c->job.fd = -1;
	c->job.max = 1 << 30;
	buf_fmt(&c->job.url, "http://127.0.0.1:%d%s", port, path);
}

static int
client_wait(struct client *c)
{
	pthread_mutex_lock(&c->lock);
	while (!c->ended)
		pthread_cond_wait(&c->moved, &c->lock);
	pthread_mutex_unlock(&c->lock);
	return c->job.result;
}

static void
client_free(struct client *c)
{
	xfer_release(&c->job);
	pthread_cond_destroy(&c->moved);
	pthread_mutex_destroy(&c->lock);
}

static int
run(struct client *c, bool demand)
{
	assert_int_equal(xfer_submit(x, &c->job, demand), 0);
	return client_wait(c);
}

static int
run_path(struct client *c, enum xfer_verb verb, const char *path)
{
	client_init(c, verb, path);
	return run(c, true);
}

static int
engine_up(void **state)
{
	struct xfer_opts o = { .transfers = 8,
			       .demand_ms = 300,
			       .background_ms = 600,
			       .stall_ms = 400 };

	(void)state;
	return xfer_open(&o, &x);
}

static int
engine_down(void **state)
{
	(void)state;
	xfer_stop(x);
	xfer_free(x);
	x = NULL;
	return 0;
}

static int
memory_file(size_t n)
{
	int fd = memfd_create("body", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)n), 0);
	return fd;
}

/* --- tests --------------------------------------------------------------- */

static void
a_whole_body_arrives(void **state)
{
	struct client c;

	(void)state;
	assert_int_equal(run_path(&c, XFER_GET, "/ok/5000000"), 0);
	assert_int_equal(c.job.status, 200);
	assert_int_equal(c.job.total, 5000000);
	assert_int_equal(c.job.taken, 5000000);
	assert_int_equal(atomic_load(&c.got), 5000000);
	assert_string_equal(xfer_header(&c.job, "x-mark"), "yes");
	assert_null(xfer_header(&c.job, "x-mar"));
	client_free(&c);
	assert_true(xfer_rate(x) > 0);
}

static void
an_error_body_is_kept_apart(void **state)
{
	struct client c;

	(void)state;
	assert_int_equal(run_path(&c, XFER_GET, "/error"), 0);
	assert_int_equal(c.job.status, 503);
	assert_int_equal(atomic_load(&c.got), 0);
	assert_int_equal(c.job.error.len, 65536);
	client_free(&c);
}

static void
redirects_are_not_followed(void **state)
{
	struct client c;

	(void)state;
	assert_int_equal(run_path(&c, XFER_GET, "/redirect"), 0);
	assert_int_equal(c.job.status, 301);
	assert_string_equal(xfer_header(&c.job, "Location"), "/ok/5");
	client_free(&c);
}

static void
a_cut_body_is_an_error(void **state)
{
	struct client c;

	(void)state;
	assert_int_equal(run_path(&c, XFER_GET, "/cut"), ERR_CORRUPT);
	assert_int_equal(atomic_load(&c.got), 500);
	client_free(&c);
}

static void
a_reset_is_an_error(void **state)
{
	struct client c;

	(void)state;
	assert_int_equal(run_path(&c, XFER_GET, "/reset"), -EIO);
	assert_true(strlen(c.job.why) > 0);
	client_free(&c);
}

static void
nobody_listening_is_refused(void **state)
{
	struct client c;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);

	(void)state;
	/* Bound and not listening: nobody else gets the port. */
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	client_init(&c, XFER_GET, "");
	buf_reset(&c.job.url);
	buf_fmt(&c.job.url, "http://127.0.0.1:%d/", ntohs(a.sin_port));
	assert_int_equal(run(&c, true), -ECONNREFUSED);
	client_free(&c);
	close(fd);
}

static void
silence_ends_by_the_lanes_own_rule(void **state)
{
	struct client demand;
	struct client background;

	(void)state;
	client_init(&demand, XFER_GET, "/silent");
	client_init(&background, XFER_GET, "/silent");
	assert_int_equal(xfer_submit(x, &background.job, false), 0);
	nap(50);
	assert_int_equal(run(&demand, true), ERR_TIMEOUT);
	assert_true(demand.job.silent);
	assert_false(background.ended);
	assert_int_equal(client_wait(&background), ERR_TIMEOUT);
	assert_true(background.job.silent);
	client_free(&demand);
	client_free(&background);
}

static void
a_trickle_is_too_slow(void **state)
{
	struct client c;

	(void)state;
	assert_int_equal(run_path(&c, XFER_GET, "/trickle"), ERR_TIMEOUT);
	assert_false(c.job.silent);
	assert_true(c.job.taken > 0);
	client_free(&c);
}

static void
the_deadline_ends_what_moves(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, XFER_GET, "/silent");
	c.job.deadline = file_monotonic() + 100 * 1000000LL;
	assert_int_equal(run(&c, false), ERR_TIMEOUT);
	assert_false(c.job.silent);
	client_free(&c);
}

static void
larger_than_wanted_is_refused(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, XFER_GET, "/ok/1001");
	c.job.max = 1000;
	assert_int_equal(run(&c, true), ERR_TOOBIG);
	assert_int_equal(atomic_load(&c.got), 0);
	client_free(&c);
}

static void
a_body_goes_up(void **state)
{
	static const size_t sizes[] = { 0, 1, 4096, 1 << 20, 9 << 20 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct client c;

		client_init(&c, XFER_PUT, "/put");
		c.job.fd = memory_file(sizes[i]);
		c.job.size = sizes[i];
		assert_int_equal(run(&c, false), 0);
		assert_int_equal(c.job.status, 200);
		close(c.job.fd);
		client_free(&c);
	}
}

static void
a_body_is_sent_again_when_the_connection_was_dead(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, XFER_PUT, "/put");
	c.job.fd = memory_file(300000);
	c.job.size = 300000;
	assert_int_equal(run(&c, false), 0);
	atomic_store(&dropped, 1);
	buf_reset(&c.job.url);
	buf_fmt(&c.job.url, "http://127.0.0.1:%d/flaky", port);
	c.ended = false;
	c.tries = 2;
	assert_int_equal(run(&c, false), 0);
	assert_int_equal(c.job.status, 200);
	close(c.job.fd);
	client_free(&c);
}

static void
a_body_shorter_than_said_is_an_error(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, XFER_PUT, "/put");
	c.job.fd = memory_file(1000);
	c.job.size = 2000;
	assert_int_equal(run(&c, false), ERR_CORRUPT);
	close(c.job.fd);
	client_free(&c);
}

static void
a_peer_that_never_reads_cannot_hold_an_upload(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, XFER_PUT, "/deaf");
	c.job.fd = memory_file(64 << 20);
	c.job.size = 64 << 20;
	assert_int_equal(run(&c, false), ERR_TIMEOUT);
	close(c.job.fd);
	client_free(&c);
}

static void
a_full_owner_stops_it_without_a_timeout(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, XFER_GET, "/ok/3000000");
	c.full = 3;
	assert_int_equal(xfer_submit(x, &c.job, true), 0);
	/* Longer than any rule about speed. */
	nap(1000);
	pthread_mutex_lock(&c.lock);
	assert_false(c.ended);
	pthread_mutex_unlock(&c.lock);
	assert_int_equal(atomic_load(&c.got), 0);
	while (atomic_load(&c.got) == 0) {
		xfer_resume(x, &c.job);
		nap(20);
	}
	assert_int_equal(client_wait(&c), 0);
	assert_int_equal(c.job.taken, 3000000);
	client_free(&c);
}

static void
cancel_ends_what_waits_and_what_runs(void **state)
{
	struct client runs;
	struct client waits;

	(void)state;
	client_init(&runs, XFER_GET, "/silent");
	client_init(&waits, XFER_GET, "/ok/1");
	waits.job.not_before = file_monotonic() + 3600000000000LL;
	assert_int_equal(xfer_submit(x, &runs.job, false), 0);
	assert_int_equal(xfer_submit(x, &waits.job, false), 0);
	nap(30);
	xfer_cancel(x, &runs.job);
	xfer_cancel(x, &waits.job);
	assert_int_equal(client_wait(&runs), -ECANCELED);
	assert_int_equal(client_wait(&waits), -ECANCELED);
	client_free(&runs);
	client_free(&waits);
}

static void
done_may_ask_for_another_attempt(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, XFER_GET, "/reset");
	c.tries = 3;
	assert_int_equal(run(&c, true), -EIO);
	assert_int_equal(c.prepared, 4);
	client_free(&c);
}

static void
what_is_not_ready_is_asked_again(void **state)
{
	struct client c;

	(void)state;
	client_init(&c, XFER_GET, "/ok/1");
	c.unready = 2;
	assert_int_equal(xfer_submit(x, &c.job, true), 0);
	xfer_poke(x);
	assert_int_equal(client_wait(&c), 0);
	assert_int_equal(c.prepared, 3);
	client_free(&c);
}

static void
demand_finds_a_place_among_background(void **state)
{
	struct client many[20];
	struct client c;
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		client_init(&many[i], XFER_PUT, "/silent");
		assert_int_equal(xfer_submit(x, &many[i].job, false), 0);
	}
	nap(50);
	assert_int_equal(run_path(&c, XFER_GET, "/ok/10"), 0);
	for (i = 0; i < 20; i++)
		xfer_cancel(x, &many[i].job);
	for (i = 0; i < 20; i++) {
		client_wait(&many[i]);
		client_free(&many[i]);
	}
	client_free(&c);
}

static void
background_does_not_begin_while_demand_runs(void **state)
{
	struct client demand;
	struct client background;

	(void)state;
	client_init(&demand, XFER_GET, "/trickle");
	client_init(&background, XFER_GET, "/ok/1000");
	assert_int_equal(xfer_submit(x, &demand.job, true), 0);
	nap(100);
	assert_int_equal(xfer_submit(x, &background.job, false), 0);
	nap(100);
	assert_int_equal(atomic_load(&background.got), 0);
	xfer_cancel(x, &demand.job);
	assert_int_equal(client_wait(&demand), -ECANCELED);
	assert_int_equal(client_wait(&background), 0);
	client_free(&demand);
	client_free(&background);
}

static void
stopping_ends_everything(void **state)
{
	struct client c[10];
	struct client late;
	int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		client_init(&c[i], XFER_GET, "/silent");
		c[i].tries = 5;
		assert_int_equal(xfer_submit(x, &c[i].job, i % 2), 0);
	}
	nap(20);
	xfer_stop(x);
	for (i = 0; i < 10; i++) {
		assert_int_equal(client_wait(&c[i]), -ECANCELED);
		client_free(&c[i]);
	}
	client_init(&late, XFER_GET, "/ok/1");
	assert_int_equal(xfer_submit(x, &late.job, true), -ECANCELED);
	client_free(&late);
}

static int
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void
ten_thousand_requests_leak_nothing(void **state)
{
	struct client c[16];
	int before = 0;
	int round;
	int i;

	(void)state;
	for (round = 0; round < 625; round++) {
		for (i = 0; i < 16; i++) {
			client_init(&c[i], XFER_GET, "/ok/100");
			assert_int_equal(xfer_submit(x, &c[i].job, i & 1), 0);
		}
		for (i = 0; i < 16; i++) {
			assert_int_equal(client_wait(&c[i]), 0);
			assert_int_equal(atomic_load(&c[i].got), 100);
			client_free(&c[i]);
		}
		if (round == 10)
			before = descriptors();
	}
	/* Both ends of at most 16 connections are this process's. */
	assert_true(descriptors() <= before + 32);
}

static void
fetch_waits_for_one_answer(void **state)
{
	static const char *const lines[] = { "X-Test: 1", NULL };
	char url[64];
	struct xfer_fetch f = { .verb = XFER_GET,
				.url = url,
				.headers = lines,
				.timeout_ms = 2000 };
	struct buf out = { 0 };

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/ok/50", port);
	assert_int_equal(xfer_fetch(x, &f, &out), 200);
	assert_int_equal(out.len, 50);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/nothing", port);
	assert_int_equal(xfer_fetch(x, &f, &out), 404);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/silent", port);
	f.timeout_ms = 100;
	assert_int_equal(xfer_fetch(x, &f, &out), ERR_TIMEOUT);
	assert_int_equal(out.len, 50);
	buf_free(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, engine_up, engine_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_body_arrives),
		TEST(an_error_body_is_kept_apart),
		TEST(redirects_are_not_followed),
		TEST(a_cut_body_is_an_error),
		TEST(a_reset_is_an_error),
		TEST(nobody_listening_is_refused),
		TEST(silence_ends_by_the_lanes_own_rule),
		TEST(a_trickle_is_too_slow),
		TEST(the_deadline_ends_what_moves),
		TEST(larger_than_wanted_is_refused),
		TEST(a_body_goes_up),
		TEST(a_body_is_sent_again_when_the_connection_was_dead),
		TEST(a_body_shorter_than_said_is_an_error),
		TEST(a_peer_that_never_reads_cannot_hold_an_upload),
		TEST(a_full_owner_stops_it_without_a_timeout),
		TEST(cancel_ends_what_waits_and_what_runs),
		TEST(done_may_ask_for_another_attempt),
		TEST(what_is_not_ready_is_asked_again),
		TEST(demand_finds_a_place_among_background),
		TEST(background_does_not_begin_while_demand_runs),
		TEST(stopping_ends_everything),
		TEST(ten_thousand_requests_leak_nothing),
		TEST(fetch_waits_for_one_answer),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, server_up, server_down);
}
