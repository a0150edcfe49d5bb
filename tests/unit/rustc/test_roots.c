/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "rustc/roots.h"

#include "base/buf.h"
#include "base/err.h"
#include "rustc/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct args_search deps = { "dependency", 10, "/w/target/debug/deps" };
static struct args unit = {
	.out_dir = "/w/target/debug/deps/",
	.search = &deps,
	.nsearch = 1,
};

static struct roots
make(enum roots_mode mode)
{
	struct roots_in in = {
		.mode = mode,
		.args = &unit,
		.cwd = "/w",
		.target = "/w/target",
		.out_dir_env = "/w/target/debug/build/x/out",
		.cargo_home = "/home/u/.cargo",
		.rustup_home = "/home/u/.rustup",
		.home = "/home/u",
		.sysroot = "/home/u/.rustup/toolchains/s",
	};
	struct roots r;

	roots_init(&r, &in);
	return r;
}

static void
encodes(const struct roots *r, const char *path, const char *want)
{
	struct buf b = { 0 }, back = { 0 };

	assert_int_equal(roots_encode(r, path, &b), 0);
	assert_string_equal(b.p, want);
	assert_int_equal(roots_decode(r, b.p, b.len, &back), 0);
	assert_string_equal(back.p, path);
	buf_free(&b);
	buf_free(&back);
}

static void
the_longest_root_wins(void **state)
{
	struct roots r = make(ROOTS_MACHINE);

	(void)state;
	encodes(&r, "/w", "w");
	encodes(&r, "/w/src/a.rs", "w/src/a.rs");
	encodes(&r, "/w/target/x", "t/x");
	encodes(&r, "/w/target/debug/deps/liba.rlib", "o/liba.rlib");
	encodes(&r, "/w/target/debug/build/x/out/g.rs", "O/g.rs");
	encodes(&r, "/home/u/.cargo/registry/a", "c/registry/a");
	encodes(&r, "/home/u/.cargo2/a", "h/.cargo2/a");
	encodes(&r, "/home/u/.rustup/toolchains/s/lib", "s/lib");
	encodes(&r, "/home/other", "/home/other");
	encodes(&r, "/", "/");
	encodes(&r, "/wx/y", "/wx/y");
}

/* A build script runs in the package, wherever that lies. */
static void
a_package_may_be_a_root_below_cargo_home(void **state)
{
	struct roots_in in = { .mode = ROOTS_MACHINE,
			       .args = &unit,
			       .cwd = "/home/u/.cargo/registry/src/i/a-1.0.0",
			       .cargo_home = "/home/u/.cargo" };
	struct roots r;
	size_t used;

	(void)state;
	roots_init(&r, &in);
	assert_null(roots_find(&r, "w", 1, &used));
	encodes(&r, "/home/u/.cargo/registry/src/i/a-1.0.0/build.rs",
		"c/registry/src/i/a-1.0.0/build.rs");
	in.cwd_always = true;
	in.cwd_name = ".";
	roots_init(&r, &in);
	assert_string_equal(roots_find(&r, "w", 1, &used)->to, ".");
	encodes(&r, "/home/u/.cargo/registry/src/i/a-1.0.0/build.rs",
		"w/build.rs");
}

static void
roots_that_are_not_remapped_are_none(void **state)
{
	struct roots r = make(ROOTS_CHECKOUT);

	(void)state;
	encodes(&r, "/w/src/a.rs", "w/src/a.rs");
	encodes(&r, "/home/u/.cargo/registry/a", "/home/u/.cargo/registry/a");
	r = make(ROOTS_NONE);
	encodes(&r, "/w/src/a.rs", "/w/src/a.rs");
}

static void
what_cannot_be_encoded_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"relative",
		"/a\nb",
		"/a\x7f",
		"/a\x01",
		"/\xff",
		"/\xc0\x80",
		"/\xe0\x80\x80",
		"/\xed\xa0\x80",
		"/\xf4\x90\x80\x80",
		"/\xc3",
	};
	struct roots r = make(ROOTS_CHECKOUT);
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(roots_encode(&r, bad[i], &b), ERR_REFUSED);
	assert_int_equal(b.len, 0);
	encodes(&r, "/\xc3\xbc/\xf0\x9f\xa6\x80", "/\xc3\xbc/\xf0\x9f\xa6\x80");
	buf_free(&b);
}

static void
unknown_tags_are_corrupt(void **state)
{
	static const char *const bad[] = { "",     "z/a",   "L9/a",
					   "tx/a", "L/a/b", "c/registry" };
	struct roots r = make(ROOTS_CHECKOUT);
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(roots_decode(&r, "z/a", 3, &b), ERR_CORRUPT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (strcmp(bad[i], "L/a/b") == 0)
			continue;
		assert_int_equal(roots_decode(&r, bad[i], strlen(bad[i]), &b),
				 ERR_CORRUPT);
	}
	buf_free(&b);
}

static void
remaps_are_shortest_first(void **state)
{
	const struct root *list[ROOTS_MAX];
	struct roots r = make(ROOTS_MACHINE);
	size_t n = roots_remaps(&r, list);

	(void)state;
	assert_int_equal(n, 5);
	for (size_t i = 1; i < n; i++)
		assert_true(list[i - 1]->len <= list[i]->len);
	r = make(ROOTS_NONE);
	assert_int_equal(roots_remaps(&r, list), 0);
}

static void
diagnostics_get_this_checkout(void **state)
{
	static const char in[] = "{\"file\":\"/proc/self/cwd/src/a.rs\","
				 "\"x\":\"/kache/target/debug/g.rs\","
				 "\"y\":\"/kache/targets no\"}";
	struct roots r = make(ROOTS_CHECKOUT);
	struct buf b = { 0 };

	(void)state;
	roots_unmap(&r, in, sizeof(in) - 1, &b);
	assert_string_equal(b.p, "{\"file\":\"/w/src/a.rs\","
				 "\"x\":\"/w/target/debug/g.rs\","
				 "\"y\":\"/kache/targets no\"}");
	buf_free(&b);
}

/* A unit that compiles in its own directory speaks of others, too. */
static void
a_package_beside_the_workspace(void **state)
{
	static const char in[] = "/proc/self/cwd/vendor/v/src/a.rs "
				 "/proc/self/cwd/src/b.rs "
				 "/proc/self/cwd/vendor/vv/c.rs";
	struct args a = { .out_dir = "/w/target/debug/deps" };
	struct roots_in how = { .mode = ROOTS_CHECKOUT,
				.args = &a,
				.cwd = "/w/vendor/v",
				.cwd_name = "/proc/self/cwd/vendor/v",
				.target = "/w/target",
				.workspace = "/w" };
	const struct root *list[ROOTS_MAX];
	struct buf b = { 0 };
	struct roots r;

	(void)state;
	roots_init(&r, &how);
	assert_int_equal(roots_remaps(&r, list), 2);
	assert_string_equal(list[1]->to, "/proc/self/cwd/vendor/v");
	roots_unmap(&r, in, sizeof(in) - 1, &b);
	assert_string_equal(b.p, "/w/vendor/v/src/a.rs /w/src/b.rs "
				 "/w/vendor/vv/c.rs");
	buf_free(&b);
	/* Where the root is not known nothing else is claimed. */
	how.cwd_name = "/kache/package/v-1.0.0";
	how.workspace = NULL;
	roots_init(&r, &how);
	roots_unmap(&r, in, sizeof(in) - 1, &b);
	assert_string_equal(b.p, in);
	buf_free(&b);
}

static void
colours_are_no_part_of_a_name(void **state)
{
	static const char *const in[] = {
		"--> \\u001b[0m/proc/self/cwd/a.rs",
		"--> \033[1;31m/proc/self/cwd/a.rs",
		"xm/proc/self/cwd/a.rs",
		"[0m/proc/self/cwd/a.rs",
		"m/proc/self/cwd/a.rs",
	};
	static const char *const out[] = {
		"--> \\u001b[0m/w/a.rs", "--> \033[1;31m/w/a.rs",
		"xm/proc/self/cwd/a.rs", "[0m/proc/self/cwd/a.rs",
		"m/proc/self/cwd/a.rs",
	};
	struct roots r = make(ROOTS_CHECKOUT);

	(void)state;
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		struct buf b = { 0 };

		roots_unmap(&r, in[i], strlen(in[i]), &b);
		buf_char(&b, '\0');
		assert_string_equal(b.p, out[i]);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_root_wins),
		cmocka_unit_test(roots_that_are_not_remapped_are_none),
		cmocka_unit_test(a_package_may_be_a_root_below_cargo_home),
		cmocka_unit_test(what_cannot_be_encoded_is_refused),
		cmocka_unit_test(unknown_tags_are_corrupt),
		cmocka_unit_test(remaps_are_shortest_first),
		cmocka_unit_test(diagnostics_get_this_checkout),
		cmocka_unit_test(a_package_beside_the_workspace),
		cmocka_unit_test(colours_are_no_part_of_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
