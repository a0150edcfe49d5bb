/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/provenance.h"

#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct provenance s;
static char sysroot[160];

static const char *
at(const char *name)
{
	static char to[4][200];
	static unsigned n;

	snprintf(to[++n % 4], sizeof(to[0]), "%s/%s", testdir, name);
	return to[n % 4];
}

static void
put(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT, 0755);

	assert_true(fd >= 0);
	close(fd);
}

static bool
holds(const struct toolchain *t, const char *path)
{
	(void)t;
	return !strcmp(path, at("tc/lib/rustlib/h/lib/x.so"));
}

static void
fresh(void)
{
	provenance_release(&s);
	snprintf(sysroot, sizeof(sysroot), "%s/tc", testdir);
	s.sysroot = sysroot;
	s.holds = holds;
}

static void
what_root_installed_is_the_systems(void **state)
{
	(void)state;
	fresh();
	assert_int_equal(provenance_place(&s, "/bin/sh"), PROVENANCE_OWN_PLACE);
	assert_true(provenance_knows(&s, "/usr/bin/env"));
	assert_false(provenance_knows(&s, "/usr/bin/no-such-program"));
	assert_false(provenance_knows(&s, at("tc/lib/as")));
}

/* Containers build below /usr as root. */
static void
nothing_of_the_build_is(void **state)
{
	(void)state;
	fresh();
	provenance_add_own(&s, "/usr/bin");
	assert_false(provenance_knows(&s, "/usr/bin/env"));
	fresh();
	provenance_add_own(&s, "/usr/b");
	provenance_add_own(&s, "/");
	provenance_add_own(&s, NULL);
	provenance_add_own(&s, "relative");
	assert_true(provenance_knows(&s, "/usr/bin/env"));
	/* By whatever name. */
	assert_int_equal(symlink("/usr", at("usr")), 0);
	provenance_add_own(&s, at("usr/bin/"));
	assert_false(provenance_knows(&s, "/usr/bin/env"));
	assert_true(provenance_is_own(&s, "/usr/bin/as"));
	assert_false(provenance_is_own(&s, "/usr/binary"));
	fresh();
	for (int i = 0; i < PROVENANCE_OWN_MAX + 1; i++) {
		char name[32];

		snprintf(name, sizeof(name), "/x%d", i);
		provenance_add_own(&s, name);
	}
	assert_false(provenance_knows(&s, "/usr/bin/env"));
}

static void
no_name_makes_a_tool_of_the_toolchain(void **state)
{
	(void)state;
	fresh();
	assert_int_equal(provenance_place(&s, at("tc/bin/cargo")),
			 PROVENANCE_TOOLCHAIN);
	assert_int_equal(provenance_place(&s, at("tc/lib/rustlib/h/lib/x.so")),
			 PROVENANCE_TOOLCHAIN);
	assert_false(provenance_knows(&s, at("tc/bin/as")));
	assert_false(provenance_knows(&s, at("tc/lib/y.so")));
	/* It is what it leads to. */
	assert_int_equal(symlink("as", at("tc/bin/rustdoc")), 0);
	assert_false(provenance_knows(&s, at("tc/bin/rustdoc")));
}

static void
proxies_lie_in_one_place(void **state)
{
	(void)state;
	fresh();
	provenance_set_cargo_home(&s, at("cargo"));
	provenance_add_own(&s, at("cargo"));
	assert_int_equal(provenance_place(&s, at("cargo/bin/rustc")),
			 PROVENANCE_PROXIES);
	assert_int_equal(provenance_place(&s, at("cargo/bin/sub/rustc")),
			 PROVENANCE_ELSEWHERE);
	assert_int_equal(provenance_place(&s, at("tc/bin/as")),
			 PROVENANCE_ELSEWHERE);
}

static int
begin(void **state)
{
	static const char *const dirs[] = {
		"tc",
		"tc/bin",
		"tc/lib",
		"tc/lib/rustlib",
		"tc/lib/rustlib/h",
		"tc/lib/rustlib/h/lib",
		"cargo",
		"cargo/bin",
		"cargo/bin/sub",
	};

	if (testdir_make(state) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(at(dirs[i]), 0755) < 0)
			return -1;
	put("tc/bin/cargo");
	put("tc/bin/as");
	put("tc/lib/as");
	put("tc/lib/y.so");
	put("tc/lib/rustlib/h/lib/x.so");
	put("cargo/bin/rustc");
	put("cargo/bin/sub/rustc");
	return 0;
}

static int
end(void **state)
{
	provenance_release(&s);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_root_installed_is_the_systems),
		cmocka_unit_test(nothing_of_the_build_is),
		cmocka_unit_test(no_name_makes_a_tool_of_the_toolchain),
		cmocka_unit_test(proxies_lie_in_one_place),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
