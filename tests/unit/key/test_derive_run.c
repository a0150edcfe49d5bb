/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/* What a build script's run depended on, and what it may not do. */
#include "tests/unit/key/learnbed.h"

/* Process 0 is the script, process 1 a C compiler; OUT_DIR is w/target/out. */
static void
run_world(void)
{
	static char program[160];
	struct roots_in in = { .cwd = NULL };

	world();
	snprintf(program, sizeof(program), "%s/w/target/build.kache-real",
		 testdir);
	in.cwd = at("w");
	in.target = at("w/target");
	in.out_dir_env = at("w/target/out");
	in.sysroot = at("sysroot");
	roots_init_run(&roots, &in);
	args = (struct args){ .crate_name = "a",
			      .extra_filename = "",
			      .out_dir = at("w/target/out") };
	processes[0].exe = program;
	processes[1].exe = at("bin/cc");
	l.rules = &derive_run_rules;
	l.was_empty = true;
	l.program = program;
	l.noutputs = 0;
}

static void
what_it_asks_for_counts_by_neutral_value(void **state)
{
	(void)state;
	run_world();
	event(TRACE_GETENV, "MODE");
	event(TRACE_GETENV, "CI");
	event(TRACE_GETENV, "TMPDIR");
	event(TRACE_GETENV, "PATH");
	event(TRACE_GETENV, "NUM_JOBS");
	event(TRACE_GETENV, "RUST_BACKTRACE");
	event(TRACE_GETENV, "CARGO_MAKEFLAGS");
	event(TRACE_GETENV, "RUSTC_WRAPPER");
	ITEMS("vMODE", "vCI", "vTMPDIR", "vNUM_JOBS", "vPATH",
	      "vRUST_BACKTRACE");
	/* A shell takes PWD for what it is only if that is true. */
	run_world();
	event(TRACE_GETENV, "PWD");
	ITEMS("vPWD");
	run_world();
	processes[1].exe = at("bin/cc");
	by_linker(event(TRACE_GETENV, "PWD"));
	ITEMS("wPWD", plain('f', "bin/cc"));
	/* Who is only called like a compiler may do anything with it. */
	run_world();
	processes[1].known = 0;
	by_linker(event(TRACE_GETENV, "TMPDIR"));
	by_linker(event(TRACE_GETENV, "PWD"));
	ITEMS("vTMPDIR", "vPWD", plain('f', "bin/cc"));
	/* A compiler asks for more than what its result depends on. */
	run_world();
	by_linker(event(TRACE_GETENV, "TMPDIR"));
	by_linker(event(TRACE_GETENV, "PATH"));
	by_linker(event(TRACE_GETENV, "CPATH"));
	by_linker(event(TRACE_GETENV, "LIBRARY_PATH"));
	ITEMS("vCPATH", "vLIBRARY_PATH", plain('f', "bin/cc"));
}

static void
inputs_are_named_by_their_roots(void **state)
{
	(void)state;
	run_world();
	reads("w/lib.rs");
	reads("outside.txt");
	reads(HOST "/core.rlib");
	event(TRACE_ABSENT, at("w/none.h"));
	by_linker(reads("w/sub/mod.rs"));
	ITEMS("fw/lib.rs", plain('f', "outside.txt"), "aw/none.h",
	      "fw/sub/mod.rs", plain('f', "bin/cc"));
}

static void
in_an_empty_out_dir_all_is_its_own(void **state)
{
	(void)state;
	run_world();
	event(TRACE_ABSENT, at("w/target/out/gen.rs"));
	event(TRACE_ABSENT, at("w/target/out/sub/a.h"));
	event(TRACE_ABSENT, at("w/target/out/sub/x/b.h"));
	mkdir(at("w/target/out/sub"), 0755);
	event(TRACE_WRITE, at("w/target/out/gen.rs"))->creates = 1;
	put("w/target/out/gen.rs", "x");
	reads("w/target/out/gen.rs");
	event(TRACE_PRESENT, at("w/target/out"))->how = OBS_BY_STAT;
	/* It must be absent again when the result is put back. */
	ITEMS("aO/gen.rs", "aO/sub");
	rmdir(at("w/target/out/sub"));
	/* A list shows what else is there. */
	run_world();
	event(TRACE_LIST, at("w/target/out"));
	ITEMS("lO");
	/* Appending to what may be there gives another file then. */
	run_world();
	event(TRACE_WRITE, at("w/target/out/gen.rs"));
	ITEMS("aO/gen.rs");
	run_world();
	event(TRACE_WRITE, at("w/target/out/gen.rs"))->creates = 1;
	event(TRACE_WRITE, at("w/target/out/gen.rs"));
	NO_ITEMS();
	/* A temporary file, with a name by chance. */
	run_world();
	event(TRACE_ABSENT, at("w/target/out/tmp1234"));
	event(TRACE_WRITE, at("w/target/out/tmp1234"))->creates = 1;
	event(TRACE_UNLINK, at("w/target/out/tmp1234"));
	ITEMS("lO");
}

static void
what_lay_in_out_dir_before_is_no_input(void **state)
{
	(void)state;
	put("w/target/out/old.rs", "x");
	put("w/target/out/gen.rs", "x");
	run_world();
	l.was_empty = false;
	reads("w/target/out/old.rs");
	refused(ERR_REFUSED, "own-out-dir:");
	run_world();
	l.was_empty = false;
	event(TRACE_PRESENT, at("w/target/out/old.rs"))->how = OBS_BY_STAT;
	refused(ERR_REFUSED, "own-out-dir:");
	run_world();
	l.was_empty = false;
	event(TRACE_LIST, at("w/target/out"));
	refused(ERR_REFUSED, "own-out-dir:");
	run_world();
	l.was_empty = false;
	event(TRACE_WRITE, at("w/target/out/old.rs"));
	refused(ERR_REFUSED, "own-out-dir:");
	run_world();
	l.was_empty = false;
	event(TRACE_UNLINK, at("w/target/out/old.rs"));
	refused(ERR_REFUSED, "own-out-dir:");
	/* Written anew, then read: its own. */
	run_world();
	l.was_empty = false;
	event(TRACE_WRITE, at("w/target/out/gen.rs"))->creates = 1;
	reads("w/target/out/gen.rs");
	NO_ITEMS();
	assert_true(derive_made(&l, at("w/target/out/gen.rs")));
	assert_false(derive_made(&l, at("w/target/out/old.rs")));
	unlink(at("w/target/out/old.rs"));
	unlink(at("w/target/out/gen.rs"));
}

static void
changes_elsewhere_are_refused(void **state)
{
	static const enum trace_kind kinds[] = { TRACE_WRITE, TRACE_LINK,
						 TRACE_SYMLINK, TRACE_RENAME };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct trace_event *e;

		put("w/generated.rs", "x");
		run_world();
		e = event(kinds[i], kinds[i] == TRACE_WRITE
					    ? at("w/generated.rs")
					    : at("w/target/out/x"));
		e->other = at("w/generated.rs");
		e->creates = 1;
		l.started = file_now() - SECOND;
		refused(ERR_REFUSED, "wrote:");
	}
	run_world();
	event(TRACE_UNLINK, at("w/lib.rs"));
	refused(ERR_REFUSED, "removed:");
	/* Moved into OUT_DIR is gone from here. */
	run_world();
	event(TRACE_RENAME, at("w/gone.rs"))->other = at("w/target/out/x");
	refused(ERR_REFUSED, "removed:");
	unlink(at("w/generated.rs"));
	/* A temporary file, and a lock that was only opened, are no change. */
	run_world();
	event(TRACE_WRITE, at("w/temporary"))->creates = 1;
	event(TRACE_UNLINK, at("w/temporary"));
	l.started = file_now() + SECOND;
	event(TRACE_WRITE, at("outside.txt"));
	NO_ITEMS();
}

/* A file right in TMPDIR is nobody's; in a directory there it may be. */
static void
temporary_files_may_stay(void **state)
{
	(void)state;
	setenv("TMPDIR", testdir, 1);
	run_world();
	event(TRACE_WRITE, at("outside.txt"))->creates = 1;
	NO_ITEMS();
	run_world();
	event(TRACE_WRITE, at("w/lib.rs"))->creates = 1;
	l.started = file_now() - (int64_t)1000 * SECOND;
	refused(ERR_REFUSED, "wrote:");
	run_world();
	event(TRACE_MKDIR, at("bin3"));
	mkdir(at("bin3"), 0755);
	l.started -= 2 * (int64_t)SECOND;
	refused(ERR_REFUSED, "wrote:");
	rmdir(at("bin3"));
	unsetenv("TMPDIR");
}

/* A link in OUT_DIR leads out of it, or a file has a name elsewhere. */
static void
links_out_of_out_dir_are_refused(void **state)
{
	(void)state;
	assert_int_equal(symlink(at("w/sub"), at("w/target/out/l")), 0);
	run_world();
	event(TRACE_SYMLINK, at("w/sub"))->other = at("w/target/out/l");
	refused(ERR_REFUSED, "links-out:");
	unlink(at("w/target/out/l"));
	run_world();
	event(TRACE_LINK, at("w/lib.rs"))->other = at("w/target/out/l");
	refused(ERR_REFUSED, "links-out:");
	assert_int_equal(symlink("x", at("w/target/out/l")), 0);
	run_world();
	event(TRACE_SYMLINK, "x")->other = at("w/target/out/l");
	NO_ITEMS();
	unlink(at("w/target/out/l"));
	run_world();
	event(TRACE_READ, "/proc/self/cwd/lib.rs")->st.mode = S_IFREG;
	refused(ERR_REFUSED, "reads:/proc/self/cwd");
}

static void
the_clock_and_the_machine_are_refused(void **state)
{
	(void)state;
	run_world();
	by_linker(event(TRACE_CLOCK, ""));
	refused(ERR_REFUSED, "clock:cc");
	run_world();
	put("bin/make", "");
	processes[1].exe = at("bin/make");
	by_linker(event(TRACE_CLOCK, ""));
	ITEMS(plain('f', "bin/make"));
	run_world();
	event(TRACE_CLOCK, "");
	refused(ERR_REFUSED, "clock:build.kache-real");
	run_world();
	trace.uses_network = 1;
	refused(ERR_REFUSED, "network");
	run_world();
	event(TRACE_READ, "/proc/cpuinfo")->st.mode = S_IFREG;
	refused(ERR_REFUSED, "reads:/proc/cpuinfo");
	run_world();
	event(TRACE_READ, "/dev/urandom")->st.mode = S_IFCHR;
	refused(ERR_REFUSED, "reads:/dev/urandom");
	run_world();
	event(TRACE_READ, "/proc/self/environ")->st.mode = S_IFREG;
	refused(ERR_REFUSED, "reads:/proc/self/environ");
}

/* [inputs] allow: a user answers for what cannot be repeated. */
static void
declared_inputs_stand_for_what_is_not_seen(void **state)
{
	char list[256];

	(void)state;
	put("w/sub/mod.rs", "x");
	run_world();
	snprintf(list, sizeof(list), "sub:none.txt:%s/outside.txt", testdir);
	l.declared = list;
	trace.gap = TRACE_UNSEEN;
	trace.uses_network = 1;
	event(TRACE_CLOCK, "");
	event(TRACE_GETENV, "MODE");
	ITEMS("vMODE", "lw/sub", "fw/sub/mod.rs", "aw/none.txt",
	      plain('f', "outside.txt"));
	/* What changed while it ran is nobody's to answer for. */
	run_world();
	l.declared = "";
	reads("w/lib.rs")->st.size++;
	refused(ERR_CHANGED, "raced:");
	trace.gap = TRACE_WHOLE;
}

/* A manifest with an empty name in it would not be read again. */
static void
empty_names_are_nothing(void **state)
{
	(void)state;
	run_world();
	event(TRACE_EXEC, "");
	event(TRACE_EXEC_FAIL, "");
	event(TRACE_GETENV, "");
	NO_ITEMS();
	world();
	event(TRACE_GETENV, "");
	by_linker(event(TRACE_EXEC, ""));
	ITEMS(plain('f', "bin/cc"));
}

static void
perl_may_seed_its_hashes(void **state)
{
	(void)state;
	put("bin2/perl", "x");
	run_world();
	processes[1].exe = at("bin2/perl");
	by_linker(event(TRACE_READ, "/dev/urandom"));
	events[0].st.mode = S_IFCHR;
	ITEMS(plain('f', "bin2/perl"));
	unlink(at("bin2/perl"));
}

static void
cmake_may_look_for_its_children(void **state)
{
	(void)state;
	run_world();
	processes[1].exe = at("bin2/cmake");
	put("bin2/cmake", "x");
	by_linker(event(TRACE_LIST, "/proc"));
	ITEMS(plain('f', "bin2/cmake"));
	run_world();
	event(TRACE_LIST, "/proc");
	refused(ERR_REFUSED, "lists:/proc");
	unlink(at("bin2/cmake"));
}

static void
a_forked_child_is_its_parents_program(void **state)
{
	(void)state;
	run_world();
	processes[0].pid = 7;
	processes[1] = (struct trace_process){
		.pid = 8, .parent = 7, .exe = "", .objects = ""
	};
	by_linker(event(TRACE_CLOCK, ""));
	refused(ERR_REFUSED, "clock:build.kache-real");
}

/* The first on PATH is asked for by name; one behind it was meant itself. */
static void
programs_on_path_are_what_is_found(void **state)
{
	(void)state;
	put("bin2/cc", "other");
	run_world();
	event(TRACE_PRESENT, at("bin/cc"))->how = OBS_BY_STAT;
	event(TRACE_ABSENT, at("bin/nothing"));
	event(TRACE_ABSENT, at("bin2/nothing"));
	event(TRACE_PRESENT, at("bin2/cc"))->how = OBS_BY_STAT;
	ITEMS("pcc", "pnothing", plain('f', "bin2/cc"));
	unlink(at("bin2/cc"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_asks_for_counts_by_neutral_value),
		cmocka_unit_test(inputs_are_named_by_their_roots),
		cmocka_unit_test(in_an_empty_out_dir_all_is_its_own),
		cmocka_unit_test(what_lay_in_out_dir_before_is_no_input),
		cmocka_unit_test(changes_elsewhere_are_refused),
		cmocka_unit_test(temporary_files_may_stay),
		cmocka_unit_test(links_out_of_out_dir_are_refused),
		cmocka_unit_test(the_clock_and_the_machine_are_refused),
		cmocka_unit_test(declared_inputs_stand_for_what_is_not_seen),
		cmocka_unit_test(empty_names_are_nothing),
		cmocka_unit_test(perl_may_seed_its_hashes),
		cmocka_unit_test(cmake_may_look_for_its_children),
		cmocka_unit_test(a_forked_child_is_its_parents_program),
		cmocka_unit_test(programs_on_path_are_what_is_found),
	};

	return cmocka_run_group_tests(tests, learnbed_make, learnbed_remove);
}
