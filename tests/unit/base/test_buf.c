/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/buf.h"


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void
additions_are_terminated(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_add(&b, "ab", 2);
	assert_string_equal(b.p, "ab");
	buf_char(&b, 'c');
	buf_str(&b, "de");
	buf_fmt(&b, "%d-%s", 42, "x");
	assert_string_equal(b.p, "abcde42-x");
	assert_int_equal(b.len, 9);
	assert_false(b.failed);
	buf_free(&b);
	assert_null(b.p);
	buf_free(&b);
}

static void
nothing_added_is_a_string_too(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_add(&b, "", 0);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.p, "");
	buf_free(&b);
}

static void
long_text_grows(void **state)
{
	struct buf b = { 0 };
	char *text = malloc(100001);
	int i;

	(void)state;
	memset(text, 'x', 100000);
	text[100000] = '\0';
	for (i = 0; i < 10; i++)
		buf_fmt(&b, "%s", text);
	assert_int_equal(b.len, 1000000);
	assert_int_equal(strlen(b.p), 1000000);
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	buf_str(&b, "again");
	assert_string_equal(b.p, "again");
	buf_free(&b);
	free(text);
}

static void
room_is_writable_and_not_counted(void **state)
{
	struct buf b = { 0 };
	char *p;

	(void)state;
	buf_str(&b, "a");
	p = buf_room(&b, 5000);
	assert_non_null(p);
	memset(p, 'y', 5000);
	assert_int_equal(b.len, 1);
	b.len += 5000;
	buf_char(&b, 'z');
	assert_int_equal(b.len, 5002);
	assert_int_equal(b.p[5001], 'z');
	buf_free(&b);
}

static void
impossible_sizes_fail_once_and_for_all(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_str(&b, "kept");
	assert_null(buf_room(&b, SIZE_MAX));
	assert_true(b.failed);
	buf_str(&b, "dropped");
	assert_int_equal(b.len, 4);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(additions_are_terminated),
		cmocka_unit_test(nothing_added_is_a_string_too),
		cmocka_unit_test(long_text_grows),
		cmocka_unit_test(room_is_writable_and_not_counted),
		cmocka_unit_test(impossible_sizes_fail_once_and_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
