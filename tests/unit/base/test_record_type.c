/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/record_type.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/mp.h"
#include "base/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../testdir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct thing {
	uint64_t size;
	uint32_t kind;
	struct digest id;
	char name[5];
	char *path;
	struct buf text;
	uint32_t origin;
	size_t nrest;
};

static const struct record_field fields[] = {
	RECORD_FIELD(U64, thing, size, 0),
	RECORD_FIELD(U32, thing, kind, 3),
	RECORD_FIELD(DIGEST, thing, id, 0),
	RECORD_FIELD(TEXT, thing, name, 4),
	RECORD_FIELD(STRING, thing, path, 0),
	RECORD_FIELD(BYTES, thing, text, 6),
	RECORD_LATER(U32, thing, origin, 0),
	RECORD_LAST,
};

static uint32_t
put_rest(struct buf *b, const void *thing)
{
	const struct thing *t = thing;

	for (size_t i = 0; i < t->nrest; i++)
		mp_put_uint(b, i);
	return (uint32_t)t->nrest;
}

static int
take_rest(struct mp_list *l, void *thing)
{
	struct thing *t = thing;
	uint64_t v;
	int r = 0;

	while (r == 0 && l->left) {
		r = mp_next_uint(l, &v);
		t->nrest++;
	}
	return r;
}

static const struct record_type type = {
	.letter = 'x',
	.version = 2,
	.fields = fields,
	.put_rest = put_rest,
	.take_rest = take_rest,
	.file_max = 200,
	.elements_max = 12,
};

static struct thing
make(void)
{
	struct thing t = { .size = UINT64_MAX,
			   .kind = 3,
			   .id = { "id" },
			   .name = "abcd",
			   .path = (char *)"/x",
			   .origin = 7,
			   .nrest = 2 };

	buf_add(&t.text, "a\0b", 3);
	return t;
}

/* What comes back of T; the fields are freed. */
static int
comes_back(const struct thing *t, struct thing *got)
{
	struct buf b = { 0 };
	int r;

	memset(got, 0, sizeof(*got));
	record_encode(&type, t, &b);
	assert_false(b.failed);
	r = record_decode(&type, b.p, b.len, got);
	buf_free(&b);
	return r;
}

static void
every_kind_comes_back(void **state)
{
	struct thing t = make(), got;

	(void)state;
	assert_int_equal(comes_back(&t, &got), 0);
	assert_true(got.size == UINT64_MAX);
	assert_int_equal(got.kind, 3);
	assert_true(digest_eq(&got.id, &t.id));
	assert_string_equal(got.name, "abcd");
	assert_string_equal(got.path, "/x");
	assert_int_equal(got.text.len, 3);
	assert_memory_equal(got.text.p, "a\0b", 3);
	assert_int_equal(got.origin, 7);
	assert_int_equal(got.nrest, 2);
	record_free(fields, &got);
	assert_null(got.path);
	assert_null(got.text.p);
	buf_free(&t.text);
}

static void
limits_hold(void **state)
{
	struct thing t = make(), got;

	(void)state;
	t.kind = 4;
	assert_int_equal(comes_back(&t, &got), ERR_CORRUPT);
	record_free(fields, &got);
	t.kind = 0;
	buf_str(&t.text, "cdef");
	assert_int_equal(comes_back(&t, &got), ERR_CORRUPT);
	record_free(fields, &got);
	t.text.len = 6;
	assert_int_equal(comes_back(&t, &got), 0);
	record_free(fields, &got);
	t.nrest = 6;
	assert_int_equal(comes_back(&t, &got), ERR_TOOBIG);
	t.nrest = 0;
	t.path = (char *)"a path of more than a hundred bytes, so that the "
			 "whole record is over the two hundred bytes that a "
			 "file of this type may have";
	assert_int_equal(comes_back(&t, &got), ERR_TOOBIG);
	buf_free(&t.text);
}

/* A record of N fields, of which NAME is the first. */
static int
takes(uint32_t n, const char *name, size_t len, struct thing *got)
{
	static const struct record_type wide = {
		.letter = 'x',
		.version = 2,
		.fields = fields + 3,
	};
	struct buf b = { 0 }, out = { 0 };
	int r;

	memset(got, 0, sizeof(*got));
	got->origin = 5;
	mp_put_list(&b, n);
	mp_put_bin(&b, name, len);
	mp_put_str(&b, "");
	if (n > 2)
		mp_put_str(&b, "");
	record_seal(&out, 'x', 2, b.p, b.len);
	r = record_decode(&wide, out.p, out.len, got);
	record_free(fields, got);
	buf_free(&b);
	buf_free(&out);
	return r;
}

static void
older_records_are_shorter(void **state)
{
	struct thing got;

	(void)state;
	assert_int_equal(takes(3, "abcd", 4, &got), 0);
	assert_int_equal(got.origin, 5);
	assert_int_equal(takes(2, "abcd", 4, &got), ERR_CORRUPT);
	assert_int_equal(takes(3, "abcde", 5, &got), ERR_CORRUPT);
	assert_int_equal(takes(3, "a\0b", 3, &got), ERR_CORRUPT);
}

static void
files_are_saved_and_loaded(void **state)
{
	static const struct record_type later = { .letter = 'x', .version = 3 };
	int dir = open(testdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct thing t = make(), got = { 0 };

	(void)state;
	assert_int_equal(record_load(dir, "t", &type, &got), -ENOENT);
	assert_false(record_exists(dir, "t", &type));
	assert_int_equal(record_save(dir, "tmp", "t", &type, &t), 0);
	assert_true(record_exists(dir, "t", &type));
	assert_int_equal(record_load(dir, "t", &type, &got), 0);
	assert_string_equal(got.path, "/x");
	record_free(fields, &got);
	/* A later version's file is not ours to replace. */
	assert_int_equal(record_save(dir, "tmp", "t", &later, NULL), 0);
	assert_false(record_exists(dir, "t", &type));
	assert_int_equal(record_load(dir, "t", &type, &got), ERR_NEWER);
	assert_int_equal(record_save(dir, "tmp", "t", &type, &t), ERR_NEWER);
	buf_free(&t.text);
	close(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_comes_back),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(older_records_are_shorter),
		cmocka_unit_test(files_are_saved_and_loaded),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
