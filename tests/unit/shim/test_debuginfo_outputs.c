/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/debuginfo_outputs.h"

#include "base/err.h"
#include "key/trace.h"
#include "rustc/args.h"
#include "tests/unit/testdir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { MAX = 6 };

static struct trace_event events[64];
static struct trace trace = { .events = events };
static struct args args = { .crate_name = "one", .extra_filename = "-1" };

static void
wrote(enum trace_kind kind, const char *dir, const char *name, bool there)
{
	struct trace_event *e = &events[trace.nevents++];
	char *path;
	int fd;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	*e = (struct trace_event){ .kind = kind,
				   .name = kind == TRACE_WRITE ? path : "x",
				   .other = kind == TRACE_WRITE ? "" : path };
	fd = there ? open(path, O_WRONLY | O_CREAT, 0600) : -1;
	assert_true(fd >= 0 || !there);
	if (there)
		close(fd);
}

static int
find(char **paths, size_t n)
{
	args.out_dir = testdir;
	return debuginfo_outputs_find(&args, &trace, paths, n, MAX);
}

static void
forget(char **paths, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		free(paths[i]);
	for (size_t i = 0; i < trace.nevents; i++)
		free((char *)(events[i].kind == TRACE_WRITE ? events[i].name
							    : events[i].other));
	trace.nevents = 0;
}

static void
what_the_unit_left_beside_is_found_once(void **state)
{
	static char first[] = "announced";
	char *paths[MAX] = { first };

	(void)state;
	wrote(TRACE_WRITE, testdir, "one-1.cgu.0.dwo", true);
	wrote(TRACE_WRITE, testdir, "one-1.cgu.0.dwo", true);
	wrote(TRACE_LINK, testdir, "one-1.cgu.1.dwo", true);
	wrote(TRACE_RENAME, testdir, "libone-1.so.dwp", true);
	assert_int_equal(find(paths, 1), 4);
	assert_ptr_equal(paths[0], first);
	assert_non_null(strstr(paths[1], "/one-1.cgu.0.dwo"));
	assert_non_null(strstr(paths[2], "/one-1.cgu.1.dwo"));
	assert_non_null(strstr(paths[3], "/libone-1.so.dwp"));
	forget(paths, 1, 4);
}

static void
a_crate_may_be_called_as_files_of_libraries_start(void **state)
{
	static const char *const names[] = { "l", "lib" };
	struct args before = args;
	char *paths[MAX];

	(void)state;
	args.extra_filename = "";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[32];

		args.crate_name = names[i];
		snprintf(name, sizeof(name), "lib%s.so.dwp", names[i]);
		wrote(TRACE_WRITE, testdir, name, true);
		snprintf(name, sizeof(name), "%s.cgu.0.dwo", names[i]);
		wrote(TRACE_WRITE, testdir, name, true);
		assert_int_equal(find(paths, 0), 2);
		forget(paths, 0, 2);
	}
	args = before;
}

static void
what_is_no_sidecar_is_left_to_others(void **state)
{
	char *paths[MAX];

	(void)state;
	wrote(TRACE_WRITE, testdir, "gone-1.dwo", true);
	wrote(TRACE_WRITE, testdir, "one-2.cgu.0.dwo", true);
	wrote(TRACE_WRITE, testdir, "one-1.cgu.0.o", true);
	wrote(TRACE_WRITE, testdir, "one-10.dwo", true);
	wrote(TRACE_WRITE, testdir, "one-1.removed.dwo", false);
	wrote(TRACE_WRITE, "/elsewhere", "one-1.cgu.0.dwo", false);
	wrote(TRACE_WRITE, testdir, "below/one-1.cgu.0.dwo", false);
	wrote(TRACE_UNLINK, testdir, "one-1.cgu.9.dwo", true);
	assert_int_equal(find(paths, 0), 0);
	forget(paths, 0, 0);
}

static void
more_than_there_is_room_for_is_an_error(void **state)
{
	char name[64], *paths[MAX];

	(void)state;
	for (int i = 0; i <= MAX; i++) {
		snprintf(name, sizeof(name), "one-1.cgu.%d.dwo", i);
		wrote(TRACE_WRITE, testdir, name, true);
	}
	assert_int_equal(find(paths, 0), ERR_TOOBIG);
	forget(paths, 0, MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_unit_left_beside_is_found_once),
		cmocka_unit_test(
			a_crate_may_be_called_as_files_of_libraries_start),
		cmocka_unit_test(what_is_no_sidecar_is_left_to_others),
		cmocka_unit_test(more_than_there_is_room_for_is_an_error),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
