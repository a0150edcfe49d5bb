/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

static void
sizes(void **state)
{
	char b[TERMINAL_TEXT];

	(void)state;
	assert_string_equal(terminal_size(0, b), "0");
	assert_string_equal(terminal_size(1023, b), "1023");
	assert_string_equal(terminal_size(1024, b), "1.0K");
	assert_string_equal(terminal_size(10200, b), "10K");
	assert_string_equal(terminal_size((1 << 20) - 1, b), "1.0M");
	assert_string_equal(terminal_size(50ULL << 30, b), "50G");
	assert_string_equal(terminal_size(UINT64_MAX, b), "16E");
}

static void
times(void **state)
{
	char b[TERMINAL_TEXT];

	(void)state;
	assert_string_equal(terminal_time(340, b), "340 us");
	assert_string_equal(terminal_time(12345, b), "12 ms");
	assert_string_equal(terminal_time(3400000, b), "3.4 s");
	assert_string_equal(terminal_time(312000000, b), "5 min 12 s");
	assert_string_equal(terminal_time(7500000000, b), "2 h 05 min");
}

static void
json_is(const char *in, const char *want)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	terminal_json(f, in);
	fclose(f);
	assert_string_equal(text, want);
	free(text);
}

static void
json_strings(void **state)
{
	(void)state;
	json_is("", "\"\"");
	json_is("a\"b\\c", "\"a\\\"b\\\\c\"");
	json_is("tab\there\x7f", "\"tab\\u0009here\\u007f\"");
	json_is("gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"");
	json_is("bad\xff\xc3", "\"bad\\ufffd\\ufffd\"");
	json_is("\xc0\xaf", "\"\\ufffd\\ufffd\"");
	json_is("\xf0\x9f\xa6\x80", "\"\xf0\x9f\xa6\x80\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(times),
		cmocka_unit_test(json_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
