/* SPDX-License-Identifier: Apache-2.0 */
#include "key/attributes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

enum {
	ALL = ATTRIBUTES_MODE | ATTRIBUTES_TIMES | ATTRIBUTES_OWNER |
	      ATTRIBUTES_TESTED | ATTRIBUTES_KNOWN
};

static void
compilers_and_builders_give_no_times_away(void **state)
{
	static const char *const none[] = {
		"/usr/bin/make",
		"/usr/bin/ninja",
		"/usr/bin/cmake",
		"/usr/bin/x86_64-linux-gnu-gcc-12",
		"/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
		"/usr/bin/x86_64-linux-gnu-ld.bfd",
		"/usr/bin/git",
		"/usr/bin/bzip2",
		"/usr/bin/m4",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(attributes_of(none[i], 1) &
					 ~(unsigned)ATTRIBUTES_COMPILES,
				 ATTRIBUTES_KNOWN);
	assert_true(attributes_of("/usr/bin/ld", 0) & ATTRIBUTES_COMPILES);
	assert_false(attributes_of("/usr/bin/make", 0) & ATTRIBUTES_COMPILES);
}

static void
archivers_and_listers_do(void **state)
{
	(void)state;
	assert_int_equal(attributes_of("/bin/tar", 0), ALL);
	assert_int_equal(attributes_of("/usr/bin/stat", 0),
			 ALL | ATTRIBUTES_PRINTS);
	assert_int_equal(attributes_of("/usr/bin/cp", 0),
			 ATTRIBUTES_MODE | ATTRIBUTES_KNOWN);
}

static void
interpreters_do_if_they_are_told(void **state)
{
	static const char *const all[] = {
		"/bin/sh",           "/usr/bin/dash", "/usr/bin/python3.11",
		"/usr/bin/perl5.36", "/usr/bin/find", "/usr/bin/["
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(attributes_of(all[i], 0), ATTRIBUTES_KNOWN);
		assert_int_equal(attributes_of(all[i], 1), ALL);
	}
}

/* They may print what they ask for. */
static void
others_use_what_they_test(void **state)
{
	static const char *const others[] = { "/w/codegen", "/usr/bin/pythonic",
					      "/w/mymake",  "/w/x-make",
					      "",           "/" };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(attributes_of(others[i], 0), ALL);
}

static void
texts_speak_of_times(void **state)
{
	static const struct {
		const char *text;
		int speaks;
	} all[] = {
		{ "if [ a -nt b ]; then", 1 },
		{ "[[ a\t-nt\tb ]]", 1 },
		{ "test a -ot b;", 1 },
		{ "cc -ntlm -otter a-nt", 0 },
		{ "find . -newer stamp", 1 },
		{ "zipfile.ZipFile('z')", 1 },
		{ "os.path.getmtime(p)", 1 },
		{ "stat -c %Y f; perl -e 'print -M $f'", 1 },
		{ "my @s = stat($f);", 1 },
		{ "cat a >b # the newest is best, at runtime", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(
			attributes_in_text(all[i].text, strlen(all[i].text)),
			all[i].speaks);
}

static unsigned
of_text(const char *exe, const char *text)
{
	return attributes_of_text(exe, text, strlen(text));
}

static void
sources_speak_of_times(void **state)
{
	(void)state;
	assert_int_equal(of_text("/usr/bin/cmake", "file(TIMESTAMP f T)"), ALL);
	assert_int_equal(of_text("/usr/bin/cmake", "if(a IS_NEWER_THAN b)"),
			 ALL);
	assert_int_equal(of_text("/usr/bin/cmake", "# mtime"), 0);
	assert_int_equal(of_text("/usr/bin/python3.11", "st_mtime"), ALL);
	assert_int_equal(of_text("/usr/lib/gcc/x/12/cc1", "x = __TIMESTAMP__"),
			 ATTRIBUTES_TIMES);
	assert_int_equal(of_text("/usr/lib/gcc/x/12/cc1", "st_mtime"), 0);
	assert_int_equal(of_text("/bin/cat", "mtime"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compilers_and_builders_give_no_times_away),
		cmocka_unit_test(archivers_and_listers_do),
		cmocka_unit_test(interpreters_do_if_they_are_told),
		cmocka_unit_test(others_use_what_they_test),
		cmocka_unit_test(texts_speak_of_times),
		cmocka_unit_test(sources_speak_of_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
