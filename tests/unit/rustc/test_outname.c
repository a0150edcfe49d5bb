/* SPDX-License-Identifier: Apache-2.0 */
#include "rustc/outname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* All that rustc makes of a crate, whatever it is called. */
static void
every_crate_has_its_outputs(void **state)
{
	static const char *const crates[] = { "l",   "li",   "lib",  "liblib",
					      "d",   "so",   "rlib", "build",
					      "foo", "libc", "dwo",  "_" };
	static const char *const extras[] = { "", "-0123abcd", "x", "lib" };
	static const char *const forms[] = { "%s%s",           "%s%s.d",
					     "lib%s%s.so",     "lib%s%s.rlib",
					     "%s%s.dwp",       "lib%s%s.rmeta",
					     "%s%s.1.rcgu.dwo" };
	char name[64];

	(void)state;
	for (size_t c = 0; c < sizeof(crates) / sizeof(crates[0]); c++)
		for (size_t e = 0; e < sizeof(extras) / sizeof(extras[0]); e++)
			for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]);
			     f++) {
				snprintf(name, sizeof(name), forms[f],
					 crates[c], extras[e]);
				if (!outname_fits(crates[c], extras[e], name))
					fail_msg("%s", name);
			}
}

static void
of_others_it_has_none(void **state)
{
	static const char *const others[][3] = {
		{ "lib", "-1", "libfoo-1.rlib" }, { "l", "-1", "li-1.d" },
		{ "li", "-1", "lib-1.d" },        { "foo", "-1", "foo-12.d" },
		{ "foo", "-1", "foo.d" },         { "foo", "", "foo-1.d" },
		{ "foo", "-1", "libbar-1.so" },   { "foo", "-1", "lib" },
		{ "foo", "-1", "libfoo" },        { "foo", "-1", "" },
		{ "lib", "-1", "lib" },           { "foo", "-1", "Foo-1.d" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (outname_fits(others[i][0], others[i][1], others[i][2]))
			fail_msg("%s of %s", others[i][2], others[i][0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_crate_has_its_outputs),
		cmocka_unit_test(of_others_it_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
