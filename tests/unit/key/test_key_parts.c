/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/key_parts.h"

#include "base/buf.h"
#include "key/run_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* A key of one variable and one argument. */
static struct digest
make_list(const char *value, const char *argument, struct buf *list)
{
	struct key_parts p;
	struct digest key;

	key_parts_begin(&p, "form", list);
	key_parts_str(&p, KEY_VARIABLE, "NAME", value);
	key_parts_str(&p, KEY_ARGUMENT, "-C ", argument);
	assert_int_equal(key_parts_end(&p, &key), 0);
	return key;
}

static void
say(const char *value, const char *argument, const char *want, size_t count)
{
	struct buf old = { 0 }, now = { 0 }, text = { 0 };

	make_list("secret", "opt-level=0", &old);
	make_list(value, argument, &now);
	assert_int_equal(key_parts_differ(old.p, old.len, &now, &text), count);
	assert_string_equal(text.p, want);
	buf_free(&old);
	buf_free(&now);
	buf_free(&text);
}

static void
what_differs_is_said(void **state)
{
	(void)state;
	say("other", "opt-level=0", "VNAME", 1);
	say("secret", "lto", ">A-C lto | <A-C opt-level=0", 2);
	say("other", "lto", "VNAME | >A-C lto | <A-C opt-level=0", 3);
	say("secret", "opt-level=0", "R", 0);
}

static void
hashes_tell_nothing_but_themselves(void **state)
{
	struct buf old = { 0 }, now = { 0 }, text = { 0 };

	(void)state;
	make_list("a", "metadata=1", &old);
	make_list("a", "metadata=2", &now);
	assert_int_equal(key_parts_differ(old.p, old.len, &now, &text), 0);
	assert_string_equal(text.p, "H");
	buf_free(&old);
	buf_free(&now);
	buf_free(&text);
}

static void
many_differences_are_counted(void **state)
{
	struct buf old = { 0 }, now = { 0 }, text = { 0 };
	static const char *const labels[] = {
		"a", "b", "c", "d", "e", "f", "g"
	};
	struct key_parts p;
	struct digest key;

	(void)state;
	make_list("a", "b", &old);
	key_parts_begin(&p, "form", &now);
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		key_parts_str(&p, KEY_VARIABLE, labels[i], "");
	assert_int_equal(key_parts_end(&p, &key), 0);
	assert_int_equal(key_parts_differ(old.p, old.len, &now, &text), 9);
	assert_string_equal(text.p, "Va | Vb | Vc | Vd | Ve | Vf | +3");
	buf_free(&old);
	buf_free(&now);
	buf_free(&text);
}

/* Values of variables may be secrets, and those of arguments long. */
static void
values_are_kept_short(void **state)
{
	char text[1000];
	struct buf list = { 0 }, other = { 0 };

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	make_list("secret", text, &list);
	assert_null(memmem(list.p, list.len, "secret", 6));
	assert_true(list.len < 200);
	text[900] = 'y';
	make_list("secret", text, &other);
	assert_int_equal(list.len, other.len);
	assert_memory_not_equal(list.p, other.p, list.len);
	buf_free(&list);
	buf_free(&other);
}

static void
the_list_does_not_change_the_key(void **state)
{
	struct buf list = { 0 };
	struct digest a = make_list("1", "2", &list);
	struct digest b = make_list("1", "2", NULL);
	struct digest c = make_list("1", "3", NULL);

	(void)state;
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&a, &c, sizeof(a));
	buf_free(&list);
}

static void
each_kind_has_a_letter_and_a_text(void **state)
{
	static const char letters[] = {
#define KEY_PART(name, letter, record, text) letter,
#include "key/key_parts.def"
		'H', 'R', '\0'
	};
	bool alone;

	(void)state;
	for (const char *p = letters; *p; p++) {
		assert_null(strchr(p + 1, *p));
		assert_non_null(key_parts_text(p, &alone));
		assert_int_equal(alone, *p != 'A' && *p != 'V');
	}
	assert_null(key_parts_text("", &alone));
	assert_null(key_parts_text("fw/a", &alone));
}

static struct digest
run_of(const struct run_in *in, struct buf *list)
{
	struct digest k0;

	assert_int_equal(run_key(in, &k0, list), 0);
	return k0;
}

/* What a run is told from others by is in its list. */
static void
parts_of_runs_are_told(void **state)
{
	struct digest one = { { 1 } }, two = { { 2 } };
	const uint64_t ids[2][3] = { { 1, 2, 3 }, { 1, 2, 4 } };
	const struct run_in plain = { .program = &one, .toolchain = &one };
	struct run_in other[] = { plain, plain, plain, plain, plain, plain };
	static const char *const want[] = { "P", "T", "U", "N", "D", "D" };
	struct buf old = { 0 };
	struct digest k0 = run_of(&plain, &old);

	(void)state;
	other[0].program = &two;
	other[1].toolchain = &two;
	other[2].root = true;
	other[3].called = "x";
	other[4].declared = "";
	other[5].project = ids[0];
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct buf now = { 0 }, text = { 0 };
		struct digest d = run_of(&other[i], &now);

		assert_memory_not_equal(&d, &k0, sizeof(d));
		key_parts_differ(old.p, old.len, &now, &text);
		assert_string_equal(text.p, want[i]);
		buf_free(&now);
		buf_free(&text);
	}
	k0 = run_of(&other[5], NULL);
	other[5].project = ids[1];
	one = run_of(&other[5], NULL);
	assert_memory_not_equal(&one, &k0, sizeof(one));
	buf_free(&old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_is_said),
		cmocka_unit_test(hashes_tell_nothing_but_themselves),
		cmocka_unit_test(many_differences_are_counted),
		cmocka_unit_test(values_are_kept_short),
		cmocka_unit_test(the_list_does_not_change_the_key),
		cmocka_unit_test(each_kind_has_a_letter_and_a_text),
		cmocka_unit_test(parts_of_runs_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
