/* SPDX-License-Identifier: Apache-2.0 */
#include "key/file_macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* Of a crate of one or two files. */
static bool
both_say(const char *one, const char *two)
{
	struct file_macro f = { 0 };
	bool says = false;

	if (file_macro_is_worth(one, strlen(one)) ||
	    file_macro_is_worth(two, strlen(two))) {
		file_macro_look(&f, one, strlen(one));
		file_macro_look(&f, two, strlen(two));
		says = file_macro_judge(&f);
	}
	file_macro_release(&f);
	return says;
}

static bool
says(const char *text)
{
	return both_say(text, "");
}

static void
a_source_may_ask_for_its_name(void **state)
{
	(void)state;
	assert_true(says("const A: &str = file!();"));
	assert_true(says("x(core :: file /* of */ ! [])"));
	assert_true(says("use std::file as here; here!()"));
	assert_true(says("r#file!{}"));
	assert_true(says("macro_rules! m { () => { 1 } } const A: &str = "
			 "file!();"));
	assert_false(says("// file!()\nfn f() { g(\"file!()\") }"));
	assert_false(says("if file != other { a[file as usize] }"));
	assert_false(says("profile!(); file_of!(); file(); let file = 1;"));
	assert_false(says(""));
	assert_false(says("macro_rules! m { file!("));
}

static void
a_macro_for_others_names_these(void **state)
{
	(void)state;
	assert_false(says("macro_rules! m { () => { (file!(), \"}\") } }"));
	assert_false(says("macro_rules! m ( ($x:expr) => ( file!() ); );"));
	assert_false(both_say("macro_rules! m { () => { file!() } }",
			      "n!(); macro_rules! n { () => { 1 } }"));
}

static void
a_macro_of_its_own_names_itself(void **state)
{
	(void)state;
	assert_true(says("macro_rules! here { () => { file!() } } "
			 "const A: &str = here!();"));
	assert_true(both_say("macro_rules! here { () => { file!() } }",
			     "fn f() -> &'static str { crate::here![] }"));
	/* By way of another one. */
	assert_true(both_say("macro_rules! a { () => { b!() } } "
			     "macro_rules! b { () => { file!() } }",
			     "fn f() { a! {} }"));
	assert_false(both_say("macro_rules! a { () => { b!() } } "
			      "macro_rules! b { () => { file!() } }",
			      "fn f() { c! {} }"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_may_ask_for_its_name),
		cmocka_unit_test(a_macro_for_others_names_these),
		cmocka_unit_test(a_macro_of_its_own_names_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
