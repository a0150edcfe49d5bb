/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/* Names, variables and places that a compile depended on. */
#include "tests/unit/key/learnbed.h"

static void
listings_count_by_names(void **state)
{
	(void)state;
	world();
	age_dir("w/sub");
	age_dir("w/native");
	search[1] = (struct args_search){ "native", 6, at("w/native") };
	args.nsearch = 2;
	event(TRACE_LIST, at("w/sub"));
	event(TRACE_LIST, at("w/target/deps"));
	event(TRACE_LIST, at("w/native"));
	event(TRACE_LIST, at(HOST));
	ITEMS("lw/sub");
	/* Crates found by bare name depend on what lies there. */
	world();
	search[1] = (struct args_search){ "crate", 5, at("w/native") };
	args.nsearch = 2;
	event(TRACE_LIST, at("w/native"));
	ITEMS("cw/native");
	world();
	search[1] = (struct args_search){ "all", 3, at("w/native") };
	args.nsearch = 2;
	event(TRACE_LIST, at("w/native"));
	ITEMS("cw/native");
	world();
	l.started = file_now() - (int64_t)1000 * SECOND;
	event(TRACE_LIST, at("w/sub"));
	refused(ERR_CHANGED, "raced:");
	world();
	event(TRACE_LIST, at("w/gone"));
	refused(ERR_CHANGED, "raced:");
	world();
	event(TRACE_LIST, "/proc/sys");
	refused(ERR_REFUSED, "lists:");
}

static void
of_an_absent_tree_the_top_counts(void **state)
{
	(void)state;
	world();
	event(TRACE_ABSENT, at("w/gen/a/one.rs"));
	event(TRACE_ABSENT, at("w/gen/two.rs"));
	event(TRACE_ABSENT, at("w/sub/none.rs"));
	event(TRACE_ABSENT, at("w/sub/none.rs"));
	event(TRACE_ABSENT, at("w/lib.rs/x"));
	event(TRACE_ABSENT, at("w/target/inc/x"));
	event(TRACE_ABSENT, at(HOST "/x"));
	ITEMS("aw/gen", "aw/sub/none.rs", "aw/lib.rs/x");
	world();
	event(TRACE_ABSENT, at("w/lib.rs"));
	refused(ERR_CHANGED, "raced:");
}

static void
present_names_count_by_type(void **state)
{
	struct trace_event *e;

	(void)state;
	assert_int_equal(symlink("sub", at("w/ln")), 0);
	world();
	reads("w/lib.rs");
	event(TRACE_PRESENT, at("w/lib.rs"))->how = OBS_BY_STAT;
	event(TRACE_PRESENT, at("w"))->how = OBS_BY_STAT;
	event(TRACE_PRESENT, "/")->how = OBS_BY_STAT;
	event(TRACE_PRESENT, at("w/sub"))->how = OBS_BY_STAT;
	e = event(TRACE_PRESENT, at("w/ln"));
	e->how = OBS_BY_LSTAT;
	e->other = "sub";
	event(TRACE_PRESENT, at("outside.txt"))->how = OBS_BY_ACCESS;
	ITEMS("fw/lib.rs", "sw/sub", "kw/ln", plain('s', "outside.txt"));
	/* A link to what was read is no less a link. */
	world();
	reads("w/ln/mod.rs");
	event(TRACE_PRESENT, at("w/ln"))->how = OBS_BY_READLINK;
	ITEMS("fw/ln/mod.rs", "kw/ln");
	/* Whoever asks for a stat may use the size. */
	world();
	event(TRACE_PRESENT, at("outside.txt"))->how = OBS_BY_STAT;
	ITEMS(plain('f', "outside.txt"));
	world();
	write_aged("young.txt", "", 0);
	event(TRACE_PRESENT, at("young.txt"))->how = OBS_BY_STAT;
	refused(ERR_CHANGED, "raced-tick:");
	world();
	event(TRACE_PRESENT, at("w/gone"))->how = OBS_BY_STAT;
	refused(ERR_CHANGED, "raced:");
}

/* <testdir>/bin and <testdir>/bin2 are PATH. */
static void
walks_through_path_are_programs(void **state)
{
	struct trace_event *e;

	(void)state;
	world();
	processes[1].exe = at(HOST "/bin/ld");
	by_linker(event(TRACE_ABSENT, at("bin/as")));
	e = event(TRACE_PRESENT, at("bin2/as"));
	e->how = OBS_BY_STAT;
	by_linker(e);
	by_linker(event(TRACE_EXEC, at("bin2/nm")));
	event(TRACE_EXEC, "cc")->other = at("bin/cc");
	event(TRACE_EXEC, "rust-lld")->other = at(HOST "/bin/rust-lld");
	ITEMS("pas", "pnm", "pcc");
	/* rustc itself does not walk: a name it tests is a name. */
	world();
	event(TRACE_ABSENT, at("bin/as"));
	ITEMS(plain('a', "bin/as"));
	/* Elsewhere, and by its own name. */
	world();
	put("tools", "#!/bin/sh\n");
	event(TRACE_EXEC, at("tools"));
	ITEMS(plain('f', "tools"));
}

static void
failed_execs_must_fail_again(void **state)
{
	(void)state;
	world();
	event(TRACE_EXEC, at("no/tool"));
	event(TRACE_EXEC_FAIL, at("no/tool"))->number = 2;
	ITEMS(plain('a', "no/tool"));
	world();
	event(TRACE_EXEC_FAIL, at("outside.txt"))->number = 13;
	ITEMS(plain('f', "outside.txt"));
}

static void
variables_count_by_value(void **state)
{
	(void)state;
	world();
	event(TRACE_GETENV, "CARGO_PKG_NAME");
	event(TRACE_GETENV, "TERM");
	event(TRACE_GETENV, "RUSTC_BOOTSTRAP");
	event(TRACE_GETENV, "PATH");
	dep_envs[0] = (struct depinfo_env){ (char *)"DECLARED", true };
	dep_envs[1] = (struct depinfo_env){ (char *)"UNSET", false };
	depinfo.nenvs = 2;
	ITEMS("eCARGO_PKG_NAME", "ePATH", "eDECLARED", "eUNSET");
	/* For a linker PATH is what it finds. */
	world();
	args.linked = true;
	event(TRACE_GETENV, "PATH");
	NO_ITEMS();
	world();
	processes[1].exe = at(HOST "/bin/ld");
	by_linker(event(TRACE_GETENV, "PATH"));
	NO_ITEMS();
	world();
	event(TRACE_GETENV, "bad\nname");
	refused(ERR_REFUSED, "env");
}

static void
declare_out_dir(const char *source)
{
	world();
	put("w/use.rs", source);
	reads("w/use.rs");
	dep_files[0] = (char *)"use.rs";
	depinfo.nfiles = 1;
	dep_envs[0] = (struct depinfo_env){ (char *)"OUT_DIR", true };
	depinfo.nenvs = 1;
}

/* A place counts by its root if it serves includes and nothing else. */
static void
places_are_proven(void **state)
{
	static const char only[] =
		"include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\"));";

	(void)state;
	setenv("OUT_DIR", at("w/target/out"), 1);
	declare_out_dir(only);
	event(TRACE_GETENV, "OUT_DIR");
	ITEMS("fw/use.rs", "iOUT_DIR");
	declare_out_dir("const D: &str = env!(\"OUT_DIR\");");
	ITEMS("fw/use.rs", "eOUT_DIR");
	/* Other sources neither spoil nor excuse. */
	declare_out_dir(only);
	reads("w/lib.rs");
	dep_files[1] = (char *)"lib.rs";
	depinfo.nfiles = 2;
	ITEMS("fw/use.rs", "fw/lib.rs", "iOUT_DIR");
	/* A macro may use it where no source shows it. */
	declare_out_dir(only);
	put("lib/macro.so", "code with OUT_DIR in it");
	event(TRACE_OBJECT, at("lib/macro.so"));
	ITEMS("fw/use.rs", "eOUT_DIR", plain('f', "lib/macro.so"));
	declare_out_dir(only);
	put("lib/macro.so", "code");
	event(TRACE_OBJECT, at("lib/macro.so"));
	ITEMS("fw/use.rs", "iOUT_DIR", plain('f', "lib/macro.so"));
	declare_out_dir(only);
	event(TRACE_DLOPEN, "libmacro.so");
	ITEMS("fw/use.rs", "eOUT_DIR");
	/* So may a macro of a dependency. */
	declare_out_dir(only);
	put("w/target/deps/libm-2.rmeta", "macro env OUT_DIR");
	reads("w/target/deps/libm-2.rmeta");
	ITEMS("fw/use.rs", "eOUT_DIR");
	declare_out_dir(only);
	put("w/target/deps/libm-2.rmeta", "macro");
	reads("w/target/deps/libm-2.rmeta");
	ITEMS("fw/use.rs", "iOUT_DIR");
	/* A place that does not move along. */
	setenv("OUT_DIR", "/elsewhere", 1);
	declare_out_dir(only);
	ITEMS("fw/use.rs", "eOUT_DIR");
	unsetenv("OUT_DIR");
}

static void
externs_are_known_already(void **state)
{
	(void)state;
	world();
	put("w/target/deps/libb-2.rmeta", "crate b");
	externs[0] = (struct args_extern){ "b", 1,
					   at("w/target/deps/libb-2.rmeta") };
	args.nexterns = 1;
	assert_int_equal(file_id_at(AT_FDCWD, externs[0].path, extern_ids), 0);
	reads("w/target/deps/libb-2.rmeta");
	event(TRACE_PRESENT, externs[0].path)->how = OBS_BY_STAT;
	NO_ITEMS();
	assert_int_equal(derive_verify(&l), 0);
	put("w/target/deps/libb-2.rmeta", "another crate b");
	assert_int_equal(derive_verify(&l), ERR_CHANGED);
	world();
	args.nexterns = 1;
	externs[0].path = at("w/target/deps/libb-2.rmeta");
	refused(ERR_CHANGED, "raced:");
}

/* Which candidates lie in -L dependency is chance; what is linked is not. */
static void
candidates_count_if_they_are_linked(void **state)
{
	static const char lib[] = "w/target/deps/libc-3.rlib";

	(void)state;
	put(lib, "crate c");
	put("w/target/deps/libc-3.rmeta", "crate c");
	put("w/libc-3.rlib", "crate c");
	world();
	reads(lib);
	reads("w/target/deps/libc-3.rmeta");
	event(TRACE_ABSENT, at("w/target/deps/libd-4.rmeta"));
	NO_ITEMS();
	world();
	args.linked = true;
	reads(lib);
	reads("w/target/deps/libc-3.rmeta");
	ITEMS("fo/libc-3.rlib");
	world();
	processes[1].exe = at(HOST "/bin/ld");
	by_linker(reads(lib));
	ITEMS("fo/libc-3.rlib");
	world();
	reads("w/libc-3.rlib");
	ITEMS("fw/libc-3.rlib");
}

/* What a recorded name implies is no item of its own. */
static void
directories_above_inputs_are_implied(void **state)
{
	static const char *const above[] = {
		"w/sub", "w/native/x", "w/native", "ext/deep",
		"ext",   "w/target",   "sysroot",  "w/target/deps",
	};

	(void)state;
	file_mkdirs(at("w/native/x"), 0755);
	file_mkdirs(at("ext/deep"), 0755);
	age_dir("w/native/x");
	put("ext/deep/libe.rmeta", "e");
	world();
	externs[0] = (struct args_extern){ "e", 1, at("ext/deep/libe.rmeta") };
	args.nexterns = 1;
	assert_int_equal(file_id_at(AT_FDCWD, externs[0].path, extern_ids), 0);
	reads("w/sub/mod.rs");
	reads("ext/deep/libe.rmeta");
	event(TRACE_LIST, at("w/native/x"));
	for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++)
		event(TRACE_PRESENT, at(above[i]))->how = OBS_BY_STAT;
	ITEMS("fw/sub/mod.rs", "lw/native/x");
	world();
	event(TRACE_ABSENT, at("ext/deep/none"));
	event(TRACE_PRESENT, at("ext/deep"))->how = OBS_BY_STAT;
	ITEMS(plain('a', "ext/deep/none"));
}

static void
measured_files_are_looked_at_again(void **state)
{
	(void)state;
	world();
	put("measured", "1");
	event(TRACE_PRESENT, at("measured"))->how = OBS_BY_STAT;
	ITEMS(plain('f', "measured"));
	assert_int_equal(derive_verify(&l), 0);
	write_aged("measured", "22", 0);
	assert_int_equal(derive_verify(&l), ERR_CHANGED);
}

static void
outputs_are_own_however_they_came(void **state)
{
	(void)state;
	put("w/target/deps/made.o", "x");
	put("w/target/deps/linked.o", "x");
	world();
	outputs[0] = at("w/target/deps/made.o");
	l.noutputs = 1;
	reads("w/target/deps/made.o");
	NO_ITEMS();
	world();
	outputs[0] = at("w/target/deps/made.o");
	l.noutputs = 1;
	event(TRACE_LINK, at("w/x"))->other = at("w/target/inc/tmp");
	event(TRACE_RENAME, at("w/x"))->other = at("w/target/out/tmp");
	event(TRACE_ABSENT, at("w/target/out/tmp"));
	NO_ITEMS();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listings_count_by_names),
		cmocka_unit_test(of_an_absent_tree_the_top_counts),
		cmocka_unit_test(present_names_count_by_type),
		cmocka_unit_test(walks_through_path_are_programs),
		cmocka_unit_test(failed_execs_must_fail_again),
		cmocka_unit_test(variables_count_by_value),
		cmocka_unit_test(places_are_proven),
		cmocka_unit_test(externs_are_known_already),
		cmocka_unit_test(candidates_count_if_they_are_linked),
		cmocka_unit_test(directories_above_inputs_are_implied),
		cmocka_unit_test(measured_files_are_looked_at_again),
		cmocka_unit_test(outputs_are_own_however_they_came),
	};

	return cmocka_run_group_tests(tests, learnbed_make, learnbed_remove);
}
