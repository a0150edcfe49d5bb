/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/manifest.h"
#include "tests/unit/remote/packbed.h"

#include <pthread.h>

static void
what_is_packed_is_unpacked(void **state)
{
	static const size_t pieces[] = { 1, 2, 17, 1000, 1 << 20 };
	struct manifest m;
	struct buf b = { 0 };
	struct unit u;

	(void)state;
	unit_make(&u, 5000, true);
	assert_int_equal(pack(&u, &b), 0);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		forget(&there, &u);
		assert_int_equal(unpack(&there, &u.at, b.p, b.len, pieces[i]),
				 0);
		check_equal(&u);
		assert_int_equal(files_in(&there, "tmp"), 0);
	}
	assert_int_equal(manifest_load(&there.s, &u.e.k0, &m), 0);
	assert_true(digest_eq(&m.rec[0].last_k1, &u.k1));
	assert_int_equal(m.rec[0].compile_us, 99);
	assert_string_equal(inputs_item(&m.rec[0].inputs, 0), "fw/src/lib.rs");
	manifest_release(&m);
	/* Once more, over what is there. */
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 4096), 0);
	check_equal(&u);
	forget(&there, &u);
	buf_free(&b);
	unit_free(&u);
}

static void
blobs_come_as_local_ones(void **state)
{
	mode_t old = umask(022);
	char name[STORE_NAME];
	struct buf b = { 0 };
	struct digest d;
	struct file_id id;
	struct stat st;
	struct unit u;

	(void)state;
	unit_make(&u, 500, false);
	assert_int_equal(pack(&u, &b), 0);
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 100), 0);
	for (size_t i = 0; i < 3; i++) {
		store_name("blobs", &u.e.out[i].blob, name);
		assert_int_equal(fstatat(there.s.dir, name, &st, 0), 0);
		assert_int_equal(st.st_mode & 07777,
				 u.e.out[i].exec ? 0755 : 0644);
		assert_int_equal(st.st_nlink, 1);
		file_id_of(&st, &id);
		assert_int_equal(digest_cache_get_own(&there.m, &id, &d), 0);
		assert_true(digest_eq(&d, &u.e.out[i].blob));
	}
	forget(&there, &u);
	buf_free(&b);
	unit_free(&u);
	umask(old);
}

static void
metadata_is_not_stored_twice(void **state)
{
	struct buf b = { 0 };
	struct unit u;

	(void)state;
	/* The bytes do not compress. */
	unit_make(&u, 100000, false);
	assert_int_equal(pack(&u, &b), 0);
	assert_in_range(b.len, 100000, 103000);
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 3000), 0);
	check_equal(&u);
	forget(&there, &u);
	buf_free(&b);
	unit_free(&u);
}

/* What has a .dwo for each unit of code names its place, and stays. */
static void
too_many_outputs_do_not_travel(void **state)
{
	struct buf b = { 0 };
	struct unit u;
	char name[32];

	(void)state;
	unit_make(&u, 300, false);
	for (int i = 0; u.e.nout < ENTRY_TRAVEL_MAX; i++) {
		snprintf(name, sizeof(name), "one-1.%d.dwp", i);
		output(&u, name, "x", 1, 0644);
	}
	assert_int_equal(pack(&u, &b), 0);
	buf_free(&b);
	output(&u, "one-1.last.dwp", "x", 1, 0644);
	assert_int_equal(pack(&u, &b), ERR_TOOBIG);
	buf_free(&b);
	unit_free(&u);
}

static void
a_redirect_travels(void **state)
{
	struct unit u = { 0 };
	struct buf b = { 0 };
	struct entry e;

	(void)state;
	buf_str(&u.e.crate, "one");
	memcpy(u.e.roots, "tw", 3);
	digest_bytes("redirect", 8, &u.k1);
	u.at = u.k1;
	assert_int_equal(pack(&u, &b), 0);
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 7), 0);
	assert_int_equal(entry_load(&there.s, &u.at, &e), 0);
	assert_string_equal(e.roots, "tw");
	assert_int_equal(e.nout, 0);
	entry_release(&e);
	forget(&there, &u);
	buf_free(&b);
	unit_free(&u);
}

static void
foreign_times_are_bounded(void **state)
{
	struct unit u;
	struct buf b = { 0 };
	struct manifest m;
	struct entry e;

	(void)state;
	unit_make(&u, 300, false);
	u.e.compile_us = UINT64_MAX;
	u.e.stored_ms = UINT64_MAX;
	assert_int_equal(pack(&u, &b), 0);
	assert_int_equal(unpack(&there, &u.at, b.p, b.len, 100), 0);
	assert_int_equal(entry_load(&there.s, &u.at, &e), 0);
	assert_int_equal(manifest_load(&there.s, &u.e.k0, &m), 0);
	assert_int_equal(e.compile_us / 1000000, 3600);
	assert_int_equal(m.rec[0].compile_us / 1000000, 3600);
	assert_in_range(e.stored_ms, 1, (uint64_t)file_now() / 1000000);
	assert_in_range(m.rec[0].stored_ms, 1, (uint64_t)file_now() / 1000000);
	entry_release(&e);
	manifest_release(&m);
	forget(&there, &u);
	buf_free(&b);
	unit_free(&u);
}

enum { THREADS = MANIFEST_MAX };

struct invocation {
	pthread_t thread;
	struct unit u;
	struct buf b;
	int r;
};

static void *
unpack_one(void *arg)
{
	struct invocation *j = arg;

	j->r = unpack(&there, &j->u.at, j->b.p, j->b.len, 1000);
	return NULL;
}

/* Of one unit, each with an input list of its own: no record may be lost. */
static void
many_come_at_once(void **state)
{
	static struct invocation jobs[THREADS];
	struct manifest m;

	(void)state;
	for (size_t i = 0; i < THREADS; i++) {
		char item[16];
		int n = snprintf(item, sizeof(item), "w/%zu.rs", i);

		unit_make(&jobs[i].u, 300 + i, false);
		assert_int_equal(
			inputs_add(&jobs[i].u.inputs, 'f', item, (size_t)n), 0);
		assert_int_equal(inputs_finish(&jobs[i].u.inputs), 0);
		assert_int_equal(pack(&jobs[i].u, &jobs[i].b), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&jobs[i].thread, NULL,
						unpack_one, &jobs[i]),
				 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(jobs[i].thread, NULL);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(jobs[i].r, 0);
	assert_int_equal(manifest_load(&there.s, &jobs[0].u.e.k0, &m), 0);
	assert_int_equal(m.count, THREADS);
	manifest_release(&m);
	for (size_t i = 0; i < THREADS; i++) {
		forget(&there, &jobs[i].u);
		unit_free(&jobs[i].u);
		buf_free(&jobs[i].b);
	}
}

static void
a_local_entry_stays(void **state)
{
	struct unit u;
	struct buf b = { 0 };
	struct entry e;

	(void)state;
	unit_make(&u, 300, false);
	assert_int_equal(pack(&u, &b), 0);
	u.e.compile_us = 55;
	assert_int_equal(entry_save(&here.s, &u.at, &u.e), 0);
	assert_int_equal(unpack(&here, &u.at, b.p, b.len, 100), 0);
	assert_int_equal(entry_load(&here.s, &u.at, &e), 0);
	assert_int_equal(e.origin, ENTRY_MADE);
	assert_int_equal(e.compile_us, 55);
	entry_release(&e);
	/* One that lost a blob is made again. */
	forget(&here, &u);
	assert_int_equal(entry_save(&here.s, &u.at, &u.e), 0);
	assert_int_equal(unpack(&here, &u.at, b.p, b.len, 100), 0);
	assert_int_equal(entry_load(&here.s, &u.at, &e), 0);
	assert_int_equal(e.origin, ENTRY_ASKED);
	assert_true(blob_exists(&here.s, &e.out[0].blob));
	entry_release(&e);
	forget(&here, &u);
	buf_free(&b);
	unit_free(&u);
}

static void
lost_and_wrong_blobs_are_not_packed(void **state)
{
	char name[STORE_NAME];
	struct buf b = { 0 };
	struct unit u;

	(void)state;
	unit_make(&u, 300, false);
	store_name("blobs", &u.e.out[1].blob, name);
	assert_int_equal(unlinkat(here.s.dir, name, 0), 0);
	assert_int_equal(pack(&u, &b), ERR_MISS);
	assert_int_equal(file_publish(here.s.dir, "tmp/x", name, "wrong", 5),
			 0);
	assert_int_equal(pack(&u, &b), ERR_CORRUPT);
	forget(&here, &u);
	unit_free(&u);
	unit_make(&u, 300, false);
	for (int i = 0; i < 20000; i++) {
		char item[80];
		int n = snprintf(item, sizeof(item), "w/%060d", i);

		if (inputs_add(&u.inputs, 'f', item, (size_t)n) < 0)
			break;
	}
	assert_int_equal(inputs_finish(&u.inputs), 0);
	assert_int_equal(pack(&u, &b), ERR_TOOBIG);
	forget(&here, &u);
	buf_free(&b);
	unit_free(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_is_unpacked),
		cmocka_unit_test(blobs_come_as_local_ones),
		cmocka_unit_test(metadata_is_not_stored_twice),
		cmocka_unit_test(too_many_outputs_do_not_travel),
		cmocka_unit_test(a_redirect_travels),
		cmocka_unit_test(foreign_times_are_bounded),
		cmocka_unit_test(many_come_at_once),
		cmocka_unit_test(a_local_entry_stays),
		cmocka_unit_test(lost_and_wrong_blobs_are_not_packed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
