/* SPDX-License-Identifier: Apache-2.0 */
#include "rustc/naming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static enum naming
choose(enum args_kind kind, enum naming_place place, bool machine, bool scopes)
{
	return naming_choose(&(struct naming_in){ .kind = kind,
						  .place = place,
						  .home_renamed = machine,
						  .scopes = scopes });
}

static void
what_is_bound_is_not_renamed(void **state)
{
	(void)state;
	for (int k = 0; k < ARGS_KINDS; k++)
		assert_int_equal(
			choose((enum args_kind)k, NAMING_OUTSIDE, true, true),
			NAMING_REAL);
}

/* Metadata would hold both names. */
static void
libraries_are_renamed_as_a_whole(void **state)
{
	static const enum args_kind kinds[] = { ARGS_LIB, ARGS_PROC_MACRO,
						ARGS_CHECK, ARGS_DYLIB };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (int p = NAMING_IN_ROOT; p < NAMING_OUTSIDE; p++)
			assert_int_equal(choose(kinds[i], (enum naming_place)p,
						true, true),
					 NAMING_OURS);
}

static void
programs_can_open_what_they_name(void **state)
{
	(void)state;
	assert_int_equal(choose(ARGS_TEST, NAMING_IN_ROOT, false, true),
			 NAMING_OPENABLE);
	assert_int_equal(choose(ARGS_BIN, NAMING_IN_ROOT, true, true),
			 NAMING_OPENABLE);
	assert_int_equal(choose(ARGS_BUILD_SCRIPT, NAMING_IN_ROOT, true, true),
			 NAMING_OPENABLE);
	/* They run where they were compiled. */
	assert_int_equal(
		choose(ARGS_BUILD_SCRIPT, NAMING_IN_PIECES, false, true),
		NAMING_PACKAGE);
	assert_int_equal(choose(ARGS_BUILD_SCRIPT, NAMING_IN_HOME, true, true),
			 NAMING_PACKAGE);
	/* Nothing of it is renamed. */
	assert_int_equal(choose(ARGS_BUILD_SCRIPT, NAMING_IN_HOME, false, true),
			 NAMING_OURS);
	/* What has no scopes is judged afterwards. */
	assert_int_equal(choose(ARGS_TEST, NAMING_IN_ROOT, false, false),
			 NAMING_OURS);
	assert_int_equal(
		choose(ARGS_BUILD_SCRIPT, NAMING_IN_PIECES, false, false),
		NAMING_REAL);
}

static void
the_release_tells_of_scopes(void **state)
{
	(void)state;
	assert_true(naming_has_scopes("rustc 1.95.0\nrelease: 1.95.0\nLLVM"));
	assert_true(naming_has_scopes("rustc\nrelease: 1.100.1"));
	assert_true(naming_has_scopes("rustc\nrelease: 1.96.0-nightly\n"));
	assert_true(naming_has_scopes("rustc\nrelease: 2.0.0\n"));
	assert_false(naming_has_scopes("rustc\nrelease: 1.95.0-nightly\n"));
	assert_false(naming_has_scopes("rustc\nrelease: 1.95.0-beta.1\n"));
	assert_false(naming_has_scopes("rustc\nrelease: 1.94.2\n"));
	assert_false(naming_has_scopes("rustc\nrelease: 1\n"));
	assert_false(naming_has_scopes("rustc 1.95.0\n"));
	assert_false(naming_has_scopes(NULL));
}

static void
names_of_ours_are_known(void **state)
{
	(void)state;
	assert_true(naming_made_up("/proc/self/cwd"));
	assert_true(naming_made_up("/proc/self/cwd/../o/src/x.txt"));
	assert_true(naming_made_up("/kache/cargo/registry/x"));
	assert_true(naming_made_up("/kache/package/a-1.0.0/src"));
	assert_false(naming_made_up("/proc/self/cwdx"));
	assert_false(naming_made_up("/kache/work/src"));
	assert_false(naming_made_up("/home/u/kache/target/x"));
	assert_false(naming_made_up("src/main.rs"));
}

static enum naming_line
line(const char *s)
{
	return naming_read_line(s, strlen(s));
}

#define D "{\"$message_type\":\"diagnostic\",\"message\":"

static void
errors_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(line(D "\"mismatched types\",\"code\":{\"code\":"
				"\"E0308\",\"explanation\":\"\\\",\\\"level\\\""
				":\\\"note\"},\"level\":\"error\",\"spans\""),
			 NAMING_PLAIN_ERROR);
	assert_int_equal(
		line("{\"message\":\"couldn't read `x`\",\"code\":null,"
		     "\"level\":\"error\",\"spans\""),
		NAMING_ANY_ERROR);
	assert_int_equal(line(D "\"evaluation panicked\",\"code\":{\"code\":"
				"\"E0080\",\"explanation\":null},\"level\":"
				"\"error\",\"spans\""),
			 NAMING_ANY_ERROR);
	assert_int_equal(line(D "\"unused\",\"code\":{\"code\":\"unused\","
				"\"explanation\":null},\"level\":\"warning\","
				"\"children\":[{\"level\":\"error\"}]"),
			 NAMING_NO_ERROR);
	assert_int_equal(line(D "\"aborting due to 1 previous error\",\"code\":"
				"null,\"level\":\"error\",\"spans\":[]"),
			 NAMING_NO_ERROR);
	assert_int_equal(line(D "\"linking with `cc` failed\",\"code\":null,"
				"\"level\":\"error\",\"spans\":[]"),
			 NAMING_PLAIN_ERROR);
	assert_int_equal(line(D "\"Unrecognized option: 'remap-path-scope'\","
				"\"code\":null,\"level\":\"error\""),
			 NAMING_OPTION_ERROR);
	assert_int_equal(line(D "\"panicked\",\"code\":null,\"level\":"
				"\"error: internal compiler error\""),
			 NAMING_OPTION_ERROR);
	assert_int_equal(line("{\"$message_type\":\"artifact\",\"artifact\":"),
			 NAMING_NO_ERROR);
	assert_int_equal(line("what a macro says, \"level\":\"error\""),
			 NAMING_NO_ERROR);
	assert_int_equal(line(D "\"cut"), NAMING_NO_ERROR);
	assert_int_equal(line(""), NAMING_NO_ERROR);
}

static const struct naming_in lib = { .kind = ARGS_LIB,
				      .place = NAMING_IN_PIECES };

static void
a_failure_is_doubted_where_names_may_matter(void **state)
{
	struct naming_end e = { .failed = true, .plain = 3 };

	(void)state;
	assert_null(naming_doubt(&lib, NAMING_OURS, &e));
	e.foreign = e.says = true;
	assert_null(naming_doubt(&lib, NAMING_OURS, &e));
	e.any = 1;
	assert_non_null(naming_doubt(&lib, NAMING_OURS, &e));
	assert_null(naming_doubt(&lib, NAMING_REAL, &e));
	/* All names are relative. */
	e.foreign = false;
	assert_null(naming_doubt(&lib, NAMING_OURS, &e));
	/* It said nothing that we understand. */
	e.plain = e.any = 0;
	assert_non_null(naming_doubt(&lib, NAMING_OURS, &e));
	e = (struct naming_end){ .failed = true, .option = 1 };
	assert_non_null(naming_doubt(&lib, NAMING_OPENABLE, &e));
}

static void
a_success_is_doubted_where_names_were_used(void **state)
{
	const struct naming_in test = { .kind = ARGS_TEST };
	const struct naming_in script = { .kind = ARGS_BUILD_SCRIPT,
					  .place = NAMING_IN_PIECES };
	struct naming_end e = { .opened = true };

	(void)state;
	assert_non_null(naming_doubt(&lib, NAMING_OURS, &e));
	assert_non_null(naming_doubt(&test, NAMING_OPENABLE, &e));
	assert_null(naming_doubt(&lib, NAMING_REAL, &e));
	e = (struct naming_end){ .foreign = true };
	assert_null(naming_doubt(&lib, NAMING_OURS, &e));
	assert_null(naming_doubt(&test, NAMING_OPENABLE, &e));
	assert_non_null(naming_doubt(&test, NAMING_OURS, &e));
	e.says = true;
	assert_non_null(naming_doubt(&lib, NAMING_OURS, &e));
	assert_null(naming_doubt(&test, NAMING_OPENABLE, &e));
	/* A script may tell cargo, or the crate, what it is called. */
	assert_non_null(naming_doubt(&script, NAMING_PACKAGE, &e));
	e.says = false;
	assert_null(naming_doubt(&script, NAMING_PACKAGE, &e));
	/* rustc tells macros our name whatever the scope. */
	e = (struct naming_end){ .foreign = true, .asks = true };
	assert_non_null(naming_doubt(&test, NAMING_OPENABLE, &e));
	e.foreign = false;
	assert_null(naming_doubt(&test, NAMING_OPENABLE, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_bound_is_not_renamed),
		cmocka_unit_test(libraries_are_renamed_as_a_whole),
		cmocka_unit_test(programs_can_open_what_they_name),
		cmocka_unit_test(the_release_tells_of_scopes),
		cmocka_unit_test(names_of_ours_are_known),
		cmocka_unit_test(errors_are_told_apart),
		cmocka_unit_test(a_failure_is_doubted_where_names_may_matter),
		cmocka_unit_test(a_success_is_doubted_where_names_were_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
