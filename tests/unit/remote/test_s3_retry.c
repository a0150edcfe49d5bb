/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/s3_retry.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#define MS 1000000LL

static void
pauses_double_up_to_a_ceiling(void **state)
{
	unsigned i;
	int64_t last = 0;

	(void)state;
	for (i = 1; i < 50; i++) {
		int64_t most = s3_retry_pause(false, true, i, RAND_MAX);

		assert_int_equal(s3_retry_pause(false, true, i, 0), 0);
		assert_true(most >= last);
		assert_true(most <= 20000 * MS);
		last = most;
	}
	assert_int_equal(last, 20000 * MS);
}

static void
reads_wait_less_than_writes(void **state)
{
	(void)state;
	assert_int_equal(s3_retry_pause(true, false, 1, RAND_MAX), 50 * MS);
	assert_int_equal(s3_retry_pause(false, false, 1, RAND_MAX), 200 * MS);
	assert_int_equal(s3_retry_pause(false, true, 1, RAND_MAX), 1000 * MS);
	assert_true(s3_retry_attempts(true) < s3_retry_attempts(false));
}

static void
results_keep_what_callers_act_on(void **state)
{
	(void)state;
	assert_int_equal(s3_retry_result(ERR_TIMEOUT), ERR_TIMEOUT);
	assert_int_equal(s3_retry_result(ERR_CORRUPT), ERR_CORRUPT);
	assert_int_equal(s3_retry_result(-ECONNREFUSED), -EIO);
	assert_int_equal(s3_retry_result(-EHOSTUNREACH), -EIO);
}

static void
a_server_may_say_when(void **state)
{
	(void)state;
	assert_int_equal(s3_retry_after("7", -1, 1000), 7000 * MS);
	assert_int_equal(s3_retry_after("0", -1, 1000), 0);
	assert_int_equal(s3_retry_after("Thu, 1 Jan", 1005, 1000), 5000 * MS);
	assert_int_equal(s3_retry_after("Thu, 1 Jan", 990, 1000), 0);
	assert_int_equal(s3_retry_after("soon", -1, 1000), 0);
	assert_int_equal(s3_retry_after("-5", -1, 1000), 0);
	assert_int_equal(s3_retry_after("", -1, 1000), 0);
	/* Not longer than a minute, whatever it says. */
	assert_int_equal(s3_retry_after("3600", -1, 1000), 60000 * MS);
	assert_int_equal(s3_retry_after("99999999999999999999", -1, 1000),
			 60000 * MS);
	assert_int_equal(s3_retry_after("x", INT64_MAX, 1000), 60000 * MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_may_say_when),
		cmocka_unit_test(pauses_double_up_to_a_ceiling),
		cmocka_unit_test(reads_wait_less_than_writes),
		cmocka_unit_test(results_keep_what_callers_act_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
