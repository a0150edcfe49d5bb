/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/err.h"
#include "base/file.h"
#include "daemon/exec_probe.h"

#include "tests/unit/testdir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* What becomes of PROGRAM. */
static int
outcome(const char *program)
{
	struct exec_probe t = { 0 };
	int64_t now = file_monotonic();
	int r = exec_probe_start(&t, program, now);

	if (r < 0)
		return r;
	for (r = ERR_BUSY; r == ERR_BUSY; usleep(1000))
		r = exec_probe_look(&t, file_monotonic());
	return t.pid == 0 ? r : -1;
}

static void
only_what_ends_well_can_be_started(void **state)
{
	(void)state;
	assert_int_equal(outcome("/bin/true"), 0);
	assert_int_equal(outcome("/bin/false"), -ENOEXEC);
	assert_true(outcome("/nonexistent") < 0);
	assert_true(outcome("/etc/passwd") < 0);
}

static void
what_does_not_end_is_ended(void **state)
{
	static const char text[] = "#!/bin/sh\nexec sleep 600\n";
	struct exec_probe t = { 0 };
	int64_t now = file_monotonic();
	char path[128];
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "%s/hangs", testdir);
	assert_int_equal(
		file_publish(AT_FDCWD, path, path, text, sizeof(text) - 1), 0);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(exec_probe_start(&t, path, now), 0);
	pid = t.pid;
	assert_int_equal(exec_probe_look(&t, now), ERR_BUSY);
	assert_int_equal(exec_probe_look(&t, t.by), -ENOEXEC);
	assert_int_equal(t.pid, 0);
	assert_true(kill(pid, 0) < 0 && errno == ESRCH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_ends_well_can_be_started),
		cmocka_unit_test(what_does_not_end_is_ended),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
