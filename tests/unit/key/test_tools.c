/* SPDX-License-Identifier: Apache-2.0 */
#include "key/tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
tools_are_known_by_their_names(void **state)
{
	static const char *const known[] = {
		"/usr/bin/gcc",
		"/usr/bin/x86_64-linux-gnu-gcc-12",
		"/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus",
		"/usr/bin/x86_64-linux-gnu-ld.bfd",
		"/usr/bin/ld.gold",
		"/usr/bin/x86_64-linux-gnu-g++-12",
		"/usr/lib/llvm-14/bin/clang-14",
		"/x/bin/rustc",
		"git",
		"/usr/bin/pkgconf",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_true(tools_look(known[i]) & TOOLS_ASK);
	assert_int_equal(tools_look("/usr/bin/gcc"), TOOLS_ASK | TOOLS_PWD);
	assert_int_equal(tools_look("/x/bin/rustc"),
			 TOOLS_ASK | TOOLS_CLOCK | TOOLS_PWD);
	assert_int_equal(tools_look("/usr/bin/make"), TOOLS_CLOCK);
}

static void
others_are_not(void **state)
{
	static const char *const others[] = {
		"/usr/bin/date",
		"/usr/bin/python3.11",
		"/bin/zsh",
		"/w/mygcc",
		"/w/build-git",
		"/w/not-a-gcc.exe",
		"/w/gccx",
		"",
		"/",
		"/w/build_script",
		"/usr/bin/awk",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(tools_look(others[i]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tools_are_known_by_their_names),
		cmocka_unit_test(others_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
