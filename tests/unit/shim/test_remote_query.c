/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit asks a daemon for, and what it believes of the answers. */
#define _GNU_SOURCE
#include "shim/remote_query.h"

#include "base/err.h"
#include "key/inputs.h"
#include "shim/path_bound.h"
#include "shim/invocation.h"
#include "shim/kind.h"
#include "store/entry.h"
#include "store/unit_manifest.h"
#include "tests/unit/testdir.h"
#include "wire/dial.h"
#include "wire/frame.h"
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

enum { ASKED_MAX = 32 };

/* The daemon: after each request the answers up to the next zero. */
static struct {
	int listen;
	pthread_t thread;
	int answers[ASKED_MAX];
	struct buf input_lists;
	bool lies;     /* FOUND another key */
	bool redirect; /* what lies at K1 is one */
	/* What it was asked: */
	int type[ASKED_MAX];
	struct digest key[ASKED_MAX];
	int asked;
} peer;

static struct invocation job;
static struct args args;
static struct digest k1;
static char socket_path[128];

static void
send_message(int fd, const struct message *m)
{
	struct frame_out out = { 0 };
	struct buf body = { 0 };

	if (message_encode(m, &body) == 0 &&
	    frame_put(&out, body.p, body.len, FRAME_ANSWER_MAX) == 0)
		frame_flush(&out, fd);
	frame_out_free(&out);
	buf_free(&body);
}

/* What FOUND promises. */
static void
bring(const struct digest *key)
{
	struct entry e = { .nout = 1, .out = { { .name = "libc.rlib" } } };

	if (peer.redirect && digest_eq(key, &k1)) {
		e.nout = 0;
		e.roots[0] = 'w';
	}
	assert_int_equal(entry_save(&job.store, key, &e), 0);
}

static void
say(int fd, int type, const struct digest *key)
{
	struct message m = { .type = (enum message_type)type };

	if (type == MESSAGE_HELLO)
		m.hello.protocol = MESSAGE_PROTOCOL;
	if (type == MESSAGE_FOUND) {
		bring(key);
		m.found.at = *key;
	}
	if (type == MESSAGE_SHAPES) {
		m.manifest.p = peer.input_lists.p;
		m.manifest.n = peer.input_lists.len;
	}
	send_message(fd, &m);
}

/* False at the end of the connection. */
static bool
hear(int fd, struct frame_in *in, struct message *m, struct buf *lists)
{
	struct pollfd p = { fd, POLLIN, 0 };
	int r = -EAGAIN;

	frame_next(in);
	while (r == -EAGAIN) {
		poll(&p, 1, -1);
		r = frame_read(in, fd);
	}
	return r == 0 && message_decode(in->body.p, in->body.len,
					MESSAGE_TO_DAEMON, lists, m) == 0;
}

static void *
serve(void *arg)
{
	struct frame_in in = { .max = FRAME_REQUEST_MAX };
	struct buf lists = { 0 };
	int fd = accept(peer.listen, NULL, NULL), next = 0;
	struct message m;

	(void)arg;
	say(fd, MESSAGE_HELLO, NULL);
	while (hear(fd, &in, &m, &lists)) {
		struct digest key = m.key;

		if (m.type == MESSAGE_HELLO)
			continue;
		peer.type[peer.asked] = m.type;
		peer.key[peer.asked++] = key;
		key.b[0] ^= peer.lies;
		while (peer.answers[next])
			say(fd, peer.answers[next++], &key);
		next++;
	}
	frame_in_free(&in);
	buf_free(&lists);
	close(fd);
	return NULL;
}

static void
listen_here(void)
{
	struct sockaddr_un sa;
	int dir;

	unlink(socket_path);
	assert_int_equal(dial_address(socket_path, &sa, &dir), 0);
	peer.listen = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(peer.listen, (struct sockaddr *)&sa, sizeof(sa)),
			 0);
	assert_int_equal(listen(peer.listen, 4), 0);
}

/* Asks, with a daemon that gives ANSWERS: those to one request, 0, those to
 * the next, 0. */
static bool
ask(const int *answers, size_t n)
{
	struct remote_query query;
	bool got;

	memset(peer.answers, 0, sizeof(peer.answers));
	memcpy(peer.answers, answers, n * sizeof(*answers));
	peer.asked = 0;
	listen_here();
	assert_int_equal(pthread_create(&peer.thread, NULL, serve, NULL), 0);
	assert_true(remote_query_begin(&query, &job));
	got = remote_query_run(&query);
	pthread_join(peer.thread, NULL);
	close(peer.listen);
	return got;
}

#define ASK(...) \
	ask((const int[]){ __VA_ARGS__ }, \
	    sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

/* One more record, of an input list with ITEM; the last one added is the
 * newest. */
static struct unit_manifest list;

static void
record(const char *item, const struct digest *key, const struct digest *tag)
{
	struct unit_manifest_record r = { .stored_ms = 1 };

	if (key)
		r.k1 = *key;
	if (tag)
		r.tag = *tag;
	if (item)
		assert_int_equal(inputs_add(&r.inputs, item[0], item + 1,
					    strlen(item + 1)),
				 0);
	assert_int_equal(inputs_finish(&r.inputs), 0);
	assert_int_equal(unit_manifest_add(&list, &r), 1);
	inputs_free(&r.inputs);
	buf_reset(&peer.input_lists);
	unit_manifest_encode(&list, &peer.input_lists);
}

static void
forget(void)
{
	unit_manifest_release(&list);
	memset(&list, 0, sizeof(list));
	peer.lies = peer.redirect = false;
}

static void
asked_for(int i, const struct digest *key)
{
	assert_true(i < peer.asked);
	assert_int_equal(peer.type[i], MESSAGE_GET);
	assert_memory_equal(peer.key[i].b, key->b, DIGEST_LEN);
}

static struct digest
key_of(uint8_t fill)
{
	struct digest d;

	memset(d.b, fill, sizeof(d.b));
	return d;
}

static void
our_key_is_fetched(void **state)
{
	(void)state;
	record(NULL, &k1, NULL);
	assert_true(ASK(MESSAGE_ACCEPTED, MESSAGE_SHAPES, 0, MESSAGE_FOUND, 0));
	assert_int_equal(peer.asked, 2);
	assert_int_equal(peer.type[0], MESSAGE_CHECK);
	assert_memory_equal(peer.key[0].b, job.k0.b, DIGEST_LEN);
	asked_for(1, &k1);
	forget();
}

static void
diagnostics_must_have_our_form(void **state)
{
	struct digest other = key_of(9), at, bound;

	(void)state;
	record(NULL, &k1, &other);
	assert_false(ASK(MESSAGE_ACCEPTED, MESSAGE_SHAPES, 0));
	assert_int_equal(peer.asked, 1);
	forget();
	record(NULL, &k1, &job.tag);
	assert_true(ASK(MESSAGE_ACCEPTED, MESSAGE_SHAPES, 0, MESSAGE_FOUND, 0));
	unit_manifest_at(&k1, &job.tag, &at);
	asked_for(1, &at);
	/* Where a hit looks. */
	path_bound_tagged(&k1, &job.tag, &bound);
	assert_memory_equal(at.b, bound.b, DIGEST_LEN);
	forget();
}

static void
with_other_inputs_our_own_key_is_asked_for(void **state)
{
	struct digest other = key_of(7), at;

	(void)state;
	record(NULL, &other, &other);
	assert_true(ASK(MESSAGE_ACCEPTED, MESSAGE_SHAPES, 0, MESSAGE_NOT_FOUND,
			0, MESSAGE_FOUND, 0));
	unit_manifest_at(&k1, &job.tag, &at);
	assert_int_equal(peer.asked, 3);
	asked_for(1, &k1);
	asked_for(2, &at);
	forget();
}

static void
records_are_tried_newest_first(void **state)
{
	struct digest old = key_of(3);

	(void)state;
	record(NULL, &k1, NULL);
	record("eUNSET_IN_TESTS", &old, NULL);
	assert_true(ASK(MESSAGE_ACCEPTED, MESSAGE_SHAPES, 0, MESSAGE_NOT_FOUND,
			0, MESSAGE_NOT_FOUND, 0, MESSAGE_FOUND, 0));
	assert_int_equal(peer.asked, 4);
	asked_for(3, &k1);
	forget();
}

/* An input list asks us to open and to tell: what it may not name is not looked
 * at, whatever the daemon let through. */
static void
inputs_that_reach_out_are_dropped(void **state)
{
	static const char *const items[] = { "f/etc/shadow", "f/root/.ssh/id",
					     "eAWS_SECRET_ACCESS_KEY" };

	(void)state;
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		record(items[i], &k1, NULL);
		assert_false(ASK(MESSAGE_ACCEPTED, MESSAGE_SHAPES, 0));
		assert_int_equal(peer.asked, 1);
		forget();
	}
}

static void
what_is_late_or_wrong_ends_it(void **state)
{
	struct digest old = key_of(3);

	(void)state;
	record(NULL, &k1, NULL);
	record("eUNSET_IN_TESTS", &old, NULL);
	assert_false(ASK(MESSAGE_ACCEPTED, MESSAGE_SHAPES, 0, MESSAGE_LATE, 0));
	assert_int_equal(peer.asked, 2);
	/* Neither an answer to something else, */
	assert_false(
		ASK(MESSAGE_ACCEPTED, MESSAGE_SHAPES, 0, MESSAGE_ACCEPTED, 0));
	assert_int_equal(peer.asked, 2);
	assert_false(ASK(MESSAGE_SHAPES, 0));
	assert_false(ASK(MESSAGE_ACCEPTED, MESSAGE_FOUND, 0));
	assert_false(ASK(MESSAGE_BUSY, 0));
	assert_false(ASK(MESSAGE_NONE, 0));
	assert_int_equal(peer.asked, 1);
	/* nor another entry is what was asked for. */
	peer.lies = true;
	assert_false(
		ASK(MESSAGE_ACCEPTED, MESSAGE_SHAPES, 0, MESSAGE_FOUND, 0));
	forget();
	buf_reset(&peer.input_lists);
	buf_str(&peer.input_lists, "no manifest");
	assert_false(ASK(MESSAGE_ACCEPTED, MESSAGE_SHAPES, 0));
	assert_int_equal(peer.asked, 1);
}

static void
a_redirect_leads_on(void **state)
{
	struct digest to;

	(void)state;
	peer.redirect = true;
	assert_int_equal(path_bound_key(&k1, "w", &job.roots, &to), 0);
	record(NULL, &k1, NULL);
	assert_true(ASK(MESSAGE_ACCEPTED, MESSAGE_SHAPES, 0, MESSAGE_FOUND, 0,
			MESSAGE_FOUND, 0));
	assert_int_equal(peer.asked, 3);
	asked_for(1, &k1);
	asked_for(2, &to);
	forget();
}

static void
incremental_units_ask_for_the_plain_one_too(void **state)
{
	(void)state;
	args.incremental = "/i";
	job.args = args;
	assert_false(ASK(MESSAGE_ACCEPTED, MESSAGE_NOT_FOUND, 0,
			 MESSAGE_ACCEPTED, MESSAGE_NOT_FOUND, 0));
	assert_int_equal(peer.asked, 2);
	assert_memory_equal(peer.key[0].b, job.k0.b, DIGEST_LEN);
	assert_memory_equal(peer.key[1].b, job.k0_plain.b, DIGEST_LEN);
	/* Only after a clear no. */
	assert_false(ASK(MESSAGE_ACCEPTED, MESSAGE_LATE, 0));
	assert_int_equal(peer.asked, 1);
	args.incremental = NULL;
	job.args = args;
	assert_false(ASK(MESSAGE_ACCEPTED, MESSAGE_NOT_FOUND, 0));
	assert_int_equal(peer.asked, 1);
}

static void
a_note_names_the_entry(void **state)
{
	struct digest at = key_of(5);

	(void)state;
	memset(peer.answers, 0, sizeof(peer.answers));
	peer.asked = 0;
	listen_here();
	assert_int_equal(pthread_create(&peer.thread, NULL, serve, NULL), 0);
	remote_query_stored(&job, &at);
	pthread_join(peer.thread, NULL);
	close(peer.listen);
	assert_int_equal(peer.asked, 1);
	assert_int_equal(peer.type[0], MESSAGE_STORED);
	assert_memory_equal(peer.key[0].b, at.b, DIGEST_LEN);
}

static const char *
lookup(void *ctx, const char *name)
{
	(void)ctx;
	if (!strcmp(name, "KACHE_REMOTE_MAIN_URL"))
		return "file:///nonexistent";
	if (!strcmp(name, "KACHE_DAEMON_SOCKET"))
		return socket_path;
	return !strcmp(name, "HOME") ? "/nonexistent" : NULL;
}

static void
evaluate(void)
{
	struct inputs_env env = { .memo = &job.memo,
				  .roots = &job.roots,
				  .get = invocation_getenv,
				  .cwd = job.cwd };
	struct inputs none = { 0 };

	assert_int_equal(inputs_finish(&none), 0);
	assert_int_equal(inputs_key(&none, &env, &job.k0, &k1, NULL), 0);
	inputs_free(&none);
}

static int
set_up(void **state)
{
	static char *names[] = { (char *)"KACHE_REMOTE_MAIN_URL=",
				 (char *)"KACHE_DAEMON_SOCKET=", NULL };
	static struct digest externs[1];
	struct config_source src = { lookup, NULL, names, "/nonexistent" };
	struct roots_in in = { .mode = ROOTS_MACHINE,
			       .args = &args,
			       .cwd = "/src/app",
			       .target = "/build/app" };

	if (testdir_make(state) < 0)
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/d.sock", testdir);
	snprintf(job.cache_dir, sizeof(job.cache_dir), "%s/store", testdir);
	snprintf(job.cwd, sizeof(job.cwd), "/src/app");
	config_load(&job.config, &src);
	args.crate_name = "c";
	args.out_dir = "/out/deps";
	job.args = args;
	job.kind = &kind_unit;
	job.externs = externs;
	job.readable = true;
	job.memo.fd = -1;
	job.k0 = key_of(1);
	job.k0_plain = key_of(2);
	job.tag = key_of(4);
	roots_init(&job.roots, &in);
	if (store_open(&job.store, job.cache_dir) < 0)
		return -1;
	evaluate();
	return 0;
}

static int
tear_down(void **state)
{
	store_close(&job.store);
	buf_free(&peer.input_lists);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_key_is_fetched),
		cmocka_unit_test(diagnostics_must_have_our_form),
		cmocka_unit_test(with_other_inputs_our_own_key_is_asked_for),
		cmocka_unit_test(records_are_tried_newest_first),
		cmocka_unit_test(inputs_that_reach_out_are_dropped),
		cmocka_unit_test(what_is_late_or_wrong_ends_it),
		cmocka_unit_test(a_redirect_leads_on),
		cmocka_unit_test(incremental_units_ask_for_the_plain_one_too),
		cmocka_unit_test(a_note_names_the_entry),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
