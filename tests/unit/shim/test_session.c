/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/session.h"

#include "base/buf.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* Words are split at blanks. */
static void
starts_in(const char *cwd, const char *words, const char *want)
{
	struct buf b = { 0 };
	char out[4096];

	buf_add(&b, words, strlen(words) + 1);
	for (size_t i = 0; i < b.len; i++)
		if (b.p[i] == ' ')
			b.p[i] = '\0';
	assert_int_equal(session_start_dir(cwd, &b, out, sizeof(out)), 0);
	assert_string_equal(out, want);
	buf_free(&b);
}

static void
where_cargo_stands(void **state)
{
	(void)state;
	starts_in("/w", "cargo build", "/w");
	starts_in("/w", "cargo build --manifest-path x/Cargo.toml", "/w/x");
	starts_in("/w", "cargo build --manifest-path=/o/p/Cargo.toml", "/o/p");
	starts_in("/w", "cargo b --manifest-path ../v/Cargo.toml", "/w/../v");
	starts_in("/w", "cargo b --manifest-path Cargo.toml", "/w");
	starts_in("/", "cargo b --manifest-path Cargo.toml", "/");
	starts_in("/w", "cargo b --manifest-path=/Cargo.toml", "/");
}

static void
words_that_are_not_meant(void **state)
{
	(void)state;
	starts_in("/w", "cargo run -- --manifest-path /o/Cargo.toml", "/w");
	starts_in("/w", "cargo b --manifest-paths /o/Cargo.toml", "/w");
	starts_in("/w", "cargo build --manifest-path", "/w");
	starts_in("/w", "cargo build --manifest-path=", "/w");
}

static void
odd_command_lines(void **state)
{
	struct buf none = { 0 };
	char out[8];

	(void)state;
	assert_int_equal(session_start_dir("/w", &none, out, sizeof(out)), 0);
	assert_string_equal(out, "/w");
	assert_int_equal(
		session_start_dir("/long/one", &none, out, sizeof(out)),
		ERR_TOOBIG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_cargo_stands),
		cmocka_unit_test(words_that_are_not_meant),
		cmocka_unit_test(odd_command_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
