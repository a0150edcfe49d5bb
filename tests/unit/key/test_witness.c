/* SPDX-License-Identifier: Apache-2.0 */
#include "key/witness.h"

#include "base/buf.h"
#include "base/err.h"
#include "key/shape.h"
#include "rustc/roots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const char *include_dir;

static const char *
get(const char *name)
{
	return !strcmp(name, "INCLUDE") ? include_dir : NULL;
}

static struct roots
place(const char *checkout, const char *home)
{
	static char text[16][64];
	static size_t next;
	struct roots r = { .count = 0 };
	const char *const below[] = { "/target/b/out", "/target", "" };

	for (size_t i = 0; i < 3; i++) {
		char *to = text[next++ % 16];

		snprintf(to, sizeof(text[0]), "%s%s", checkout, below[i]);
		r.r[r.count++] =
			(struct root){ "Otw"[i], 0, to, strlen(to), NULL };
	}
	r.r[r.count++] = (struct root){ 'c', 0, "/opt/cargo", 10, NULL };
	r.r[r.count++] = (struct root){ 'h', 0, home, strlen(home), NULL };
	return r;
}

static void
tags(const struct roots *r, const char *const *items, const char *want)
{
	char got[WITNESS_PLACES + 1];
	struct shape s = { 0 };

	for (; *items; items++)
		assert_int_equal(
			shape_add(&s, **items, *items + 1, strlen(*items + 1)),
			0);
	assert_int_equal(shape_finish(&s), 0);
	assert_int_equal(witness_tags(&s, r, get, got), 0);
	assert_string_equal(got, want);
	shape_free(&s);
}

#define TAGS(r, want, ...) \
	tags(r, (const char *const[]){ __VA_ARGS__, NULL }, want)

static void
what_the_shape_names_matters(void **state)
{
	struct roots r = place("/w/a", "/root"), at_home;

	(void)state;
	TAGS(&r, "Otw", "fw/x", "f/usr/x", "vOTHER", "ph");
	TAGS(&r, "Otwh", "ah/.config");
	include_dir = "-I/opt/cargo/x -I/usr";
	TAGS(&r, "Otwc", "vINCLUDE");
	TAGS(&r, "Otwch", "E*");
	/* Who knows the checkout's path knows that of the home above it. */
	at_home = place("/root/a", "/root");
	TAGS(&at_home, "Otwh", "fw/x");
}

static struct witness
see(const struct roots *r, const char *tags, int content)
{
	struct digest d = { { (uint8_t)content } };
	struct witness w;

	witness_here(r, tags, &d, &w);
	return w;
}

static void
roots_of_another_length_become_free(void **state)
{
	struct roots a = place("/w/a", "/root"), b = place("/w/bbb", "/root");
	struct roots c = place("/w/cc", "/root"), d = place("/w/a", "/home/x");
	struct digest k1 = { { 1 } }, at_b, at_c, at_d, here_b, here_c;
	struct witness w = see(&a, "Otwh", 5), now = see(&b, "Otwh", 5);

	(void)state;
	assert_false(witness_agreed(&w));
	assert_true(witness_join(&w, &now));
	assert_true(witness_agreed(&w));
	assert_false(witness_join(&w, &now));
	witness_key_free(&k1, &b, &w, &at_b);
	witness_key_free(&k1, &c, &w, &at_c);
	witness_key_free(&k1, &d, &w, &at_d);
	assert_true(digest_eq(&at_b, &at_c));
	/* Nobody bore witness of another home. */
	assert_false(digest_eq(&at_b, &at_d));
	witness_key_here(&k1, &b, "Otwh", &here_b);
	witness_key_here(&k1, &c, "Otwh", &here_c);
	assert_false(digest_eq(&here_b, &here_c));
	assert_false(digest_eq(&here_b, &at_b));
	/* Somebody does. */
	now = see(&d, "Otwh", 5);
	assert_true(witness_join(&w, &now));
	witness_key_free(&k1, &d, &w, &at_d);
	witness_key_free(&k1, &c, &w, &at_c);
	assert_true(digest_eq(&at_c, &at_d));
}

static void
equal_lengths_prove_nothing(void **state)
{
	struct roots a = place("/w/a", "/root"), b = place("/w/b", "/root");
	struct witness w = see(&a, "Otwh", 5), now = see(&b, "Otwh", 5);

	(void)state;
	assert_false(witness_join(&w, &now));
	assert_false(witness_agreed(&w));
	now = see(&a, "Otwh", 5);
	assert_false(witness_join(&w, &now));
	assert_false(witness_agreed(&w));
}

static void
one_that_differs_decides_for_ever(void **state)
{
	struct roots a = place("/w/a", "/root"), b = place("/w/bbb", "/root");
	struct roots c = place("/w/cc", "/root");
	struct witness w = see(&a, "Otwh", 5), now = see(&b, "Otwh", 5);

	(void)state;
	assert_true(witness_join(&w, &now));
	now = see(&c, "Otwh", 6);
	assert_true(witness_join(&w, &now));
	assert_false(witness_agreed(&w));
	now = see(&b, "Otwh", 5);
	assert_false(witness_join(&w, &now));
	assert_false(witness_agreed(&w));
	/* In its own place a script may give what it likes. */
	w = see(&a, "Otwh", 5);
	now = see(&a, "Otwh", 6);
	assert_false(witness_join(&w, &now));
	assert_false(w.differs);
}

static void
records_come_back(void **state)
{
	struct roots a = place("/w/a", "/root"), b = place("/w/bbb", "/root");
	struct witness w = see(&a, "Otwch", 5), now = see(&b, "Otwch", 5), got;
	struct buf text = { 0 };

	(void)state;
	witness_join(&w, &now);
	witness_write(&w, &text);
	memset(&got, 0xff, sizeof(got));
	assert_int_equal(witness_read(text.p, text.len, &got), 0);
	assert_int_equal(got.n, w.n);
	assert_true(digest_eq(&got.content, &w.content));
	for (size_t i = 0; i < w.n; i++) {
		assert_int_equal(got.place[i].tag, w.place[i].tag);
		assert_int_equal(got.place[i].len, w.place[i].len);
		assert_int_equal(got.place[i].free, w.place[i].free);
		assert_true(got.place[i].which == w.place[i].which);
	}
	for (size_t n = 0; n < text.len; n++) {
		struct witness cut = { .n = 77 };

		if (witness_read(text.p, n, &cut) < 0)
			assert_int_equal(cut.n, 77);
		else
			assert_true(cut.n <= w.n);
	}
	assert_int_equal(witness_read("run1 x 0", 8, &got), ERR_CORRUPT);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_shape_names_matters),
		cmocka_unit_test(roots_of_another_length_become_free),
		cmocka_unit_test(equal_lengths_prove_nothing),
		cmocka_unit_test(one_that_differs_decides_for_ever),
		cmocka_unit_test(records_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
