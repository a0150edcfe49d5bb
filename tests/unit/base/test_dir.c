/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../testdir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static int dir;

static void
make(const char *name)
{
	int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void
names_are_sorted(void **state)
{
	struct dir_names n;

	(void)state;
	assert_int_equal(mkdirat(dir, "d", 0700), 0);
	make("d/b");
	make("d/a");
	make("d/.c");
	assert_int_equal(dir_list(dir, "d", 0, &n), 0);
	assert_int_equal(n.count, 2);
	assert_string_equal(n.name[0], "a");
	assert_string_equal(n.name[1], "b");
	dir_names_free(&n);
	assert_int_equal(n.count, 0);
	assert_int_equal(dir_list(dir, "d", DIR_HIDDEN, &n), 0);
	assert_int_equal(n.count, 3);
	assert_string_equal(n.name[0], ".c");
	dir_names_free(&n);
}

static void
many_names_fit(void **state)
{
	struct dir_names n;
	char name[16];

	(void)state;
	assert_int_equal(mkdirat(dir, "many", 0700), 0);
	assert_int_equal(dir_list(dir, "many", DIR_HIDDEN, &n), 0);
	assert_int_equal(n.count, 0);
	dir_names_free(&n);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "many/%02d", i);
		make(name);
	}
	assert_int_equal(dir_list(dir, "many", 0, &n), 0);
	assert_int_equal(n.count, 100);
	assert_string_equal(n.name[0], "00");
	assert_string_equal(n.name[99], "99");
	dir_names_free(&n);
}

static void
what_is_no_directory_is_an_error(void **state)
{
	struct dir_names n;

	(void)state;
	assert_int_equal(dir_list(dir, "none", 0, &n), -ENOENT);
	assert_int_equal(n.count, 0);
	make("file");
	assert_int_equal(dir_list(dir, "file", 0, &n), -ENOTDIR);
	assert_int_equal(symlinkat("d", dir, "link"), 0);
	assert_int_equal(dir_list(dir, "link", 0, &n), 0);
	dir_names_free(&n);
	assert_true(dir_list(dir, "link", DIR_NOFOLLOW, &n) < 0);
}

static int
set_up(void **state)
{
	if (testdir_make(state) < 0)
		return -1;
	dir = open(testdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_sorted),
		cmocka_unit_test(many_names_fit),
		cmocka_unit_test(what_is_no_directory_is_an_error),
	};

	return cmocka_run_group_tests(tests, set_up, testdir_remove);
}
