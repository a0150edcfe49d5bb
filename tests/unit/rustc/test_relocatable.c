/* SPDX-License-Identifier: Apache-2.0 */
#include "rustc/relocatable.h"

#include "base/buf.h"
#include "base/err.h"
#include "rustc/roots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ROOT(tag, path) \
	{ \
		(tag), 0, (path), sizeof(path) - 1, NULL \
	}

static const struct roots here = {
	.r = { ROOT('O', "/w/proj/target/debug/build/a-1/out"),
	       ROOT('t', "/w/proj/target"), ROOT('w', "/w/proj"),
	       ROOT('h', "/root") },
	.count = 4,
};

static const struct roots there = {
	.r = { ROOT('O', "/x/o"), ROOT('t', "/x/t"), ROOT('w', "/x/w"),
	       ROOT('h', "/home/u") },
	.count = 4,
};

static void
check(const char *text, const char *moved)
{
	struct buf neutral = { 0 }, back = { 0 }, other = { 0 };

	relocatable_text(&here, text, strlen(text), &neutral);
	assert_int_equal(
		relocatable_expand(&here, neutral.p, neutral.len, &back), 0);
	assert_string_equal(back.p, text);
	assert_int_equal(
		relocatable_expand(&there, neutral.p, neutral.len, &other), 0);
	assert_string_equal(other.p, moved);
	buf_free(&neutral);
	buf_free(&back);
	buf_free(&other);
}

static void
paths_move_with_their_roots(void **state)
{
	(void)state;
	check("cargo:rustc-link-search=native="
	      "/w/proj/target/debug/build/a-1/out/lib\n",
	      "cargo:rustc-link-search=native=/x/o/lib\n");
	check("-I/w/proj/include -L/w/proj/target/x",
	      "-I/x/w/include -L/x/t/x");
	check("/w/proj", "/x/w");
	check("see /w/proj.", "see /x/w.");
	check("(/root/.cargo):/root", "(/home/u/.cargo):/home/u");
}

static void
a_longer_name_is_another_directory(void **state)
{
	(void)state;
	check("/w/proj2/x /w/proj.bak /rooted",
	      "/w/proj2/x /w/proj.bak /rooted");
	check("/w/proj\xc3\xa9/x", "/w/proj\xc3\xa9/x");
	check("http://host/w/proj/x lib/w/proj //w/proj x-I/w/proj",
	      "http://host/w/proj/x lib/w/proj //w/proj x-I/w/proj");
	check("no paths / at all //", "no paths / at all //");
}

static void
what_cannot_be_expanded_is_corrupt(void **state)
{
	static const char *const bad[] = { "\1q\1", "\1O", "x\1Ox", "\1" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct buf out = { 0 };

		assert_int_equal(
			relocatable_expand(&here, bad[i], strlen(bad[i]), &out),
			ERR_CORRUPT);
		buf_free(&out);
	}
}

static void
text_has_no_marks(void **state)
{
	(void)state;
	assert_true(relocatable_is_text("abc\n", 4));
	assert_true(relocatable_is_text("", 0));
	assert_false(relocatable_is_text("a\1b", 3));
	assert_false(relocatable_is_text("a\0b", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_move_with_their_roots),
		cmocka_unit_test(a_longer_name_is_another_directory),
		cmocka_unit_test(what_cannot_be_expanded_is_corrupt),
		cmocka_unit_test(text_has_no_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
