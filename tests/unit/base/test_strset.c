/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/strset.h"


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static void
members_are_found(void **state)
{
	struct strset s = { 0 };
	int one, two;
	char key[] = "volatile";

	(void)state;
	assert_false(strset_has(&s, "x"));
	assert_null(strset_get(&s, "x"));
	assert_true(strset_add(&s, "x", &one));
	assert_false(strset_add(&s, "x", &two));
	assert_ptr_equal(strset_get(&s, "x"), &two);
	strset_add(&s, key, &one);
	key[0] = 'V';
	assert_true(strset_has(&s, "volatile"));
	strset_free(&s);
	strset_free(&s);
}

static void
many_members(void **state)
{
	struct strset s = { 0 };
	char key[16];
	int i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_true(strset_add(&s, key, NULL));
	}
	assert_int_equal(s.count, 5000);
	for (i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_true(strset_has(&s, key));
	}
	assert_false(strset_has(&s, "k5000"));
	assert_false(s.failed);
	strset_free(&s);
}

static void
directories_cover_what_is_below(void **state)
{
	struct strset s = { 0 };

	(void)state;
	strset_add(&s, "/a/b", NULL);
	assert_true(strset_covers(&s, "/a/b"));
	assert_true(strset_covers(&s, "/a/b/c/d"));
	assert_false(strset_covers(&s, "/a/bc"));
	assert_false(strset_covers(&s, "/a"));
	strset_free(&s);
	strset_add_above(&s, "/x/y/z");
	assert_true(strset_has(&s, "/x/y"));
	assert_true(strset_has(&s, "/x"));
	assert_false(strset_has(&s, "/x/y/z"));
	strset_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(many_members),
		cmocka_unit_test(directories_cover_what_is_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
