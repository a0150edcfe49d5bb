/* SPDX-License-Identifier: Apache-2.0 */
#include "key/witness.h"

#include "base/buf.h"
#include "base/err.h"
#include "key/inputs.h"
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
	struct inputs s = { 0 };

	for (; *items; items++)
		assert_int_equal(
			inputs_add(&s, **items, *items + 1, strlen(*items + 1)),
			0);
	assert_int_equal(inputs_finish(&s), 0);
	assert_int_equal(witness_tags(&s, r, get, got), 0);
	assert_string_equal(got, want);
	inputs_free(&s);
}

#define TAGS(r, want, ...) \
	tags(r, (const char *const[]){ __VA_ARGS__, NULL }, want)

static void
what_the_inputs_names_matters(void **state)
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

/* The registry's packages and the home stay where they are. */
static void
another_checkout_is_reached_after_a_second(void **state)
{
	struct roots a = place("/w/a", "/root"), b = place("/w/bbb", "/root");
	struct roots c = place("/w/cc", "/root"),
		     d = place("/w/in/cc", "/home/x");
	struct digest k1 = { { 1 } }, at_b, at_c, at_d;
	struct witness first = see(&a, "Otwh", 5), now = see(&b, "Otwh", 5);

	(void)state;
	assert_int_equal(witness_compare(&first, &now, &b), WITNESS_CHECKOUT);
	witness_key(&k1, &b, "Otwh", WITNESS_CHECKOUT, &at_b);
	witness_key(&k1, &c, "Otwh", WITNESS_CHECKOUT, &at_c);
	witness_key(&k1, &d, "Otwh", WITNESS_CHECKOUT, &at_d);
	assert_true(digest_eq(&at_b, &at_c));
	/* Nobody bore witness of another home. */
	assert_false(digest_eq(&at_c, &at_d));
	now = see(&d, "Otwh", 5);
	assert_int_equal(witness_compare(&first, &now, &d), WITNESS_ANYWHERE);
	witness_key(&k1, &b, "Otwh", WITNESS_ANYWHERE, &at_b);
	witness_key(&k1, &d, "Otwh", WITNESS_ANYWHERE, &at_d);
	assert_true(digest_eq(&at_b, &at_d));
	/* A home that does not matter may be another. */
	now = see(&d, "Otw", 5);
	first = see(&a, "Otw", 5);
	assert_int_equal(witness_compare(&first, &now, &d), WITNESS_ANYWHERE);
}

static void
packages_of_a_registry_do_not_move(void **state)
{
	struct roots a = place("/w/a", "/root"), b = place("/w/bbb", "/root");
	struct witness first, now;

	(void)state;
	a.r[2] = b.r[2] = (struct root){ 'w', 0, "/opt/cargo/x", 12, NULL };
	first = see(&a, "Otwc", 5);
	now = see(&b, "Otwc", 5);
	assert_int_equal(witness_compare(&first, &now, &b), WITNESS_CHECKOUT);
	/* A workspace's own must. */
	a.r[2] = b.r[2] = (struct root){ 'w', 0, "/fixed/x", 8, NULL };
	first = see(&a, "Otwc", 5);
	now = see(&b, "Otwc", 5);
	assert_int_equal(witness_compare(&first, &now, &b), WITNESS_HERE);
}

/* What is made of a directory's name, or of its depth, must show. */
static void
the_checkout_must_have_another_name(void **state)
{
	struct roots a = place("/w/x/proj", "/root");
	struct roots b = place("/w/yyy/proj", "/home/x");
	struct roots c = place("/w/x/other", "/home/x");
	struct roots d = place("/w/deeper/in/other", "/home/x");
	struct witness first = see(&a, "Otwh", 5), now = see(&b, "Otwh", 5);

	(void)state;
	assert_int_equal(witness_compare(&first, &now, &b), WITNESS_NAMED);
	now = see(&c, "Otwh", 5);
	assert_int_equal(witness_compare(&first, &now, &c), WITNESS_CHECKOUT);
	now = see(&d, "Otwh", 5);
	assert_int_equal(witness_compare(&first, &now, &d), WITNESS_ANYWHERE);
}

/* Two of one name say something about checkouts of that name. */
static void
checkouts_of_one_name_share(void **state)
{
	struct roots a = place("/w/x/proj", "/root");
	struct roots b = place("/w/yyy/proj", "/root");
	struct roots up = place("/deeper/w/x/proj", "/root");
	struct roots third = place("/elsewhere/proj", "/root");
	struct roots other = place("/elsewhere/other", "/root");
	struct roots moved = place("/elsewhere/proj", "/home/x");
	struct digest k1 = { { 1 } }, at_b, at;
	struct witness first = see(&a, "Otwh", 5), now = see(&b, "Otwh", 5);

	(void)state;
	assert_int_equal(witness_compare(&first, &now, &b), WITNESS_NAMED);
	witness_key(&k1, &b, "Otwh", WITNESS_NAMED, &at_b);
	witness_key(&k1, &third, "Otwh", WITNESS_NAMED, &at);
	assert_true(digest_eq(&at_b, &at));
	witness_key(&k1, &other, "Otwh", WITNESS_NAMED, &at);
	assert_false(digest_eq(&at_b, &at));
	/* Nobody bore witness of another home. */
	witness_key(&k1, &moved, "Otwh", WITNESS_NAMED, &at);
	assert_false(digest_eq(&at_b, &at));
	/* The name above may be what it is made of. */
	now = see(&up, "Otwh", 5);
	assert_int_equal(witness_compare(&first, &now, &up), WITNESS_HERE);
	now = see(&b, "Otwh", 6);
	assert_int_equal(witness_compare(&first, &now, &b), ERR_CHANGED);
}

static void
every_reach_has_its_key(void **state)
{
	struct roots a = place("/w/a", "/root");
	struct digest k1 = { { 1 } }, at[WITNESS_REACHES + 1];

	(void)state;
	for (int i = 0; i <= WITNESS_REACHES; i++) {
		witness_key(&k1, &a, "Otwh", i, &at[i]);
		for (int k = 0; k < i; k++)
			assert_false(digest_eq(&at[i], &at[k]));
	}
}

static void
equal_lengths_prove_nothing(void **state)
{
	struct roots a = place("/w/a", "/root"), b = place("/w/b", "/root");
	struct witness first = see(&a, "Otwh", 5), now = see(&b, "Otwh", 5);

	(void)state;
	assert_int_equal(witness_compare(&first, &now, &b), WITNESS_HERE);
	now = see(&a, "Otwh", 5);
	assert_int_equal(witness_compare(&first, &now, &a), WITNESS_HERE);
}

static void
another_result_reaches_nowhere(void **state)
{
	struct roots a = place("/w/a", "/root"), b = place("/w/b", "/root");
	struct witness first = see(&a, "Otwh", 5), now = see(&b, "Otwh", 6);

	(void)state;
	assert_int_equal(witness_compare(&first, &now, &b), ERR_CHANGED);
	/* In its own place a script may give what it likes. */
	now = see(&a, "Otwh", 6);
	assert_int_equal(witness_compare(&first, &now, &a), WITNESS_HERE);
}

static void
records_come_back(void **state)
{
	struct roots a = place("/w/a", "/root");
	struct witness w = see(&a, "Otwch", 5), got;
	struct buf text = { 0 };

	(void)state;
	witness_write(&w, &text);
	memset(&got, 0xff, sizeof(got));
	assert_int_equal(witness_read(text.p, text.len, &got), 0);
	assert_int_equal(got.n, w.n);
	assert_true(digest_eq(&got.content, &w.content));
	for (size_t i = 0; i < w.n; i++) {
		assert_int_equal(got.place[i].tag, w.place[i].tag);
		assert_int_equal(got.place[i].len, w.place[i].len);
		assert_true(got.place[i].which == w.place[i].which);
		assert_true(got.place[i].last == w.place[i].last);
		assert_true(got.place[i].above == w.place[i].above);
		assert_int_equal(got.place[i].depth, w.place[i].depth);
	}
	for (size_t n = 0; n < text.len; n++) {
		struct witness cut = { .n = 77 };

		if (witness_read(text.p, n, &cut) < 0)
			assert_int_equal(cut.n, 77);
		else
			assert_true(cut.n <= w.n);
	}
	assert_int_equal(witness_read("run2 x", 6, &got), ERR_CORRUPT);
	buf_free(&text);
}

static struct digest
speech(const char *text)
{
	struct digest_ctx c;
	struct digest d;

	digest_init(&c);
	witness_speech(&c, text, strlen(text));
	digest_end(&c, &d);
	return d;
}

static bool
says_the_same(const char *a, const char *b)
{
	struct digest x = speech(a), y = speech(b);

	return digest_eq(&x, &y);
}

static void
only_what_cargo_hears_counts(void **state)
{
	(void)state;
	assert_true(says_the_same("CC = None\ncargo:a=b\nAR = None\n",
				  "AR = None\nCC = None\ncargo:a=b"));
	assert_true(says_the_same("", "running cc\n cargo:x\n"));
	assert_false(says_the_same("cargo:a=b\n", "cargo:a=c\n"));
	assert_false(says_the_same("cargo:a\ncargo:b\n", "cargo:b\ncargo:a\n"));
	assert_false(says_the_same("cargo:a\ncargo:b\n", "cargo:acargo:b\n"));
	assert_false(says_the_same("cargo::a\n", "cargo:a\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_inputs_names_matters),
		cmocka_unit_test(another_checkout_is_reached_after_a_second),
		cmocka_unit_test(packages_of_a_registry_do_not_move),
		cmocka_unit_test(the_checkout_must_have_another_name),
		cmocka_unit_test(checkouts_of_one_name_share),
		cmocka_unit_test(every_reach_has_its_key),
		cmocka_unit_test(equal_lengths_prove_nothing),
		cmocka_unit_test(another_result_reaches_nowhere),
		cmocka_unit_test(records_come_back),
		cmocka_unit_test(only_what_cargo_hears_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
