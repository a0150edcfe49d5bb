/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S 1000000000LL

static void
single_failures_do_not_open(void **state)
{
	struct breaker b = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		breaker_fail(&b, false, i);
		if (i % 4 == 3)
			breaker_ok(&b);
		assert_true(breaker_allows(&b));
	}
}

static void
five_in_a_row_open(void **state)
{
	struct breaker b = { 0 };
	int i;

	(void)state;
	for (i = 0; i < BREAKER_FAILURES; i++) {
		assert_true(breaker_allows(&b));
		breaker_fail(&b, false, 10);
	}
	assert_false(breaker_allows(&b));
	assert_string_equal(breaker_name(&b), "open");
}

static void
silence_opens_at_once(void **state)
{
	struct breaker b = { 0 };

	(void)state;
	breaker_fail(&b, true, 0);
	assert_false(breaker_allows(&b));
}

static void
one_probe_after_the_pause(void **state)
{
	struct breaker b = { 0 };

	(void)state;
	assert_false(breaker_probe(&b, 0));
	breaker_fail(&b, true, 0);
	assert_false(breaker_probe(&b, 5 * S - 1));
	assert_true(breaker_probe(&b, 5 * S));
	assert_false(breaker_probe(&b, 5 * S));
	assert_string_equal(breaker_name(&b), "half-open");
	assert_false(breaker_allows(&b));
	breaker_ok(&b);
	assert_true(breaker_allows(&b));
}

static void
a_failed_probe_doubles_the_pause(void **state)
{
	struct breaker b = { 0 };
	int64_t now = 0;
	int64_t pause = 5 * S;
	int i;

	(void)state;
	breaker_fail(&b, true, now);
	for (i = 0; i < 12; i++) {
		assert_false(breaker_probe(&b, now + pause - 1));
		now += pause;
		assert_true(breaker_probe(&b, now));
		breaker_fail(&b, false, now);
		pause = pause * 2 < 300 * S ? pause * 2 : 300 * S;
	}
	assert_int_equal(pause, 300 * S);
}

static void
a_lost_probe_is_replaced(void **state)
{
	struct breaker b = { 0 };

	(void)state;
	breaker_fail(&b, true, 0);
	assert_true(breaker_probe(&b, 5 * S));
	assert_false(breaker_probe(&b, 35 * S - 1));
	assert_true(breaker_probe(&b, 35 * S));
}

static void
old_answers_change_nothing(void **state)
{
	struct breaker b = { 0 };

	(void)state;
	breaker_fail(&b, true, 0);
	breaker_ok(&b);
	breaker_fail(&b, true, 4 * S);
	assert_false(breaker_allows(&b));
	assert_true(breaker_probe(&b, 5 * S));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_failures_do_not_open),
		cmocka_unit_test(five_in_a_row_open),
		cmocka_unit_test(silence_opens_at_once),
		cmocka_unit_test(one_probe_after_the_pause),
		cmocka_unit_test(a_failed_probe_doubles_the_pause),
		cmocka_unit_test(a_lost_probe_is_replaced),
		cmocka_unit_test(old_answers_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
