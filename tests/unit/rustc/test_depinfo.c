/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "rustc/depinfo.h"

#include "base/buf.h"
#include "base/err.h"
#include "rustc/args.h"
#include "rustc/roots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const char text[] =
	"/w/target/debug/deps/a-1.d: src/lib.rs src/two\\ words.rs "
	"/w/target/debug/build/a/out/gen.rs\n\n"
	"/w/target/debug/deps/liba-1.rmeta: src/lib.rs src/two\\ words.rs "
	"/w/target/debug/build/a/out/gen.rs\n\n"
	"src/lib.rs:\nsrc/two\\ words.rs:\n"
	"/w/target/debug/build/a/out/gen.rs:\n\n"
	"# env-dep:OUT_DIR=/w/target/debug/build/a/out\n"
	"# env-dep:UNSET\n"
	"# env-dep:TEXT=a\\nb\\\\c\n";

static struct roots
roots_at(const char *cwd, const char *target, const char *out_dir)
{
	static struct args none;
	struct roots_in in = {
		.mode = ROOTS_CHECKOUT,
		.args = &none,
		.cwd = cwd,
		.target = target,
		.out_dir_env = out_dir,
	};
	struct roots r;

	roots_init(&r, &in);
	return r;
}

static void
files_and_variables_are_read(void **state)
{
	struct depinfo d;

	(void)state;
	assert_int_equal(depinfo_read(text, sizeof(text) - 1, &d), 0);
	assert_int_equal(d.nfiles, 3);
	assert_string_equal(d.files[0], "src/lib.rs");
	assert_string_equal(d.files[1], "src/two words.rs");
	assert_int_equal(d.nenvs, 3);
	assert_string_equal(d.envs[0].name, "OUT_DIR");
	assert_true(d.envs[0].set);
	assert_string_equal(d.envs[1].name, "UNSET");
	assert_false(d.envs[1].set);
	depinfo_release(&d);
}

static void
rubbish_is_corrupt(void **state)
{
	struct depinfo d;

	(void)state;
	assert_int_equal(depinfo_read("", 0, &d), ERR_CORRUPT);
	assert_int_equal(depinfo_read("\n\n", 2, &d), ERR_CORRUPT);
	assert_int_equal(depinfo_read("# env-dep:A=b\n", 14, &d), ERR_CORRUPT);
	assert_int_equal(depinfo_read("a: \n", 4, &d), ERR_CORRUPT);
}

static const char *
here(const char *name)
{
	if (strcmp(name, "OUT_DIR") == 0)
		return "/w/target/debug/build/a/out";
	return strcmp(name, "TEXT") == 0 ? "a\nb\\c" : NULL;
}

static const char *
there(const char *name)
{
	if (strcmp(name, "OUT_DIR") == 0)
		return "/o t/her/target/debug/build/a/out";
	return here(name);
}

static void
neutral_form_comes_back_here(void **state)
{
	struct roots r =
		roots_at("/w", "/w/target", "/w/target/debug/build/a/out");
	struct buf neutral = { 0 }, back = { 0 };

	(void)state;
	assert_int_equal(depinfo_neutral(text, sizeof(text) - 1, &r, &neutral),
			 0);
	assert_null(strstr(neutral.p, "/w/"));
	assert_null(strstr(neutral.p, "a\\nb"));
	assert_int_equal(
		depinfo_expand(neutral.p, neutral.len, &r, here, &back), 0);
	assert_string_equal(back.p, text);
	buf_free(&neutral);
	buf_free(&back);
}

static void
another_checkout_gets_its_own_paths(void **state)
{
	struct roots r =
		roots_at("/w", "/w/target", "/w/target/debug/build/a/out");
	struct roots s = roots_at("/o t/her", "/o t/her/target",
				  "/o t/her/target/debug/build/a/out");
	struct buf neutral = { 0 }, back = { 0 }, again = { 0 };

	(void)state;
	assert_int_equal(depinfo_neutral(text, sizeof(text) - 1, &r, &neutral),
			 0);
	assert_int_equal(
		depinfo_expand(neutral.p, neutral.len, &s, there, &back), 0);
	assert_null(strstr(back.p, "/w/"));
	assert_non_null(strstr(back.p, "/o\\ t/her/target/debug/deps/a-1.d:"));
	assert_non_null(strstr(back.p, "OUT_DIR=/o t/her/target/debug/"));
	assert_int_equal(depinfo_neutral(back.p, back.len, &s, &again), 0);
	assert_string_equal(again.p, neutral.p);
	buf_free(&neutral);
	buf_free(&back);
	buf_free(&again);
}

static void
control_bytes_are_refused(void **state)
{
	struct roots r = roots_at("/w", "/w/target", NULL);
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(depinfo_neutral("a: \1t\1/b\n", 9, &r, &out),
			 ERR_CORRUPT);
	assert_int_equal(depinfo_expand("a: \1z\1/b\n", 9, &r, here, &out),
			 ERR_CORRUPT);
	assert_int_equal(depinfo_expand("a: \1t", 5, &r, here, &out),
			 ERR_CORRUPT);
	assert_int_equal(depinfo_expand("a: \2\n", 5, &r, here, &out),
			 ERR_CORRUPT);
	assert_int_equal(depinfo_expand("# env-dep:\2", 11, &r, here, &out),
			 ERR_CORRUPT);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_and_variables_are_read),
		cmocka_unit_test(rubbish_is_corrupt),
		cmocka_unit_test(neutral_form_comes_back_here),
		cmocka_unit_test(another_checkout_gets_its_own_paths),
		cmocka_unit_test(control_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
