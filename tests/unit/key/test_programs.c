/* SPDX-License-Identifier: Apache-2.0 */
#include "key/programs.h"

#include "arch/arch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

enum {
	TOOL = PROGRAM_SEARCHES | PROGRAM_ASKS | PROGRAM_PWD,
	COMPILER = TOOL | PROGRAM_RAW | PROGRAM_BY_NAME | PROGRAM_COMPILES
};

static unsigned
flags_of(const char *path)
{
	return programs_find(path)->flags;
}

static void
compilers_are_known_by_their_names(void **state)
{
	static const char *const known[] = {
		"/usr/bin/gcc",
		"/usr/bin/x86_64-linux-gnu-gcc-12",
		"/usr/bin/x86_64-pc-linux-gnu-gcc",
		"/usr/bin/aarch64-linux-android21-clang",
		"/usr/bin/arm-none-eabi-gcc-12.2",
		"/usr/bin/x86_64-w64-mingw32-ld",
		"/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus",
		"/usr/bin/x86_64-linux-gnu-ld.bfd",
		"/usr/bin/ld.gold",
		"/usr/bin/ld.mold",
		"/usr/bin/x86_64-linux-gnu-g++-12",
		"/usr/lib/llvm-14/bin/clang-14",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(flags_of(known[i]), COMPILER);
	assert_int_equal(flags_of("/x/bin/rustc"), COMPILER | PROGRAM_CLOCK);
}

static void
other_programs_are(void **state)
{
	(void)state;
	assert_int_equal(flags_of("git"), TOOL | PROGRAM_BY_NAME);
	/* What cc-rs calls, and what that is a link to. */
	assert_int_equal(flags_of("/usr/bin/x86_64-linux-gnu-gcc-ar-12"),
			 flags_of("/usr/bin/gcc-ar"));
	assert_int_equal(programs_find("/usr/bin/gcc-ar")->uses, USES_NOTHING);
	assert_int_equal(flags_of("/usr/bin/git-lfs"), PROGRAM_BY_NAME);
	assert_int_equal(flags_of("/usr/bin/llvm-ar-14"), PROGRAM_BY_NAME);
	assert_int_equal(flags_of("/usr/bin/x86_64-pc-linux-gnu-pkg-config"),
			 TOOL | PROGRAM_BY_NAME);
	assert_int_equal(flags_of("/usr/bin/gmake"), flags_of("/usr/bin/make"));
	assert_int_equal(flags_of("/usr/bin/perl5.36"),
			 PROGRAM_SEARCHES | PROGRAM_SEED | PROGRAM_DIGITS);
	assert_int_equal(flags_of("/usr/bin/lscpu"), PROGRAM_CPU);
	assert_int_equal(programs_find("/usr/bin/python3.11")->reads[0], 1);
	assert_int_equal(programs_find("/usr/bin/bzip2")->uses, USES_NOTHING);
	assert_int_equal(programs_find("/bin/cp")->uses, USES_MODE);
}

static void
others_are_not(void **state)
{
	static const char *const others[] = {
		"/bin/zsh",
		"/w/mygcc",
		"/w/build-git",
		"/w/not-a-gcc",
		"/usr/bin/ssh-copy-id",
		"/w/gccx",
		"/usr/bin/makeinfo",
		"/usr/bin/diff3",
		"/usr/bin/cmake3",
		"/usr/bin/ld64",
		"/usr/bin/tar1.2",
		"",
		"/",
		"/w/build_script",
		"/w/x86_64-linux-gnu",
		"12",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct program *p = programs_find(others[i]);

		assert_int_equal(p->flags, 0);
		assert_int_equal(p->uses, USES_EVERYTHING);
		assert_int_equal(p->host, 0);
	}
}

static void
libraries_are_known_with_any_version(void **state)
{
	(void)state;
	assert_true(programs_has_library("/lib/x86_64-linux-gnu/libc.so.6"));
	assert_true(programs_has_library("/lib64/ld-linux-x86-64.so.2"));
	assert_true(programs_has_library("libLLVM-14.so.1"));
	assert_true(programs_has_library("/x/lib/libstd-0123456789abcdef.so"));
	assert_false(programs_has_library("/usr/lib/libcurl.so.4"));
	assert_false(programs_has_library("/usr/lib/libcx.so"));
	assert_false(programs_has_library(""));
}

/* The first of two rows would hide the other. */
static void
each_has_one_row(void **state)
{
	static const char *const names[] = {
#define PROGRAM(name, flags, uses, ...) name,
#define LIBRARY(name) name,
#include "key/programs.def"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(names[i], names[k]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compilers_are_known_by_their_names),
		cmocka_unit_test(other_programs_are),
		cmocka_unit_test(others_are_not),
		cmocka_unit_test(libraries_are_known_with_any_version),
		cmocka_unit_test(each_has_one_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
