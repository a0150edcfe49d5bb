/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/manifest.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/record.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct store s;

static struct manifest_record
record(const char *file, uint64_t when)
{
	struct manifest_record r = { .compile_us = 5, .stored_ms = when };

	digest_bytes(file, strlen(file), &r.last_k1);
	assert_int_equal(inputs_add(&r.inputs, 'f', file, strlen(file)), 0);
	assert_int_equal(inputs_add(&r.inputs, 'e', "NAME", 4), 0);
	assert_int_equal(inputs_finish(&r.inputs), 0);
	return r;
}

static void
newest_comes_first(void **state)
{
	struct manifest_record a = record("wa", 1), b = record("wb", 2);
	struct manifest m;
	struct digest k0;

	(void)state;
	digest_bytes("first", 5, &k0);
	assert_int_equal(manifest_load(&s, &k0, &m), ERR_MISS);
	assert_int_equal(manifest_add(&s, &k0, &a), 0);
	assert_int_equal(manifest_add(&s, &k0, &b), 0);
	assert_int_equal(manifest_load(&s, &k0, &m), 0);
	assert_int_equal(m.count, 2);
	assert_int_equal(m.rec[0].stored_ms, 2);
	assert_int_equal(m.rec[0].inputs.count, 2);
	assert_string_equal(inputs_item(&m.rec[0].inputs, 0), "eNAME");
	assert_string_equal(inputs_item(&m.rec[0].inputs, 1), "fwb");
	manifest_release(&m);
}

static void
equal_inputs_are_one_record(void **state)
{
	struct manifest_record a = record("wa", 1), b = record("wb", 2);
	struct manifest_record again = record("wa", 3);
	struct manifest m;
	struct digest k0;

	(void)state;
	digest_bytes("equal", 5, &k0);
	assert_int_equal(manifest_add(&s, &k0, &a), 0);
	assert_int_equal(manifest_add(&s, &k0, &b), 0);
	assert_int_equal(manifest_add(&s, &k0, &again), 0);
	assert_int_equal(manifest_load(&s, &k0, &m), 0);
	assert_int_equal(m.count, 2);
	assert_int_equal(m.rec[0].stored_ms, 3);
	assert_int_equal(m.rec[1].stored_ms, 2);
	manifest_release(&m);
}

static void
the_oldest_of_too_many_goes(void **state)
{
	struct manifest m;
	struct digest k0;
	char name[16];

	(void)state;
	digest_bytes("many", 4, &k0);
	for (unsigned i = 0; i < MANIFEST_MAX + 3; i++) {
		struct manifest_record r;

		snprintf(name, sizeof(name), "wfile%u", i);
		r = record(name, i);
		assert_int_equal(manifest_add(&s, &k0, &r), 0);
	}
	assert_int_equal(manifest_load(&s, &k0, &m), 0);
	assert_int_equal(m.count, MANIFEST_MAX);
	assert_int_equal(m.rec[0].stored_ms, MANIFEST_MAX + 2);
	assert_int_equal(m.rec[MANIFEST_MAX - 1].stored_ms, 3);
	manifest_release(&m);
}

static void
every_flipped_bit_is_refused(void **state)
{
	struct manifest m = { .count = 1 }, back;
	struct buf b = { 0 };

	(void)state;
	m.rec[0] = record("w/src/lib.rs", 7);
	manifest_encode(&m, &b);
	assert_int_equal(manifest_decode(b.p, b.len, &back), 0);
	manifest_release(&back);
	for (size_t i = 0; i < b.len * 8; i++) {
		b.p[i / 8] ^= (char)(1 << i % 8);
		assert_true(manifest_decode(b.p, b.len, &back) < 0);
		b.p[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t i = 0; i < b.len; i++)
		assert_true(manifest_decode(b.p, i, &back) < 0);
	buf_free(&b);
	manifest_release(&m);
}

static void
damage_is_a_miss_and_goes(void **state)
{
	struct manifest_record a = record("wa", 1);
	char name[STORE_NAME];
	struct manifest m;
	struct digest k0;

	(void)state;
	digest_bytes("damaged", 7, &k0);
	assert_int_equal(manifest_add(&s, &k0, &a), 0);
	store_name("manifests", &k0, name);
	close(openat(s.dir, name, O_WRONLY | O_TRUNC | O_CLOEXEC));
	assert_int_equal(manifest_load(&s, &k0, &m), ERR_CORRUPT);
	assert_int_equal(manifest_load(&s, &k0, &m), ERR_MISS);
}

/* The record as a file, cut at byte I or with a bit of it flipped. */
static void
put_damaged(const char *name, const struct buf *whole, size_t i, bool cut)
{
	struct buf b = { 0 };

	buf_add(&b, whole->p, cut ? i : whole->len);
	if (!cut)
		b.p[i] ^= 0x10;
	assert_int_equal(
		file_publish(s.dir, "tmp/x", name, b.len ? b.p : "", b.len), 0);
	buf_free(&b);
}

static void
damaged_files_are_removed_wherever_it_is(void **state)
{
	struct manifest m = { .count = 1 }, back;
	char name[STORE_NAME];
	struct buf b = { 0 };
	struct digest k0;

	(void)state;
	digest_bytes("each byte", 9, &k0);
	store_name("manifests", &k0, name);
	m.rec[0] = record("w/src/lib.rs", 7);
	manifest_encode(&m, &b);
	for (size_t i = 0; i < b.len * 2; i++) {
		put_damaged(name, &b, i / 2, i % 2);
		assert_int_equal(manifest_load(&s, &k0, &back), ERR_CORRUPT);
		assert_int_equal(faccessat(s.dir, name, F_OK, 0), -1);
	}
	buf_free(&b);
	manifest_release(&m);
}

static void
newer_manifests_are_left_alone(void **state)
{
	struct manifest_record r = record("wa", 1);
	char name[STORE_NAME];
	struct file_id a, b;
	struct buf text = { 0 };
	struct manifest m;
	struct digest k0;

	(void)state;
	digest_bytes("newer", 5, &k0);
	store_name("manifests", &k0, name);
	record_seal(&text, 'm', 2, "\220", 1);
	assert_int_equal(file_publish(s.dir, "tmp/x", name, text.p, text.len),
			 0);
	assert_int_equal(file_id_at(s.dir, name, &a), 0);
	assert_int_equal(manifest_load(&s, &k0, &m), ERR_NEWER);
	assert_int_equal(manifest_add(&s, &k0, &r), ERR_NEWER);
	/* Not taken on failure. */
	assert_int_equal(r.inputs.count, 2);
	inputs_free(&r.inputs);
	assert_int_equal(file_id_at(s.dir, name, &b), 0);
	assert_true(file_id_same(&a, &b));
	buf_free(&text);
}

/* A damaged manifest is begun anew. */
static void
a_store_heals_a_damaged_manifest(void **state)
{
	struct manifest_record r = record("wa", 1);
	char name[STORE_NAME];
	struct manifest m;
	struct digest k0;

	(void)state;
	digest_bytes("heal", 4, &k0);
	store_name("manifests", &k0, name);
	assert_int_equal(file_publish(s.dir, "tmp/x", name, "junk", 4), 0);
	assert_int_equal(manifest_add(&s, &k0, &r), 0);
	assert_int_equal(manifest_load(&s, &k0, &m), 0);
	assert_int_equal(m.count, 1);
	assert_int_equal(m.rec[0].compile_us, 5);
	manifest_release(&m);
}

static int
set_up(void **state)
{
	return testdir_make(state) < 0 ? -1 : store_open(&s, testdir);
}

static int
tear_down(void **state)
{
	store_close(&s);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_comes_first),
		cmocka_unit_test(equal_inputs_are_one_record),
		cmocka_unit_test(the_oldest_of_too_many_goes),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(damage_is_a_miss_and_goes),
		cmocka_unit_test(damaged_files_are_removed_wherever_it_is),
		cmocka_unit_test(newer_manifests_are_left_alone),
		cmocka_unit_test(a_store_heals_a_damaged_manifest),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
