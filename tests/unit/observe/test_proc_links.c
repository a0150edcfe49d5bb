/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/* The observer is no part of the library: its file is compiled in here. */
#include "observe/proc_links.c"

#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

static void
leads(const char *name, const char *to)
{
	char got[PROC_LINKS_MAX] = "untouched";

	assert_int_equal(proc_links_resolve(name, got), 1);
	assert_string_equal(got, to);
}

static void
stays(const char *name)
{
	char got[PROC_LINKS_MAX] = "untouched";

	assert_int_equal(proc_links_resolve(name, got), 0);
	assert_string_equal(got, "untouched");
}

static void
links_of_proc_are_followed(void **state)
{
	char cwd[PROC_LINKS_MAX], want[PROC_LINKS_MAX + 8], name[256];
	FILE *f;

	(void)state;
	assert_int_equal(chdir(testdir), 0);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(want, sizeof(want), "%s/a/b", cwd);
	leads("/proc/self/cwd/a/b", want);
	leads("//proc/./self//cwd/a/b", want);
	leads("/proc/thread-self/cwd/a/b", want);
	leads("/proc/self/root/proc/self/cwd/a/b", want);
	leads("/proc/self/cwd", cwd);
	snprintf(name, sizeof(name), "/proc/%d/cwd/a/b", (int)getpid());
	leads(name, want);
	snprintf(name, sizeof(name), "/proc/self/task/%d/cwd/a/b",
		 (int)getpid());
	leads(name, want);
	leads("/proc/self/root/etc/passwd", "/etc/passwd");
	f = fopen("file", "w");
	assert_non_null(f);
	snprintf(want, sizeof(want), "%s/file", cwd);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fileno(f));
	leads(name, want);
	snprintf(name, sizeof(name), "/dev/fd/%d", fileno(f));
	leads(name, want);
	fclose(f);
}

static void
other_names_stay(void **state)
{
	char name[64];
	int ends[2];

	(void)state;
	stays("/proc/self/maps");
	stays("/proc/selfish/cwd/a");
	stays("/proc/cpuinfo");
	stays("/procs/self/cwd/a");
	stays("/dev/null");
	stays("/dev/fd");
	stays("/proc/self/fd/");
	stays("/proc/self/task/x/cwd");
	stays("/");
	stays("");
	/* A pipe is no file. */
	assert_int_equal(pipe(ends), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	stays(name);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_of_proc_are_followed),
		cmocka_unit_test(other_names_stay),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
