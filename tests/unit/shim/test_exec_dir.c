/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/exec_dir.h"

#include "base/file.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static char dir[128], real[160], out[400], want[400];

static ino_t
inode(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_ino;
}

static void
write_real(const char *content)
{
	char tmp[200];

	snprintf(tmp, sizeof(tmp), "%s.new", real);
	assert_int_equal(
		file_publish(AT_FDCWD, tmp, real, content, strlen(content)), 0);
}

static void
place(const char *name)
{
	exec_dir_program(real, name, out, sizeof(out));
}

static void
it_has_the_name_that_was_called(void **state)
{
	(void)state;
	write_real("1");
	place("build-script-build");
	snprintf(want, sizeof(want), "%s/.kache-app-12/build-script-build",
		 testdir);
	assert_string_equal(out, want);
	assert_int_equal(inode(out), inode(real));
	place("build_script_build-12");
	assert_string_equal(exec_dir_base(out), "build_script_build-12");
	assert_int_equal(inode(out), inode(real));
}

static void
another_program_takes_the_name(void **state)
{
	ino_t old = inode(want);

	(void)state;
	write_real("2");
	assert_int_not_equal(inode(real), old);
	place("build-script-build");
	assert_string_equal(out, want);
	assert_int_equal(inode(out), inode(real));
}

static void
what_is_in_the_way_is_replaced(void **state)
{
	(void)state;
	assert_int_equal(unlink(want), 0);
	assert_int_equal(symlink("/bin/true", want), 0);
	place("build-script-build");
	assert_string_equal(out, want);
	assert_int_equal(inode(out), inode(real));
}

static void
without_a_place_the_real_one_serves(void **state)
{
	char b[160];

	(void)state;
	assert_int_equal(unlink(want), 0);
	assert_int_equal(mkdir(want, 0700), 0);
	place("build-script-build");
	assert_string_equal(out, real);
	place("");
	assert_string_equal(out, real);
	place("../x");
	assert_string_equal(out, real);
	snprintf(b, sizeof(b), "%s/gone/x.kache-real", testdir);
	exec_dir_program(b, "x", out, sizeof(out));
	assert_string_equal(out, b);
	exec_dir_program("/x.kache-real", "x", out, sizeof(out));
	assert_string_equal(out, "/x.kache-real");
	exec_dir_program("x.kache-real", "x", out, sizeof(out));
	assert_string_equal(out, "x.kache-real");
}

static int
set_up(void **state)
{
	int r = testdir_make(state);

	snprintf(dir, sizeof(dir), "%s/app-12", testdir);
	snprintf(real, sizeof(real), "%s/build_script_build-12.kache-real",
		 dir);
	return r ? r : mkdir(dir, 0700);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_the_name_that_was_called),
		cmocka_unit_test(another_program_takes_the_name),
		cmocka_unit_test(what_is_in_the_way_is_replaced),
		cmocka_unit_test(without_a_place_the_real_one_serves),
	};

	return cmocka_run_group_tests(tests, set_up, testdir_remove);
}
