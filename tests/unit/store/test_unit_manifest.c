/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unit_manifest.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct unit_manifest_record
record(const char *file, const char *key)
{
	struct unit_manifest_record r = { .pack_size = 1000,
					  .compile_us = 5,
					  .stored_ms = 7 };

	digest_bytes(key, strlen(key), &r.k1);
	digest_bytes("tag", 3, &r.tag);
	digest_bytes("content", 7, &r.content);
	assert_int_equal(inputs_add(&r.inputs, 'f', file, strlen(file)), 0);
	assert_int_equal(inputs_add(&r.inputs, 'e', "NAME", 4), 0);
	assert_int_equal(inputs_finish(&r.inputs), 0);
	return r;
}

static void
add(struct unit_manifest *m, const char *file, const char *key, int want)
{
	struct unit_manifest_record r = record(file, key);

	assert_int_equal(unit_manifest_add(m, &r), want);
	assert_int_equal(r.inputs.count, 0);
}

static void
what_is_written_is_read(void **state)
{
	struct unit_manifest m = { 0 }, back;
	struct buf b = { 0 };

	(void)state;
	add(&m, "w/a.rs", "k1", 1);
	add(&m, "w/b.rs", "k2", 1);
	m.rec[1].compile_us = UINT64_MAX;
	unit_manifest_encode(&m, &b);
	assert_int_equal(unit_manifest_decode(b.p, b.len, &back), 0);
	assert_int_equal(back.rec[1].compile_us / 1000000, 3600);
	assert_int_equal(back.count, 2);
	assert_int_equal(back.dropped, 0);
	assert_string_equal(inputs_item(&back.rec[0].inputs, 1), "fw/b.rs");
	assert_true(digest_eq(&back.rec[1].k1, &m.rec[1].k1));
	assert_true(digest_eq(&back.rec[1].tag, &m.rec[1].tag));
	assert_true(digest_eq(&back.rec[1].content, &m.rec[1].content));
	assert_int_equal(back.rec[0].pack_size, 1000);
	assert_int_equal(back.rec[0].compile_us, 5);
	assert_int_equal(back.rec[0].stored_ms, 7);
	unit_manifest_release(&back);
	for (size_t i = 0; i < b.len * 8; i++) {
		b.p[i / 8] ^= (char)(1 << i % 8);
		assert_true(unit_manifest_decode(b.p, b.len, &back) < 0);
		b.p[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(unit_manifest_decode(b.p, i, &back),
				 ERR_CORRUPT);
	buf_free(&b);
	unit_manifest_release(&m);
}

static void
hostile_records_are_dropped_alone(void **state)
{
	struct unit_manifest m = { 0 }, back;
	struct buf b = { 0 };

	(void)state;
	add(&m, "w/a.rs", "k1", 1);
	add(&m, "/etc/shadow", "k2", 1);
	add(&m, "w/c.rs", "k3", 1);
	unit_manifest_encode(&m, &b);
	assert_int_equal(unit_manifest_decode(b.p, b.len, &back), 0);
	assert_int_equal(back.count, 2);
	assert_int_equal(back.dropped, 1);
	assert_string_equal(inputs_item(&back.rec[1].inputs, 1), "fw/a.rs");
	unit_manifest_release(&back);
	buf_free(&b);
	unit_manifest_release(&m);
}

static void
adding_twice_changes_nothing(void **state)
{
	struct unit_manifest m = { 0 };

	(void)state;
	add(&m, "w/a.rs", "k1", 1);
	add(&m, "w/b.rs", "k2", 1);
	add(&m, "w/a.rs", "k1", 0);
	assert_int_equal(m.count, 2);
	assert_string_equal(inputs_item(&m.rec[0].inputs, 1), "fw/b.rs");
	/* Another result of the same input list takes its place. */
	add(&m, "w/a.rs", "k3", 1);
	assert_int_equal(m.count, 2);
	assert_string_equal(inputs_item(&m.rec[0].inputs, 1), "fw/a.rs");
	unit_manifest_release(&m);
}

static void
the_oldest_of_too_many_goes(void **state)
{
	struct unit_manifest m = { 0 };
	char name[16];

	(void)state;
	for (int i = 0; i < UNIT_MANIFEST_MAX + 3; i++) {
		snprintf(name, sizeof(name), "w/%d", i);
		add(&m, name, name, 1);
	}
	assert_int_equal(m.count, UNIT_MANIFEST_MAX);
	assert_string_equal(inputs_item(&m.rec[0].inputs, 1), "fw/10");
	assert_string_equal(inputs_item(&m.rec[7].inputs, 1), "fw/3");
	unit_manifest_release(&m);
}

static struct unit_manifest_record
large(int seed)
{
	struct unit_manifest_record r = { 0 };
	char name[1024];

	memset(name, 'x', sizeof(name));
	name[0] = 'w';
	name[1] = '/';
	for (int i = 0; i < 4000; i++) {
		name[2 + snprintf(name + 2, 12, "%d-%d", seed, i)] = 'x';
		assert_int_equal(inputs_add(&r.inputs, 'f', name, 1000), 0);
	}
	assert_int_equal(inputs_finish(&r.inputs), 0);
	digest_bytes(&seed, sizeof(seed), &r.k1);
	return r;
}

static void
it_never_outgrows_its_maximum(void **state)
{
	struct unit_manifest m = { 0 }, back;
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct unit_manifest_record r = large(i);

		assert_int_equal(unit_manifest_add(&m, &r), 1);
	}
	assert_in_range(m.count, 2, 4);
	unit_manifest_encode(&m, &b);
	assert_in_range(b.len, 1, UNIT_MANIFEST_BYTES);
	assert_int_equal(unit_manifest_decode(b.p, b.len, &back), 0);
	assert_int_equal(back.count, m.count);
	unit_manifest_release(&back);
	buf_free(&b);
	unit_manifest_release(&m);
}

static void
other_bytes_under_one_key_are_noticed(void **state)
{
	struct unit_manifest m = { 0 };
	struct unit_manifest_record r = record("w/a.rs", "k1");

	(void)state;
	assert_false(unit_manifest_differs(&m, &r));
	add(&m, "w/b.rs", "k2", 1);
	add(&m, "w/a.rs", "k1", 1);
	assert_false(unit_manifest_differs(&m, &r));
	r.content.b[0] ^= 1;
	assert_true(unit_manifest_differs(&m, &r));
	r.k1.b[0] ^= 1;
	assert_false(unit_manifest_differs(&m, &r));
	inputs_free(&r.inputs);
	unit_manifest_release(&m);
}

static void
too_long_and_newer(void **state)
{
	struct buf b = { 0 };
	struct unit_manifest m;
	char *p = calloc(1, UNIT_MANIFEST_BYTES + 1);

	(void)state;
	assert_non_null(p);
	assert_int_equal(unit_manifest_decode(p, UNIT_MANIFEST_BYTES + 1, &m),
			 ERR_TOOBIG);
	free(p);
	record_seal(&b, 'u', 2, "\220", 1);
	assert_int_equal(unit_manifest_decode(b.p, b.len, &m), ERR_NEWER);
	buf_free(&b);
}

static void
where_an_entry_lies(void **state)
{
	struct digest k1, tag = { { 0 } }, at;

	(void)state;
	digest_bytes("k", 1, &k1);
	unit_manifest_at(&k1, &tag, &at);
	assert_true(digest_eq(&at, &k1));
	tag.b[31] = 1;
	unit_manifest_at(&k1, &tag, &at);
	assert_false(digest_eq(&at, &k1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(hostile_records_are_dropped_alone),
		cmocka_unit_test(adding_twice_changes_nothing),
		cmocka_unit_test(the_oldest_of_too_many_goes),
		cmocka_unit_test(it_never_outgrows_its_maximum),
		cmocka_unit_test(other_bytes_under_one_key_are_noticed),
		cmocka_unit_test(too_long_and_newer),
		cmocka_unit_test(where_an_entry_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
