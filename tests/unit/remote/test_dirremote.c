/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "config/config.h"
#include "remote/remote.h"

#include "../testdir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config config;
static struct remote *remote;
static char url[256];

static const char *
answer(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "KACHE_REMOTE_MAIN_URL") ? NULL : url;
}

static const char *
no_variable(const char *name)
{
	(void)name;
	return NULL;
}

static void
path_of(char *to, size_t room, const char *name)
{
	snprintf(to, room, "%s/bucket/%s", testdir, name);
}

static int
open_remote(void **state)
{
	char *names[] = { (char *)"KACHE_REMOTE_MAIN_URL=", NULL };
	struct config_source src = { answer, NULL, names, "/nonexistent" };
	char why[200], path[300];

	testdir_make(state);
	path_of(path, sizeof(path), "");
	mkdir(path, 0700);
	snprintf(url, sizeof(url), "file://%s/bucket", testdir);
	config_load(&config, &src);
	return remote_open(&config, no_variable, &remote, why, sizeof(why));
}

static int
close_remote(void **state)
{
	remote_close(remote);
	return testdir_remove(state);
}

/* An operation with somebody who waits for it. */
struct waited {
	struct remote_op op;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned told, seen;
};

static void
told(struct remote_op *op)
{
	struct waited *w = (struct waited *)op;

	pthread_mutex_lock(&w->lock);
	w->told++;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static void
prepare(struct waited *w, enum remote_verb verb, const char *name)
{
	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	w->op.verb = verb;
	w->op.lane = REMOTE_DEMAND;
	snprintf(w->op.name, sizeof(w->op.name), "%s", name);
	w->op.max = 1 << 30;
	w->op.fd = -1;
	w->op.notify = told;
}

static void
wait_told(struct waited *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->seen == w->told)
		pthread_cond_wait(&w->cond, &w->lock);
	w->seen = w->told;
	pthread_mutex_unlock(&w->lock);
}

/* To the end: its result; what came is counted and, up to ROOM, kept. */
static int
complete(struct waited *w, char *to, size_t room, size_t *have)
{
	bool ended = false;
	const void *p;
	int r;

	*have = 0;
	for (;;) {
		size_t n = remote_peek(&w->op, &p, &ended);

		if (n) {
			if (*have + n <= room)
				memcpy(to + *have, p, n);
			*have += n;
			remote_consume(&w->op, n);
		} else if (ended) {
			break;
		} else {
			wait_told(w);
		}
	}
	r = remote_result(&w->op);
	remote_finish(&w->op);
	return r;
}

static int
put_bytes(const char *name, const void *p, size_t n, bool if_absent,
	  bool *existed)
{
	char path[300];
	struct waited w;
	size_t have;
	int r;

	prepare(&w, REMOTE_PUT, name);
	snprintf(path, sizeof(path), "%s/body", testdir);
	w.op.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(w.op.fd >= 0);
	assert_int_equal(file_write_fd(w.op.fd, p, n), 0);
	w.op.size = n;
	w.op.if_absent = if_absent;
	r = remote_start(remote, &w.op);
	if (r == 0)
		r = complete(&w, NULL, 0, &have);
	*existed = w.op.existed;
	close(w.op.fd);
	return r;
}

static int
get_bytes(const char *name, char *to, size_t room, uint64_t max, size_t *have)
{
	struct waited w;
	int r;

	prepare(&w, REMOTE_GET, name);
	w.op.max = max;
	r = remote_start(remote, &w.op);
	return r ? r : complete(&w, to, room, have);
}

static void
what_is_put_can_be_got(void **state)
{
	char text[100];
	size_t have;
	bool existed;

	(void)state;
	assert_int_equal(put_bytes("v1/a/one", "hello", 5, true, &existed), 0);
	assert_false(existed);
	assert_int_equal(get_bytes("v1/a/one", text, 100, 100, &have), 0);
	assert_int_equal(have, 5);
	assert_memory_equal(text, "hello", 5);
	/* The first one stays, the second one is told. */
	assert_int_equal(put_bytes("v1/a/one", "other", 5, true, &existed), 0);
	assert_true(existed);
	assert_int_equal(get_bytes("v1/a/one", text, 100, 100, &have), 0);
	assert_memory_equal(text, "hello", 5);
	/* Without the condition it is replaced, also by something shorter. */
	assert_int_equal(put_bytes("v1/a/one", "new", 3, false, &existed), 0);
	assert_false(existed);
	assert_int_equal(get_bytes("v1/a/one", text, 100, 100, &have), 0);
	assert_int_equal(have, 3);
	assert_memory_equal(text, "new", 3);
}

static void
a_missing_object_is_a_miss(void **state)
{
	char text[100];
	size_t have;

	(void)state;
	assert_int_equal(get_bytes("v1/no/thing", text, 100, 100, &have),
			 ERR_MISS);
}

static void
a_large_object_comes_whole(void **state)
{
	size_t n = 5000000, have;
	char *p = malloc(n), *q = malloc(n);
	bool existed;

	(void)state;
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 7 + i / 1000);
	assert_int_equal(put_bytes("v1/large", p, n, true, &existed), 0);
	assert_int_equal(get_bytes("v1/large", q, n, n, &have), 0);
	assert_int_equal(have, n);
	assert_memory_equal(p, q, n);
	assert_int_equal(get_bytes("v1/large", q, n, n - 1, &have), ERR_TOOBIG);
	free(p);
	free(q);
}

/* Whoever may write to the directory could lead us anywhere. */
static void
only_regular_files_without_links(void **state)
{
	char path[400], text[100];
	size_t have;
	bool existed;

	(void)state;
	assert_int_equal(put_bytes("v1/t/x", "x", 1, true, &existed), 0);
	path_of(path, sizeof(path), "v1/t/link");
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_true(get_bytes("v1/t/link", text, 100, 1 << 20, &have) < 0);
	path_of(path, sizeof(path), "v1/dirlink");
	assert_int_equal(symlink("/etc", path), 0);
	assert_true(get_bytes("v1/dirlink/passwd", text, 100, 1 << 20, &have) <
		    0);
	path_of(path, sizeof(path), "v1/t/fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(get_bytes("v1/t/fifo", text, 100, 1 << 20, &have) < 0);
	path_of(path, sizeof(path), "v1/t/dir");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(get_bytes("v1/t/dir", text, 100, 1 << 20, &have) < 0);
	/* A put over a dangling link does not follow it. */
	path_of(path, sizeof(path), "v1/t/dangling");
	snprintf(text, sizeof(text), "%s/target", testdir);
	assert_int_equal(symlink(text, path), 0);
	put_bytes("v1/t/dangling", "x", 1, true, &existed);
	assert_int_equal(access(text, F_OK), -1);
}

static void
colleagues_can_read(void **state)
{
	char path[400];
	struct stat st;
	mode_t old = umask(022);
	bool existed;

	(void)state;
	assert_int_equal(put_bytes("v1/m/one", "x", 1, true, &existed), 0);
	assert_int_equal(put_bytes("v1/m/two", "x", 1, false, &existed), 0);
	umask(old);
	path_of(path, sizeof(path), "v1/m/one");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	path_of(path, sizeof(path), "v1/m/two");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

/* Nobody consumes: the thread waits, and the cancel reaches it. */
static void
a_full_ring_can_be_cancelled(void **state)
{
	size_t n = 4000000, have;
	char *p = calloc(1, n);
	struct waited w;
	bool existed;

	(void)state;
	assert_int_equal(put_bytes("v1/full", p, n, true, &existed), 0);
	prepare(&w, REMOTE_GET, "v1/full");
	assert_int_equal(remote_start(remote, &w.op), 0);
	wait_told(&w);
	remote_cancel(&w.op);
	assert_int_equal(complete(&w, NULL, 0, &have), -ECANCELED);
	free(p);
}

enum { CLIENTS = 8, EACH = 60 };

static void *
do_many(void *arg)
{
	int self = (int)(intptr_t)arg;
	char name[64], text[64];
	struct waited w;
	size_t have;

	for (int i = 0; i < EACH; i++) {
		snprintf(name, sizeof(name), "v1/large");
		prepare(&w, REMOTE_GET, i % 3 ? name : "v1/none");
		w.op.lane = (i + self) % 2 ? REMOTE_DEMAND : REMOTE_BACKGROUND;
		if (remote_start(remote, &w.op) != 0)
			return arg;
		if (i % 5 == 0)
			remote_move(&w.op, REMOTE_DEMAND);
		if (i % 4 == 0)
			remote_cancel(&w.op);
		complete(&w, text, 0, &have);
	}
	return NULL;
}

static void
many_at_once(void **state)
{
	struct remote_status st;
	pthread_t t[CLIENTS];

	(void)state;
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, do_many,
						(void *)(intptr_t)i),
				 0);
	for (int i = 0; i < CLIENTS; i++) {
		void *bad;

		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	remote_status(remote, &st);
	assert_int_equal(st.demand, 0);
	assert_int_equal(st.background, 0);
	assert_string_equal(st.read_breaker, "closed");
}

static void
what_is_wrong_is_said(void **state)
{
	char from[300], to[300], text[100];
	struct remote_status st;
	size_t have;

	(void)state;
	path_of(from, sizeof(from), "");
	from[strlen(from) - 1] = '\0';
	snprintf(to, sizeof(to), "%s/moved", testdir);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(get_bytes("v1/a/one", text, 100, 100, &have),
			 ERR_REFUSED);
	remote_status(remote, &st);
	assert_non_null(strstr(st.problem, "cannot be read"));
	assert_int_equal(rename(to, from), 0);
	assert_int_equal(get_bytes("v1/a/one", text, 100, 100, &have), 0);
	remote_status(remote, &st);
	assert_string_equal(st.problem, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_can_be_got),
		cmocka_unit_test(a_missing_object_is_a_miss),
		cmocka_unit_test(a_large_object_comes_whole),
		cmocka_unit_test(only_regular_files_without_links),
		cmocka_unit_test(colleagues_can_read),
		cmocka_unit_test(a_full_ring_can_be_cancelled),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, open_remote, close_remote);
}
