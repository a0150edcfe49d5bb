/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "daemon/parts.h"
#include "daemon/services.h"
#include "daemon/upload_queue.h"
#include "key/inputs.h"
#include "remote/remote.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/manifest.h"
#include "store/unit_manifest.h"
#include "store/upload_intent.h"
#include "work/flight.h"
#include "work/queue.h"

#include "../testdir.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Two machines write to one remote: the real hub of a daemon each, with queue,
 * pool and a directory remote, and a poll loop that only uploads.
 */
enum { UNITS = 125, INPUT_LISTS = 4 };

struct writer {
	struct services hub;
	char name;
	pthread_t thread;
	bool failed;
};

static void
key_of(const char *what, int i, int j, struct digest *d)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%s %d %d", what, i, j);

	digest_bytes(text, (size_t)n, d);
}

static int
make_inputs(int i, int j, struct inputs *s)
{
	char name[64];
	int n = snprintf(name, sizeof(name), "w/src/%d_%d.rs", i, j);

	memset(s, 0, sizeof(*s));
	return inputs_add(s, 'f', name, (size_t)n) || inputs_finish(s);
}

/* Entry J of unit I, in the store and the spool of W. */
static int
make_entry(struct writer *w, int i, int j)
{
	struct services_store *s = services_store(&w->hub);
	struct entry e = { .stored_ms = 1, .compile_us = 1000, .nout = 1 };
	struct manifest_record rec = { .compile_us = 1000, .stored_ms = 1 };
	struct upload_intent_intent in = { .kind = UPLOAD_INTENT_UNIT };
	char path[512], text[64];
	struct blob_put put = { .path = path };
	int r;

	key_of("k0", i, 0, &e.k0);
	key_of("k1", i, j, &in.k1);
	in.at = rec.last_k1 = in.k1;
	snprintf(text, sizeof(text), "output %d %d", i, j);
	snprintf(path, sizeof(path), "%s/out-%c", testdir, w->name);
	unlink(path);
	r = file_publish(AT_FDCWD, path, path, text, strlen(text));
	snprintf(e.out[0].name, sizeof(e.out[0].name), "libx.rlib");
	e.out[0].role = ENTRY_LINK;
	e.out[0].size = strlen(text);
	r = r ? r : blob_put(&s->store, &s->memo, &put, &e.out[0].blob);
	buf_str(&e.crate, "x");
	r = r ? r : entry_save(&s->store, &in.at, &e);
	r = r ? r : make_inputs(i, j, &rec.inputs);
	inputs_digest(&rec.inputs, &in.inputs);
	r = r ? r : manifest_add(&s->store, &e.k0, &rec);
	r = r ? r : upload_intent_add(&s->store, &in);
	inputs_free(&rec.inputs);
	entry_release(&e);
	return r;
}

static int
open_writer(struct writer *w)
{
	struct services_setup *s;
	int r;

	snprintf(w->hub.cache_dir, sizeof(w->hub.cache_dir), "%s/%c", testdir,
		 w->name);
	mkdir(w->hub.cache_dir, 0700);
	r = services_load(&w->hub, &s);
	r = r ? r : parts_open(&w->hub, &s->config);
	if (r == 0)
		services_replace(&w->hub, s);
	return r;
}

/* The poll loop of a daemon that only uploads, until all is done. */
static void *
upload_all(void *arg)
{
	struct writer *w = arg;
	int64_t end = file_monotonic() + (int64_t)120 * 1000000000;
	struct pollfd p = { w->hub.mail.fd, POLLIN, 0 };

	upload_queue_scan(w->hub.uploads);
	do {
		int64_t now = file_monotonic();
		int64_t at = upload_queue_tick(w->hub.uploads, now);

		if (now > end) {
			w->failed = true;
			break;
		}
		poll(&p, 1, at > now && at < now + 50000000 ? 1 : 20);
		mailbox_open(&w->hub.mail);
	} while (upload_queue_left(w->hub.uploads));
	return NULL;
}

static void
close_writer(struct writer *w)
{
	struct services *h = &w->hub;

	upload_queue_stop(h->uploads, true);
	flight_close(h->units);
	flight_close(h->packs);
	assert_int_equal(queue_drain(h->queue, 10000), 0);
	mailbox_open(&h->mail);
	services_replace(h, NULL);
	mailbox_open(&h->mail);
	parts_close(h);
}

/* How many of unit I's input lists the remote's manifest names. */
static size_t
named(int i)
{
	char hex[DIGEST_HEX + 1], path[600];
	struct unit_manifest m = { 0 };
	struct buf b = { 0 };
	struct digest k0;
	size_t n;

	key_of("k0", i, 0, &k0);
	digest_hex(&k0, hex);
	snprintf(path, sizeof(path), "%s/bucket/v1/units/%.2s/%s", testdir, hex,
		 hex);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &b), 0);
	assert_int_equal(unit_manifest_decode(b.p, b.len, &m), 0);
	n = m.count;
	for (size_t k = 0; k < m.count; k++) {
		assert_true(m.rec[k].pack_size > 0);
		digest_hex(&m.rec[k].k1, hex);
		snprintf(path, sizeof(path), "%s/bucket/v1/packs/%.2s/%s",
			 testdir, hex, hex);
		assert_int_equal(access(path, R_OK), 0);
	}
	unit_manifest_release(&m);
	buf_free(&b);
	return n;
}

static int
count_intent(void *ctx, const struct digest *at, const char *reason)
{
	(void)at;
	(void)reason;
	++*(int *)ctx;
	return 0;
}

static void
two_writers_lose_nothing(void **state)
{
	static struct writer w[2];
	char path[300];
	int waiting = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/bucket", testdir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "file://%s/bucket", testdir);
	setenv("KACHE_REMOTE_MAIN_URL", path, 1);
	setenv("HOME", testdir, 1);
	for (int k = 0; k < 2; k++) {
		w[k].name = (char)('a' + k);
		assert_int_equal(open_writer(&w[k]), 0);
		for (int i = 0; i < UNITS; i++)
			for (int j = 0; j < INPUT_LISTS; j++)
				assert_int_equal(
					make_entry(&w[k], i,
						   k * INPUT_LISTS + j),
					0);
	}
	for (int k = 0; k < 2; k++)
		assert_int_equal(
			pthread_create(&w[k].thread, NULL, upload_all, &w[k]),
			0);
	for (int k = 0; k < 2; k++) {
		pthread_join(w[k].thread, NULL);
		assert_false(w[k].failed);
	}
	for (int i = 0; i < UNITS; i++)
		assert_int_equal(named(i), 2 * INPUT_LISTS);
	for (int k = 0; k < 2; k++) {
		struct services *h = &w[k].hub;

		upload_intent_each(&services_store(h)->store, 0, count_intent,
				   &waiting);
		assert_int_equal(waiting, 0);
		assert_int_equal(atomic_load(&h->count[HUB_UP_DONE]),
				 UNITS * INPUT_LISTS);
		assert_int_equal(atomic_load(&h->count[HUB_UP_FAILED]), 0);
		assert_int_equal(atomic_load(&h->count[HUB_NONDETERMINISTIC]),
				 0);
		close_writer(&w[k]);
	}
}

static int
count_dead(struct services *h, int dead)
{
	int n = 0;

	upload_intent_each(&services_store(h)->store, dead, count_intent, &n);
	return n;
}

/* One turn of the poll loop, without the pauses after failures. */
static void
turn(struct services *h, bool hurry)
{
	struct pollfd p = { h->mail.fd, POLLIN, 0 };

	if (hurry)
		upload_queue_hurry(h->uploads);
	upload_queue_tick(h->uploads, file_monotonic());
	poll(&p, 1, 20);
	mailbox_open(&h->mail);
}

/* A remote that fails for everybody says nothing about one intent: however
 * often it is tried, it stays, and goes in the end. */
static void
an_outage_buries_nothing(void **state)
{
	static struct writer w = { .name = 'o' };
	struct services *h = &w.hub;
	char path[300], v1[320];
	int64_t end;

	(void)state;
	snprintf(path, sizeof(path), "%s/outage", testdir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(v1, sizeof(v1), "%s/v1", path);
	assert_int_equal(symlink("v1", v1), 0); /* leads to itself */
	snprintf(path, sizeof(path), "file://%s/outage", testdir);
	setenv("KACHE_REMOTE_MAIN_URL", path, 1);
	setenv("HOME", testdir, 1);
	assert_int_equal(open_writer(&w), 0);
	assert_int_equal(make_entry(&w, 0, 0), 0);
	end = file_monotonic() + (int64_t)60 * 1000000000;
	while (atomic_load(&h->count[HUB_UP_FAILED]) < 5 &&
	       file_monotonic() < end)
		turn(h, true);
	assert_true(atomic_load(&h->count[HUB_UP_FAILED]) >= 5);
	assert_int_equal(count_dead(h, 0), 1);
	assert_int_equal(count_dead(h, 1), 0);
	assert_int_equal(unlink(v1), 0);
	while (atomic_load(&h->count[HUB_UP_DONE]) == 0 &&
	       file_monotonic() < end)
		turn(h, true);
	assert_int_equal(atomic_load(&h->count[HUB_UP_DONE]), 1);
	assert_int_equal(count_dead(h, 0), 0);
	close_writer(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_writers_lose_nothing),
		cmocka_unit_test(an_outage_buries_nothing),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
