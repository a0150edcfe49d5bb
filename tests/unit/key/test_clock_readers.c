/* SPDX-License-Identifier: Apache-2.0 */
#include "key/clock_readers.h"

#include "key/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TIME = OBS_CLOCK_TIME, DAY = OBS_CLOCK_OF_DAY };

static bool
tells_time(const char *exe, unsigned way, unsigned times)
{
	struct trace_event e = { .kind = TRACE_CLOCK,
				 .number = way + 16 * times };

	return !clock_readers_is(exe, &e);
}

static bool
asks(const char *exe, unsigned what)
{
	struct trace_event e = { .kind = TRACE_HOST, .number = what };

	return !clock_readers_is(exe, &e);
}

static void
what_a_program_always_does_is_its_own(void **state)
{
	(void)state;
	assert_false(tells_time("/usr/bin/bash", DAY, 3));
	assert_false(tells_time("/usr/bin/perl5.36", TIME, 1));
	assert_false(tells_time("/opt/bin/python3.11", TIME, 1));
	assert_false(tells_time("/x/cc1", DAY, 1));
	assert_false(tells_time("/usr/bin/make", OBS_CLOCK_OTHER, 8));
	assert_false(tells_time("/usr/bin/git", DAY, 1));
}

static void
what_goes_beyond_may_be_in_the_result(void **state)
{
	(void)state;
	/* $SECONDS, $EPOCHSECONDS; time; time.time(); __DATE__. */
	assert_true(tells_time("/usr/bin/bash", DAY, 4));
	assert_true(tells_time("/usr/bin/bash", TIME, 1));
	assert_true(tells_time("/usr/bin/perl", TIME, 2));
	assert_true(tells_time("/usr/bin/python3", OBS_CLOCK_OTHER, 1));
	assert_true(tells_time("/x/cc1", TIME, 1));
	assert_true(tells_time("/usr/bin/clang-14", TIME, 1));
	assert_true(tells_time("/usr/bin/date", OBS_CLOCK_OTHER, 1));
	assert_true(tells_time("/w/build-script-build", 7, 1));
	assert_true(tells_time("/usr/bin/makeinfo", TIME, 1));
	assert_true(tells_time("", TIME, 1));
}

static void
names_of_the_host_likewise(void **state)
{
	(void)state;
	assert_false(asks("/usr/bin/git", OBS_HOST_NAME));
	assert_false(asks("/usr/bin/find", OBS_HOST_KERNEL));
	assert_true(asks("/usr/bin/find", OBS_HOST_USER));
	assert_true(asks("/usr/bin/uname", OBS_HOST_KERNEL));
	assert_true(asks("/usr/bin/bash", OBS_HOST_NAME));
	assert_false(asks("/usr/bin/ninja", OBS_HOST_CPUS));
	assert_true(asks("/usr/bin/nproc", OBS_HOST_CPUS));
	assert_true(asks("/usr/bin/xz", OBS_HOST_CPUS));
	assert_true(asks("/usr/bin/git", 99));
	assert_true(asks("/usr/bin/git", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_program_always_does_is_its_own),
		cmocka_unit_test(what_goes_beyond_may_be_in_the_result),
		cmocka_unit_test(names_of_the_host_likewise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
