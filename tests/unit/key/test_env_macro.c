/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/env_macro.h"

#include "base/file.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

/* Scans a copy of exactly this size, so that a read past the end shows. */
static enum env_macro_use
scan(const char *text)
{
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);
	enum env_macro_use use;

	memcpy(copy, text, n);
	use = env_macro_judge(env_macro_look(copy, n, "OUT_DIR"));
	free(copy);
	return use;
}

static void
each_is(const char *const *text, size_t n, enum env_macro_use want)
{
	for (size_t i = 0; i < n; i++)
		if (scan(text[i]) != want)
			fail_msg("%d, not %d: %s", scan(text[i]), want,
				 text[i]);
}

#define EACH(list, want) each_is(list, sizeof(list) / sizeof((list)[0]), want)
#define GOOD "include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\"));\n"

static void
a_computed_name_may_be_any(void **state)
{
	static const char *const any[] = {
		GOOD "const L: usize = env!(concat!(\"OUT\", \"_DIR\")).len();",
		"const L: usize = std::env!(concat!(\"OUT\", \"_DIR\")).len();",
		"macro_rules! m { ($x:expr) => { option_env![$x] } }",
		"env!(\"OUT\\u{5f}DIR\")",
		"env!(",
	};
	static const char *const none[] = {
		"env!(\"HOME\")", "std::env::var(name)", "// env!(x)",
		"my_env!(x)",     "\"env!(x)\"",
	};

	(void)state;
	EACH(any, ENV_MACRO_VALUE);
	EACH(none, ENV_MACRO_NONE);
}

static void
includes_are_accepted(void **state)
{
	static const char *const good[] = {
		GOOD,
		GOOD GOOD,
		"include!(env!(\"OUT_DIR\"));",
		"include!(concat!(env!(\"OUT_DIR\",), \"/x.rs\",),);",
		"const S: &str = include_str!(concat!(env!(\"OUT_DIR\"), "
		"\"/x\"));",
		"static B: &[u8] = include_bytes![concat!{env!(\"OUT_DIR\"), "
		"\"/\", \"x\"}];",
		"std::include!(core::concat!(::std::env!(\"OUT_DIR\"), "
		"\"/x.rs\"));",
		"include ! ( concat ! ( env ! ( \"OUT_DIR\" ) , \"/x\" ) ) ;",
		"include!(/* one */ concat!( // two\n env!(\"OUT_DIR\"), "
		"\"/x\"));",
		"include!(concat!(env!(r\"OUT_DIR\"), r#\"/x.rs\"#));",
		"S { field: include_str!(concat!(env!(\"OUT_DIR\"), \"/x\")) }",
		"#[doc = include_str!(concat!(env!(\"OUT_DIR\"), \"/x\"))]",
	};

	(void)state;
	EACH(good, ENV_MACRO_ONLY);
}

static void
values_are_refused(void **state)
{
	static const char *const bad[] = {
		"const D: &str = env!(\"OUT_DIR\");",
		"option_env!(\"OUT_DIR\");",
		"env!(\"OUT_DIR\").len();",
		"println!(\"{}\", env!(\"OUT_DIR\"));",
		"concat!(env!(\"OUT_DIR\"), \"/x\");",
		"include!(concat!(\"a\", env!(\"OUT_DIR\"), \"/x\"));",
		"include!(concat!(env!(\"OUT_DIR\"), NAME));",
		"include!(concat!(env!(\"OUT_DIR\"), stringify!(x)));",
		"include!(concat!(env!(\"OUT_DIR\"), $name));",
		"include!(concat!(env!(\"OUT_DIR\", \"text\"), \"/x\"));",
		"include!(f(env!(\"OUT_DIR\")));",
		"my_include!(concat!(env!(\"OUT_DIR\"), \"/x\"));",
		"mine::include!(concat!(env!(\"OUT_DIR\"), \"/x\"));",
		"include!(mine::concat!(env!(\"OUT_DIR\"), \"/x\"));",
		"include!(concat!(mine::env!(\"OUT_DIR\"), \"/x\"));",
		"include!(concat!(env(\"OUT_DIR\"), \"/x\"));",
		"include_string!(concat!(env!(\"OUT_DIR\"), \"/x\"));",
		"let OUT_DIR = 1;",
		"let x = \"see OUT_DIR\";",
		"std::env::var(\"OUT_DIR\");",
		"env!(\"OUT_DIR\"",
		"include!(concat!(env!(\"OUT_DIR\")",
		"include!(concat!(env!(\"OUT_DIR\"), \"/x\"",
	};

	(void)state;
	EACH(bad, ENV_MACRO_VALUE);
}

/* One good use excuses no other. */
static void
one_value_spoils_all(void **state)
{
	static const char *const bad[] = {
		GOOD "env!(\"OUT_DIR\");",
		"env!(\"OUT_DIR\");" GOOD,
		GOOD "/* */ const X: usize = env!(\"OUT_DIR\").len();" GOOD,
	};

	(void)state;
	EACH(bad, ENV_MACRO_VALUE);
}

static void
comments_are_no_use(void **state)
{
	static const char *const none[] = {
		"",
		"fn main() {}",
		"// env!(\"OUT_DIR\")\n",
		"// env!(\"OUT_DIR\")",
		"/* env!(\"OUT_DIR\") */",
		"/* a /* b */ env!(\"OUT_DIR\") */",
		"/* env!(\"OUT_DIR\")",
		"/// see env!(\"OUT_DIR\")\nfn f() {}",
	};
	static const char *const code[] = {
		"/* a */ env!(\"OUT_DIR\") /* b */",
		"/* /* */ */ env!(\"OUT_DIR\")",
		"//\nenv!(\"OUT_DIR\")",
		"/**/env!(\"OUT_DIR\")",
		"/*/**/*/env!(\"OUT_DIR\")",
	};

	(void)state;
	EACH(none, ENV_MACRO_NONE);
	EACH(code, ENV_MACRO_VALUE);
}

/* What opens no comment and no string must not hide the code behind it. */
static void
literals_hide_nothing(void **state)
{
	static const char *const bad[] = {
		"let a = \"/*\"; env!(\"OUT_DIR\"); let b = \"*/\";" GOOD,
		"let a = \"//\"; env!(\"OUT_DIR\");\n" GOOD,
		"let a = \"\\\"//\"; env!(\"OUT_DIR\");\n" GOOD,
		"let a = \"\\\\\"; env!(\"OUT_DIR\");\n" GOOD,
		"let a = r\"\\\"; env!(\"OUT_DIR\"); //\"\n" GOOD,
		"let a = r#\"\"//\"#; env!(\"OUT_DIR\");\n" GOOD,
		"let a = br##\"\"#//\"##; env!(\"OUT_DIR\");\n" GOOD,
		"let a = b\"//\"; env!(\"OUT_DIR\");\n" GOOD,
		"let a = '\"'; env!(\"OUT_DIR\"); // '\"'\n" GOOD,
		"let a = b'\"'; env!(\"OUT_DIR\"); // '\"'\n" GOOD,
		"let a = '\\''; env!(\"OUT_DIR\"); // '\"'\n" GOOD,
		"let a = '\\u{22}'; env!(\"OUT_DIR\"); // '\"'\n" GOOD,
		"let a = '\303\244'; env!(\"OUT_DIR\");\n" GOOD,
		"let a = '\360\237\246\200'; env!(\"OUT_DIR\");\n" GOOD,
		"fn f<'a, 'b>(x: &'a str) { env!(\"OUT_DIR\"); }\n" GOOD,
		"r#type!(); env!(\"OUT_DIR\");\n" GOOD,
	};

	(void)state;
	EACH(bad, ENV_MACRO_VALUE);
}

/* A lifetime and, behind it, a quote that belongs to a string. */
static void
lifetimes_are_no_literals(void **state)
{
	static const char *const bad[] = {
		"f::<'a>(\"'\"); g(\"//\"); env!(\"OUT_DIR\");\n" GOOD,
		"m!('a \"'\" \"//\"); env!(\"OUT_DIR\");\n" GOOD,
		"m!('a,\"'\" \"//\"); env!(\"OUT_DIR\");\n" GOOD,
	};

	(void)state;
	EACH(bad, ENV_MACRO_VALUE);
}

/* Macros of one's own by the names that the proof stands on. */
static void
names_of_ones_own_prove_nothing(void **state)
{
	static const char *const bad[] = {
		"macro_rules! include { ($e:expr) => { $e.len() } }" GOOD,
		GOOD "macro_rules! r#include { () => {} }",
		"macro_rules ! /* */ concat { () => {} }" GOOD,
		"#[macro_export] macro_rules! env { () => {} }" GOOD,
		"pub macro include_str($e:expr) { 1 }" GOOD,
		"macro_rules! d { ($n:ident) => { macro_rules! $n {} } }" GOOD,
		"d!(include);" GOOD,
		"use x::include;" GOOD,
		"use x::r#include;" GOOD,
		"pub(crate) use x::{a, y::{include, z}};" GOOD,
		"use {std::fmt, x::concat};" GOOD,
		"use x::other as include;" GOOD,
		"use std::include_bytes as include;" GOOD,
		"use ::x::env;" GOOD,
		"use crate::m::env;" GOOD,
		"use $crate::include;" GOOD,
		"use env;" GOOD,
		"#[macro_use] extern crate x;" GOOD,
		"#[macro_use(a, include)] extern crate x;" GOOD,
		"#[cfg(a)] #[macro_use] #[path = \"b\"] pub extern crate "
		"x;" GOOD,
		"mod std { pub use x::y; } std::include!(env!(\"OUT_DIR\"));",
		"use x as core; core::include!(env!(\"OUT_DIR\"));",
		"extern crate x as std; std::include!(env!(\"OUT_DIR\"));",
		"use x::std; include!(std::env!(\"OUT_DIR\"));",
		"use std::env; mod std {}" GOOD,
	};
	static const char *const good[] = {
		"use std::env;" GOOD,
		"use std::{env, fmt::{self, Write as _}};" GOOD,
		"use ::std::env::{self, var};" GOOD,
		"use core::include;" GOOD,
		"use x::include_dir;" GOOD,
		"use super::*; use x::*;" GOOD,
		"mod env; mod core;" GOOD,
		"fn f(env: &str) { g(env, &env); a.concat(); }" GOOD,
		"fn f<'a>() -> impl A + use<'a> { env(env) }" GOOD,
		"#[macro_use] mod m; #[macro_use] extern crate alloc;" GOOD,
		"#[macro_use(a, b)] extern crate x;" GOOD,
		"#[macro_use] extern crate std;" GOOD,
		"macro_rules! m { () => { " GOOD " } }",
		"macro_rules! include_it { () => { " GOOD " } }",
		"mod core {} ::std::include!(env!(\"OUT_DIR\"));",
	};

	(void)state;
	EACH(bad, ENV_MACRO_VALUE);
	EACH(good, ENV_MACRO_ONLY);
}

/* Another macro may take the words apart. */
static void
words_given_to_macros_prove_nothing(void **state)
{
	static const char *const bad[] = {
		"my! { " GOOD " }",
		"x::my!(a, [include_str!(env!(\"OUT_DIR\"))])",
		"my! name { " GOOD " }",
		"println!(\"{}\", my!(include_str!(env!(\"OUT_DIR\"))))",
	};
	static const char *const good[] = {
		"println!(\"{}\", include_str!(env!(\"OUT_DIR\")))",
		"my! { x } " GOOD,
		"if a != (b) { " GOOD " }",
		"if !(a) { " GOOD " }",
		"my!('(', \"(\"); " GOOD,
		"vec![include_str!(env!(\"OUT_DIR\"))]",
	};

	(void)state;
	EACH(bad, ENV_MACRO_VALUE);
	EACH(good, ENV_MACRO_ONLY);
}

/* One file defines what another one uses. */
static void
a_crate_is_looked_at_as_a_whole(void **state)
{
	static const char own[] = "mod std;";
	static const char by[] = "std::include!(env!(\"OUT_DIR\"));";
	unsigned a = env_macro_look(own, sizeof(own) - 1, "OUT_DIR");
	unsigned b = env_macro_look(by, sizeof(by) - 1, "OUT_DIR");

	(void)state;
	assert_int_equal(env_macro_judge(0), ENV_MACRO_NONE);
	assert_int_equal(env_macro_judge(a), ENV_MACRO_NONE);
	assert_int_equal(env_macro_judge(b), ENV_MACRO_ONLY);
	assert_int_equal(env_macro_judge(a | b), ENV_MACRO_VALUE);
}

static void
files_are_searched_for_the_name(void **state)
{
	static const char text[] = "metadata\0of a crate OUT_DIR\0";
	char path[128];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/lib.rmeta", testdir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(file_write_fd(fd, text, sizeof(text)), 0);
	close(fd);
	assert_true(env_macro_named_in(path, "OUT_DIR"));
	assert_false(env_macro_named_in(path, "OUT_DIRS"));
	snprintf(path, sizeof(path), "%s/gone", testdir);
	assert_true(env_macro_named_in(path, "OUT_DIR"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_computed_name_may_be_any),
		cmocka_unit_test(includes_are_accepted),
		cmocka_unit_test(values_are_refused),
		cmocka_unit_test(one_value_spoils_all),
		cmocka_unit_test(comments_are_no_use),
		cmocka_unit_test(literals_hide_nothing),
		cmocka_unit_test(lifetimes_are_no_literals),
		cmocka_unit_test(names_of_ones_own_prove_nothing),
		cmocka_unit_test(words_given_to_macros_prove_nothing),
		cmocka_unit_test(a_crate_is_looked_at_as_a_whole),
		cmocka_unit_test(files_are_searched_for_the_name),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
