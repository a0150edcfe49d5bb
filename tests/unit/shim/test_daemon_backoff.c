/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/daemon_backoff.h"

#include "base/file.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static char path[128];

/* A mark that is over in S seconds, by steps of STEP. */
static void
put(int64_t s, int64_t step)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fprintf(f, "%" PRId64 " %" PRId64 "\n", file_now() / 1000000 + s * 1000,
		step);
	fclose(f);
}

static int64_t
step_of_mark(void)
{
	int64_t until = 0, step = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		return -1;
	if (fscanf(f, "%" SCNd64 " %" SCNd64, &until, &step) != 2)
		step = -2;
	fclose(f);
	return step;
}

static enum daemon_backoff_state
look(void)
{
	struct daemon_backoff d;
	enum daemon_backoff_state state = daemon_backoff_look(&d, testdir);

	daemon_backoff_end(&d, 0);
	return state;
}

static void
no_mark_is_not_down(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(look(), DAEMON_BACKOFF_NO);
	assert_int_equal(step_of_mark(), -1);
}

static void
a_fresh_mark_is_down_for_all(void **state)
{
	struct daemon_backoff d, other;

	(void)state;
	unlink(path);
	assert_int_equal(daemon_backoff_look(&d, testdir), DAEMON_BACKOFF_NO);
	assert_int_equal(daemon_backoff_look(&other, testdir),
			 DAEMON_BACKOFF_NO);
	daemon_backoff_mark(&d);
	assert_int_equal(step_of_mark(), 30);
	/* The second one that waited in vain does not make it longer. */
	daemon_backoff_mark(&other);
	assert_int_equal(step_of_mark(), 30);
	assert_int_equal(look(), DAEMON_BACKOFF_YES);
}

static void
one_probes_when_the_time_is_over(void **state)
{
	struct daemon_backoff d, other;

	(void)state;
	put(-1, 30);
	assert_int_equal(daemon_backoff_look(&d, testdir),
			 DAEMON_BACKOFF_PROBE);
	assert_int_equal(daemon_backoff_look(&other, testdir),
			 DAEMON_BACKOFF_YES);
	daemon_backoff_end(&other, 0);
	daemon_backoff_mark(&d);
	assert_int_equal(step_of_mark(), 60);
	assert_int_equal(look(), DAEMON_BACKOFF_YES);
}

static void
an_answer_removes_the_mark(void **state)
{
	struct daemon_backoff d;

	(void)state;
	put(-1, 240);
	assert_int_equal(daemon_backoff_look(&d, testdir),
			 DAEMON_BACKOFF_PROBE);
	daemon_backoff_end(&d, 1);
	assert_int_equal(look(), DAEMON_BACKOFF_NO);
	/* One that only ends says nothing about it. */
	put(-1, 240);
	assert_int_equal(daemon_backoff_look(&d, testdir),
			 DAEMON_BACKOFF_PROBE);
	daemon_backoff_end(&d, 0);
	assert_int_equal(step_of_mark(), 240);
}

static void
steps_double_to_ten_minutes(void **state)
{
	static const int64_t steps[] = { 60, 120, 240, 480, 600, 600 };
	int64_t step = 30;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct daemon_backoff d;

		put(-1, step);
		assert_int_equal(daemon_backoff_look(&d, testdir),
				 DAEMON_BACKOFF_PROBE);
		daemon_backoff_mark(&d);
		step = step_of_mark();
		assert_int_equal(step, steps[i]);
	}
}

/* Neither rubbish nor a clock that was set back may keep it down. */
static void
marks_without_sense_are_over(void **state)
{
	static const char *const rubbish[] = { "", "x", "12", "-5 30",
					       "99999999999999999 30" };
	struct daemon_backoff d;

	(void)state;
	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		FILE *f = fopen(path, "w");

		fputs(rubbish[i], f);
		fclose(f);
		assert_int_equal(daemon_backoff_look(&d, testdir),
				 DAEMON_BACKOFF_PROBE);
		daemon_backoff_mark(&d);
		assert_true(step_of_mark() == 30 || step_of_mark() == 60);
	}
	put(1000, 30);
	assert_int_equal(look(), DAEMON_BACKOFF_PROBE);
	put(20, 100000);
	assert_int_equal(look(), DAEMON_BACKOFF_PROBE);
}

static void
what_is_no_file_is_no_mark(void **state)
{
	struct daemon_backoff d;

	(void)state;
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(daemon_backoff_look(&d, testdir), DAEMON_BACKOFF_NO);
	daemon_backoff_mark(&d);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(daemon_backoff_look(&d, testdir), DAEMON_BACKOFF_NO);
	daemon_backoff_mark(&d);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(daemon_backoff_look(&d, "/nonexistent"),
			 DAEMON_BACKOFF_NO);
	daemon_backoff_mark(&d);
}

static int
set_up(void **state)
{
	int r = testdir_make(state);

	snprintf(path, sizeof(path), "%s/daemon.down", testdir);
	return r;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_mark_is_not_down),
		cmocka_unit_test(a_fresh_mark_is_down_for_all),
		cmocka_unit_test(one_probes_when_the_time_is_over),
		cmocka_unit_test(an_answer_removes_the_mark),
		cmocka_unit_test(steps_double_to_ten_minutes),
		cmocka_unit_test(marks_without_sense_are_over),
		cmocka_unit_test(what_is_no_file_is_no_mark),
	};

	return cmocka_run_group_tests(tests, set_up, testdir_remove);
}
