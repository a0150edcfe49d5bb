/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/entry.h"

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

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct store s;

static struct entry
sample(void)
{
	struct entry e = {
		.stored_ms = 1700000000000,
		.compile_us = 123456,
		.kind = 2,
		.nout = 3,
	};

	memcpy(e.out[0].name, "liba-1.rmeta", 13);
	e.out[0].role = ENTRY_METADATA;
	e.out[0].size = 10;
	digest_bytes("m", 1, &e.out[0].blob);
	memcpy(e.out[1].name, "a-1", 4);
	e.out[1].role = ENTRY_LINK;
	e.out[1].exec = 1;
	e.out[1].size = 20;
	digest_bytes("l", 1, &e.out[1].blob);
	memcpy(e.out[2].name, "a-1.d", 6);
	e.out[2].role = ENTRY_DEPINFO;
	digest_bytes("k0", 2, &e.k0);
	buf_str(&e.crate, "a");
	buf_str(&e.depinfo, "neutral dep-info\n");
	buf_str(&e.stderr_text, "{\"message\":\"unused\"}\n");
	return e;
}

static void
same(const struct entry *a, const struct entry *b)
{
	assert_int_equal(a->stored_ms, b->stored_ms);
	assert_int_equal(a->compile_us, b->compile_us);
	assert_int_equal(a->kind, b->kind);
	assert_true(digest_eq(&a->k0, &b->k0));
	assert_int_equal(a->nout, b->nout);
	for (size_t i = 0; i < a->nout; i++) {
		assert_string_equal(a->out[i].name, b->out[i].name);
		assert_int_equal(a->out[i].role, b->out[i].role);
		assert_int_equal(a->out[i].exec, b->out[i].exec);
		assert_int_equal(a->out[i].size, b->out[i].size);
		assert_true(digest_eq(&a->out[i].blob, &b->out[i].blob));
	}
	assert_int_equal(a->depinfo.len, b->depinfo.len);
	assert_memory_equal(a->depinfo.p, b->depinfo.p, a->depinfo.len);
	assert_int_equal(a->stderr_text.len, b->stderr_text.len);
	assert_memory_equal(a->stderr_text.p, b->stderr_text.p,
			    a->stderr_text.len);
	assert_int_equal(a->stdout_text.len, b->stdout_text.len);
	assert_int_equal(a->crate.len, b->crate.len);
	assert_memory_equal(a->crate.p, b->crate.p, a->crate.len);
	assert_string_equal(a->roots, b->roots);
}

static void
what_was_saved_loads(void **state)
{
	struct entry e = sample(), back;
	struct digest k1, other;

	(void)state;
	digest_bytes("k1", 2, &k1);
	digest_bytes("k2", 2, &other);
	assert_int_equal(entry_save(&s, &k1, &e), 0);
	assert_int_equal(entry_load(&s, &k1, &back), 0);
	same(&e, &back);
	entry_release(&back);
	assert_int_equal(entry_load(&s, &other, &back), ERR_MISS);
	entry_release(&e);
}

static void
damage_is_a_miss_and_goes(void **state)
{
	struct entry e = sample(), back;
	char name[STORE_NAME];
	struct digest k1;
	int fd;

	(void)state;
	digest_bytes("damaged", 7, &k1);
	assert_int_equal(entry_save(&s, &k1, &e), 0);
	store_name("entries", &k1, name);
	fd = openat(s.dir, name, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "X", 1, 60), 1);
	close(fd);
	assert_int_equal(entry_load(&s, &k1, &back), ERR_CORRUPT);
	assert_int_equal(faccessat(s.dir, name, F_OK, 0), -1);
	assert_int_equal(entry_load(&s, &k1, &back), ERR_MISS);
	entry_release(&e);
}

static void
every_flipped_bit_is_refused(void **state)
{
	struct entry e = sample(), back;
	struct buf b = { 0 };

	(void)state;
	entry_encode(&e, &b);
	for (size_t i = 0; i < b.len * 8; i++) {
		b.p[i / 8] ^= (char)(1 << i % 8);
		assert_true(entry_decode(b.p, b.len, &back) < 0);
		b.p[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t i = 0; i < b.len; i++)
		assert_true(entry_decode(b.p, i, &back) < 0);
	buf_free(&b);
	entry_release(&e);
}

/* A sound record from a hostile hand. */
static void
hostile_names_are_refused(void **state)
{
	static const char *const bad[] = { "../x", "/etc/passwd", ".",   "..",
					   "",     "a/b",         "a\nb" };
	struct entry back;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct entry e = sample();
		struct buf b = { 0 };

		memcpy(e.out[0].name, bad[i], strlen(bad[i]) + 1);
		entry_encode(&e, &b);
		assert_true(entry_decode(b.p, b.len, &back) < 0);
		assert_false(entry_name_ok(bad[i], strlen(bad[i])));
		buf_free(&b);
		entry_release(&e);
	}
	assert_true(entry_name_ok("liba-1.rlib", 11));
}

static void
touch_moves_only_old_times(void **state)
{
	struct timespec old[2] = { { .tv_sec = 1000000 },
				   { .tv_sec = 1000000 } };
	struct entry e = sample();
	struct file_id a, b;
	char name[STORE_NAME];
	struct digest k1;

	(void)state;
	digest_bytes("touched", 7, &k1);
	assert_int_equal(entry_save(&s, &k1, &e), 0);
	store_name("entries", &k1, name);
	assert_int_equal(file_id_at(s.dir, name, &a), 0);
	entry_touch(&s, &k1);
	assert_int_equal(file_id_at(s.dir, name, &b), 0);
	assert_true(a.mtime == b.mtime);
	assert_int_equal(utimensat(s.dir, name, old, 0), 0);
	entry_touch(&s, &k1);
	assert_int_equal(file_id_at(s.dir, name, &b), 0);
	assert_true(b.mtime >= a.mtime);
	entry_release(&e);
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
	struct entry e = sample(), back;
	char name[STORE_NAME];
	struct buf b = { 0 };
	struct digest k1;

	(void)state;
	digest_bytes("each byte", 9, &k1);
	store_name("entries", &k1, name);
	entry_encode(&e, &b);
	for (size_t i = 0; i < b.len * 2; i++) {
		put_damaged(name, &b, i / 2, i % 2);
		assert_int_equal(entry_load(&s, &k1, &back), ERR_CORRUPT);
		assert_int_equal(faccessat(s.dir, name, F_OK, 0), -1);
	}
	buf_free(&b);
	entry_release(&e);
}

static void
newer_entries_are_left_alone(void **state)
{
	char name[STORE_NAME];
	struct buf b = { 0 };
	struct entry back;
	struct digest k1;

	(void)state;
	digest_bytes("newer", 5, &k1);
	store_name("entries", &k1, name);
	record_seal(&b, 'e', 2, "\220", 1);
	assert_int_equal(file_publish(s.dir, "tmp/x", name, b.p, b.len), 0);
	assert_int_equal(entry_load(&s, &k1, &back), ERR_NEWER);
	assert_int_equal(faccessat(s.dir, name, F_OK, 0), 0);
	/* A sound record of another type is no entry. */
	buf_reset(&b);
	record_seal(&b, 'm', 1, "\220", 1);
	assert_int_equal(entry_decode(b.p, b.len, &back), ERR_CORRUPT);
	buf_free(&b);
}

/* What has the right frame and the wrong content. */
static void
impossible_values_are_refused(void **state)
{
	struct entry e = sample(), back;
	struct buf b = { 0 };

	(void)state;
	e.out[0].role = (enum entry_role)4;
	entry_encode(&e, &b);
	assert_int_equal(entry_decode(b.p, b.len, &back), ERR_CORRUPT);
	e.out[0].role = ENTRY_METADATA;
	e.out[1].exec = 2;
	buf_reset(&b);
	entry_encode(&e, &b);
	assert_int_equal(entry_decode(b.p, b.len, &back), ERR_CORRUPT);
	e.out[1].exec = 1;
	memcpy(e.roots, "wt", 3);
	buf_reset(&b);
	entry_encode(&e, &b);
	assert_int_equal(entry_decode(b.p, b.len, &back), 0);
	assert_string_equal(back.roots, "wt");
	assert_int_equal(back.out[0].role, ENTRY_METADATA);
	entry_release(&back);
	buf_free(&b);
	entry_release(&e);
}

/* B, whose content has 12 elements, with only the first N, which are LEN
 * bytes. */
static void
shorten(const struct buf *b, unsigned n, size_t len, struct entry *out)
{
	struct buf old = { 0 };

	b->p[RECORD_HEAD] = (char)(0x90 + n);
	record_seal(&old, 'e', 1, b->p + RECORD_HEAD, len);
	assert_int_equal(entry_decode(old.p, old.len, out), 0);
	b->p[RECORD_HEAD] = (char)0x9c;
	buf_free(&old);
}

/* Entries of the first releases end before the origin, or the input list. */
static void
old_entries_say_less(void **state)
{
	static const struct digest none;
	struct entry e = sample(), back;
	struct buf b = { 0 };
	size_t len;

	(void)state;
	e.origin = ENTRY_PREFETCHED;
	digest_bytes("shape", 5, &e.inputs);
	entry_encode(&e, &b);
	len = b.len - RECORD_HEAD;
	assert_int_equal(entry_decode(b.p, b.len, &back), 0);
	assert_int_equal(back.origin, ENTRY_PREFETCHED);
	assert_true(digest_eq(&back.inputs, &e.inputs));
	entry_release(&back);
	assert_int_equal((unsigned char)b.p[RECORD_HEAD], 0x9c);
	shorten(&b, 11, len - 2 - DIGEST_LEN, &back);
	assert_int_equal(back.origin, ENTRY_PREFETCHED);
	assert_true(digest_eq(&back.inputs, &none));
	same(&back, &e);
	entry_release(&back);
	shorten(&b, 10, len - 3 - DIGEST_LEN, &back);
	assert_int_equal(back.origin, ENTRY_MADE);
	same(&back, &e);
	entry_release(&back);
	entry_release(&e);
	buf_free(&b);
}

static void
content_is_what_a_hit_gives(void **state)
{
	struct entry e = sample();
	struct digest a, b;

	(void)state;
	entry_content(&e, &a);
	/* When, how and by whom is no content. */
	e.stored_ms++;
	e.compile_us++;
	e.origin = ENTRY_ASKED;
	entry_content(&e, &b);
	assert_true(digest_eq(&a, &b));
	e.out[1].blob.b[0] ^= 1;
	entry_content(&e, &b);
	assert_false(digest_eq(&a, &b));
	e.out[1].blob.b[0] ^= 1;
	e.out[0].name[3] = 'b';
	entry_content(&e, &b);
	assert_false(digest_eq(&a, &b));
	memcpy(e.out[0].name, "liba-1.rlib", 12);
	entry_content(&e, &a);
	e.out[0].blob.b[0] ^= 1;
	entry_content(&e, &b);
	assert_true(digest_eq(&a, &b));
	buf_str(&e.stdout_text, "x");
	entry_content(&e, &b);
	assert_false(digest_eq(&a, &b));
	entry_release(&e);
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

/* A .dwo of each code generation unit. */
static void
many_outputs_come_back(void **state)
{
	struct entry e = { .nout = ENTRY_OUTPUTS_MAX }, back;
	struct digest k1;

	(void)state;
	for (size_t i = 0; i < e.nout; i++) {
		snprintf(e.out[i].name, sizeof(e.out[i].name), "a.%zu.dwo", i);
		e.out[i].role = ENTRY_SIDE;
		e.out[i].size = i;
	}
	digest_bytes("many", 4, &k1);
	assert_int_equal(entry_save(&s, &k1, &e), 0);
	memset(&back, 0xff, sizeof(back));
	assert_int_equal(entry_load(&s, &k1, &back), 0);
	assert_int_equal(back.nout, e.nout);
	for (size_t i = 0; i < e.nout; i++) {
		assert_string_equal(back.out[i].name, e.out[i].name);
		assert_int_equal(back.out[i].role, ENTRY_SIDE);
		assert_int_equal(back.out[i].size, i);
	}
	entry_release(&back);
}

static void
a_later_versions_entry_is_not_replaced(void **state)
{
	struct entry e = { 0 }, back;
	struct buf b = { 0 }, is = { 0 };
	char name[STORE_NAME];
	struct digest k1;

	(void)state;
	digest_bytes("later", 5, &k1);
	assert_int_equal(entry_save(&s, &k1, &e), 0);
	store_name("entries", &k1, name);
	record_seal(&b, 'e', 2, "\221\300", 2);
	assert_int_equal(file_publish(s.dir, "tmp/x", name, b.p, b.len), 0);
	assert_int_equal(entry_load(&s, &k1, &back), ERR_NEWER);
	assert_int_equal(entry_save(&s, &k1, &e), ERR_NEWER);
	assert_int_equal(file_read(s.dir, name, 1 << 20, &is), 0);
	assert_int_equal(is.len, b.len);
	assert_memory_equal(is.p, b.p, b.len);
	buf_free(&is);
	/* One that does not verify is nobody's. */
	b.p[b.len - 1]++;
	assert_int_equal(file_publish(s.dir, "tmp/x", name, b.p, b.len), 0);
	assert_int_equal(entry_save(&s, &k1, &e), 0);
	assert_int_equal(entry_load(&s, &k1, &back), 0);
	entry_release(&back);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_outputs_come_back),
		cmocka_unit_test(a_later_versions_entry_is_not_replaced),
		cmocka_unit_test(what_was_saved_loads),
		cmocka_unit_test(damage_is_a_miss_and_goes),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(hostile_names_are_refused),
		cmocka_unit_test(touch_moves_only_old_times),
		cmocka_unit_test(damaged_files_are_removed_wherever_it_is),
		cmocka_unit_test(newer_entries_are_left_alone),
		cmocka_unit_test(impossible_values_are_refused),
		cmocka_unit_test(old_entries_say_less),
		cmocka_unit_test(content_is_what_a_hit_gives),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
