/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/increments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WORDS = 8 };

static const char *
find(const char *const words[WORDS])
{
	int n = 0;

	while (n < WORDS && words[n])
		n++;
	return increments_find(n, (char *const *)words);
}

static void
every_form_is_found(void **state)
{
	static const char *const forms[][WORDS] = {
		{ "-C", "incremental=/t/i" },
		{ "-Cincremental=/t/i" },
		{ "--codegen", "incremental=/t/i" },
		{ "--codegen=incremental=/t/i" },
		{ "a.rs", "-C", "debuginfo=2", "-C", "incremental=/t/i", "-g" },
		{ "-Cincremental=/old", "-Cincremental=/t/i" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		assert_string_equal(find(forms[i]), "/t/i");
}

static void
nothing_else_is(void **state)
{
	static const char *const forms[][WORDS] = {
		{ "a.rs", "incremental=/t/i" },
		{ "-C", "opt-level=3" },
		{ "-C" },
		{ "--codegen" },
		{ "-Zincremental=/t/i" },
		{ "--cfg", "incremental=/t/i" },
		{ "-C", "incremental" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		assert_null(find(forms[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_found),
		cmocka_unit_test(nothing_else_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
