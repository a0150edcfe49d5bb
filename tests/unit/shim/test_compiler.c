/* SPDX-License-Identifier: Apache-2.0 */
/* Which compilers are known, and the lines by which they announce outputs. */
#include "shim/compiler.h"

#include "base/buf.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define WORDS(...) \
	(char *[]) \
	{ \
		__VA_ARGS__ \
	}

static void
compilers_are_known_by_name(void **state)
{
	const struct compiler *c;

	(void)state;
	c = compiler_find(2, WORDS("/x/bin/rustc", "-vV"));
	assert_non_null(c);
	assert_int_equal(c->words, 1);
	assert_null(c->conf);
	c = compiler_find(3, WORDS("clippy-driver", "/x/rustc", "-vV"));
	assert_non_null(c);
	assert_int_equal(c->words, 2);
	assert_true(c->beside);
	assert_non_null(c->conf);
}

static void
others_are_not(void **state)
{
	(void)state;
	assert_null(compiler_find(2, WORDS("/x/bin/rustdoc", "a.rs")));
	assert_null(compiler_find(2, WORDS("/x/rustc/cc", "a.c")));
	assert_null(compiler_find(0, WORDS("rustc")));
	/* As a workspace wrapper it is called with rustc's name and words. */
	assert_null(compiler_find(2, WORDS("clippy-driver", "rustc")));
	assert_null(compiler_find(3, WORDS("clippy-driver", "a.rs", "-vV")));
}

static void
what_is_written_is_read(void **state)
{
	struct announcement a;
	struct buf b = { 0 };

	(void)state;
	announcement_write("/w/a \"b\"\\c", "liba.rlib", "link", &b);
	assert_true(announcement_is(b.p, b.len));
	assert_int_equal(announcement_read(b.p, b.len, &a), 0);
	assert_string_equal(a.path, "/w/a \"b\"\\c/liba.rlib");
	assert_string_equal(a.emit, "link");
	free(a.path);
	buf_free(&b);
}

static int
read_line(const char *line)
{
	struct announcement a = { NULL, "" };
	int r = announcement_read(line, strlen(line), &a);

	free(a.path);
	return r;
}

static void
old_compilers_do_not_name_the_type(void **state)
{
	static const char line[] =
		"{\"artifact\":\"/t/x\",\"emit\":\"metadata\"}\n";

	(void)state;
	assert_true(announcement_is(line, sizeof(line) - 1));
	assert_int_equal(read_line(line), 0);
	assert_false(announcement_is("{\"message\":\"artifact\"}", 22));
	assert_false(announcement_is("{\"artifact\":\"", 13));
}

static void
what_cannot_be_understood_is_said(void **state)
{
	(void)state;
	assert_int_equal(read_line("{\"artifact\":\"/t/x\"}"), ERR_CORRUPT);
	assert_int_equal(read_line("{\"emit\":\"link\"}"), ERR_CORRUPT);
	assert_int_equal(read_line("{\"artifact\":\"/"
				   "t\",\"emit\":\"much-too-long-kind\"}"),
			 ERR_CORRUPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compilers_are_known_by_name),
		cmocka_unit_test(others_are_not),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(old_compilers_do_not_name_the_type),
		cmocka_unit_test(what_cannot_be_understood_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
