/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "remote/xfer_internal.h"

#include <string.h>

#define MS XFER_MS

static struct xfer x;
static struct xfer_job job;
static int64_t now;

static int
set_up(void **state)
{
	(void)state;
	memset(&x, 0, sizeof(x));
	memset(&job, 0, sizeof(job));
	job.verb = XFER_GET;
	job.body_at = 1;
	job.total = UINT64_MAX;
	TAILQ_INIT(&x.active);
	TAILQ_INSERT_HEAD(&x.active, &job, link);
	now = 1000 * MS;
	xfer_bandwidth_watch(&x, now);
	return 0;
}

/* BYTES come in each of N times of SPAN ms. */
static void
come(int n, int span, uint64_t bytes)
{
	for (int i = 0; i < n; i++) {
		now += span * MS;
		x.received += bytes;
		job.taken += bytes;
		xfer_bandwidth_watch(&x, now);
	}
}

static void
nothing_is_known_at_first(void **state)
{
	(void)state;
	assert_int_equal(xfer_bandwidth_best(&x), 0);
	come(1, 10, 1 << 20);
	assert_int_equal(xfer_bandwidth_best(&x), 0);
}

/* 14 kB in the first round trip, twice that in the next. */
static void
an_answer_that_grows_shows_a_fast_line(void **state)
{
	uint64_t n = 14600;

	(void)state;
	for (int k = 0; k < 9; k++, n *= 2)
		come(1, 25, n);
	/* The one before the last had 75 MB a second; all of them, 33. */
	assert_in_range(xfer_bandwidth_best(&x), 70000000, 80000000);
	assert_true(atomic_load(&x.rate) < 40000000);
}

/* This thread did not run for a while, and the socket was full. */
static void
what_had_come_before_is_no_measure(void **state)
{
	(void)state;
	come(40, 25, 62500); /* 2.5 MB a second */
	come(1, 25, 4 << 20);
	come(1, 25, 62500);
	assert_in_range(xfer_bandwidth_best(&x), 2000000, 12500000);
	assert_true(x.peak < 3000000);
	/* Nor what comes after a time in which nobody received. */
	job.held = true;
	come(4, 25, 0);
	job.held = false;
	come(1, 25, 4 << 20);
	come(1, 25, 4 << 20);
	assert_true(x.peak < 3000000);
}

static void
a_line_that_became_slow_is_noticed(void **state)
{
	(void)state;
	come(100, 25, 625000); /* 25 MB a second */
	assert_in_range(xfer_bandwidth_best(&x), 24000000, 26000000);
	come(2400, 25, 62500);
	assert_true(xfer_bandwidth_best(&x) < 3000000);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_known_at_first),
		TEST(an_answer_that_grows_shows_a_fast_line),
		TEST(what_had_come_before_is_no_measure),
		TEST(a_line_that_became_slow_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
