/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/ini.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char seen[4096];

static void
value(void *ctx, int line, const char *section, const char *key, const char *v)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof(seen) - n, "%d[%s]%s=%s;", line, section, key,
		 v);
}

static void
problem(void *ctx, int line, const char *text)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof(seen) - n, "%d!%s;", line, text);
}

static const struct ini_sink sink = { .value = value, .problem = problem };

static void
gives(const char *text, const char *want)
{
	seen[0] = '\0';
	ini_text(text, strlen(text), &sink);
	assert_string_equal(seen, want);
}

static void
values_have_sections_and_lines(void **state)
{
	(void)state;
	gives("", "");
	gives("\n\n[s]\nk = v\n", "4[s]k=v;");
	gives("[s]\nk=v", "2[s]k=v;");
	gives("[a b]\r\nk = v w \r\n", "2[a b]k=v w;");
	gives("[s]\n  k = 1\n  l = 2\n", "2[s]k=1;3[s]l=2;");
	gives("# no\n; no\n[s]\nk = v ; note\nl = a;b\n", "4[s]k=v;5[s]l=a;b;");
	gives("[s]\nk =\n", "2[s]k=;");
}

static void
bad_lines_are_named(void **state)
{
	(void)state;
	gives("[s]\nnonsense\nk = v\n",
	      "3[s]k=v;2!neither [section] nor key = value;");
}

static void
lines_of_the_limit_pass_longer_ones_do_not(void **state)
{
	char text[300], want[300];

	(void)state;
	snprintf(text, sizeof(text), "k = %0*d\nl = 1\n", INI_LINE_LEN - 4, 0);
	snprintf(want, sizeof(want), "1[]k=%0*d;2[]l=1;", INI_LINE_LEN - 4, 0);
	gives(text, want);
	snprintf(text, sizeof(text), "k = %0*d\nl = 1\n", INI_LINE_LEN - 3, 0);
	gives(text, "1!line is too long and was ignored;2[]l=1;");
	snprintf(text, sizeof(text), "k = %0*d", INI_LINE_LEN - 4, 0);
	snprintf(want, sizeof(want), "1[]k=%0*d;", INI_LINE_LEN - 4, 0);
	gives(text, want);
}

static void
nul_bytes_are_refused(void **state)
{
	(void)state;
	seen[0] = '\0';
	ini_text("k = a\0b\nl = 1\n", 14, &sink);
	assert_string_equal(seen,
			    "1!line holds a NUL byte and was ignored;2[]l=1;");
}

static void
only_regular_files_are_read(void **state)
{
	(void)state;
	assert_int_equal(ini_load("/nonexistent", &sink), -ENOENT);
	assert_int_equal(ini_load("/dev/zero", &sink), -EINVAL);
	assert_int_equal(ini_load("/tmp", &sink), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_have_sections_and_lines),
		cmocka_unit_test(bad_lines_are_named),
		cmocka_unit_test(lines_of_the_limit_pass_longer_ones_do_not),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(only_regular_files_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
