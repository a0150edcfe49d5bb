/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/time_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

enum { NOW = 1000000000 };

static uint64_t
parsed(const char *s)
{
	uint64_t ms = 1;

	assert_int_equal(time_parse(s, (uint64_t)NOW * 1000, &ms), 0);
	return ms;
}

static void
spans_count_back_from_now(void **state)
{
	(void)state;
	assert_int_equal(parsed("2h"), (NOW - 7200) * 1000LL);
	assert_int_equal(parsed("90"), (NOW - 90) * 1000LL);
	assert_int_equal(parsed("99999d"), 0);
}

static void
dates_are_local_time(void **state)
{
	(void)state;
	setenv("TZ", "UTC0", 1);
	tzset();
	assert_int_equal(parsed("2001-09-09 01:46:40"), NOW * 1000LL);
	assert_int_equal(parsed("2001-09-09T01:46"), (NOW - 40) * 1000LL);
	assert_int_equal(parsed("2001-09-09"), (NOW - 6400) * 1000LL);
	assert_int_equal(parsed("@1000000000"), NOW * 1000LL);
}

static void
nonsense_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "yesterday", "2001-13-01", "2001-09-09x", "@", "@-1", "-2h",
	};
	uint64_t ms = 7;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(time_parse(bad[i], 1, &ms) < 0);
	assert_int_equal(ms, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_count_back_from_now),
		cmocka_unit_test(dates_are_local_time),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
