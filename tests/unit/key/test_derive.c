/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/* What a compile read, and what of it cannot be trusted. */
#include "tests/unit/key/learnbed.h"

static void
what_was_read_is_an_item(void **state)
{
	(void)state;
	world();
	reads("w/lib.rs");
	reads("w/lib.rs");
	reads("outside.txt");
	event(TRACE_READ, "./sub//./mod.rs")->st = reads("w/sub/mod.rs")->st;
	dep_files[0] = (char *)"lib.rs";
	depinfo.nfiles = 1;
	ITEMS("fw/lib.rs", "fw/sub/mod.rs", plain('f', "outside.txt"));
}

static void
sources_must_have_been_seen(void **state)
{
	(void)state;
	world();
	reads("w/lib.rs");
	dep_files[0] = (char *)"lib.rs";
	dep_files[1] = (char *)"sub/mod.rs";
	depinfo.nfiles = 2;
	refused(ERR_REFUSED, "unseen-source:sub/mod.rs");
}

static void
known_files_are_no_items(void **state)
{
	(void)state;
	world();
	reads(HOST "/core.rlib");
	reads("w/target/inc/state.bin");
	reads("lib/observe.so");
	reads("/proc/self/maps");
	reads("/dev/null");
	reads("/etc/ld.so.cache");
	NO_ITEMS();
	/* Their neighbours are. */
	world();
	put("sysroot2", "");
	put("w/target/inc2", "");
	reads("sysroot2");
	reads("w/target/inc2");
	ITEMS(plain('f', "sysroot2"), "ft/inc2");
}

static void
linked_incremental_directories_are_ours(void **state)
{
	(void)state;
	world();
	args.incremental = at("w/link-inc");
	assert_int_equal(symlink(at("real-inc"), at("w/link-inc")), 0);
	event(TRACE_WRITE, at("real-inc/s.lock"));
	put("real-inc/s.lock", "");
	NO_ITEMS();
}

static void
odd_files_are_refused(void **state)
{
	(void)state;
	world();
	reads("w/lib.rs")->st.mode = S_IFIFO | 0600;
	refused(ERR_REFUSED, "special:");
	world();
	reads("/proc/version")->st.mode = S_IFREG | 0444;
	refused(ERR_REFUSED, "reads:/proc/version");
	world();
	put("w/bad\001name", "");
	reads("w/bad\001name");
	refused(ERR_REFUSED, "path:");
	world();
	put("w/\377", "");
	reads("w/\377");
	refused(ERR_REFUSED, "path:");
}

static void
gaps_prove_nothing(void **state)
{
	(void)state;
	world();
	reads("w/lib.rs");
	trace.gap = TRACE_UNSEEN;
	trace.gap_reason = "static";
	trace.gap_name = "/bin/x";
	refused(ERR_REFUSED, "unseen:static:/bin/x");
	world();
	trace.gap = TRACE_LOST;
	refused(ERR_REFUSED, "unseen:lost");
	world();
	trace.uses_network = 1;
	refused(ERR_REFUSED, "network");
}

static void
inputs_that_move_are_a_race(void **state)
{
	(void)state;
	world();
	reads("w/lib.rs")->st.mtime_ns--;
	refused(ERR_CHANGED, "raced:");
	world();
	reads("w/lib.rs")->st.size++;
	refused(ERR_CHANGED, "raced:");
	world();
	reads("w/lib.rs")->st.ino++;
	refused(ERR_CHANGED, "raced:");
	world();
	reads("w/lib.rs")->st.dev++;
	refused(ERR_CHANGED, "raced:");
	/* Written in the tick of its opening. */
	world();
	reads("w/lib.rs");
	events[0].st.seen_ns = events[0].st.mtime_ns;
	refused(ERR_CHANGED, "raced-tick:");
	/* Opened twice, and different. */
	world();
	reads("w/lib.rs");
	reads("w/lib.rs")->st.mtime_ns--;
	refused(ERR_CHANGED, "raced:");
	/* The first opening has the strictest tick. */
	world();
	reads("w/lib.rs");
	reads("w/lib.rs");
	events[0].st.seen_ns = events[0].st.mtime_ns;
	refused(ERR_CHANGED, "raced-tick:");
	world();
	event(TRACE_READ, at("w/gone"))->st = reads("w/lib.rs")->st;
	refused(ERR_CHANGED, "raced:");
}

static void
a_second_look_finds_late_writes(void **state)
{
	(void)state;
	world();
	put("w/late.rs", "before");
	reads("w/late.rs");
	ITEMS("fw/late.rs");
	assert_int_equal(derive_verify(&l), 0);
	write_aged("w/late.rs", "behind", 0);
	assert_int_equal(derive_verify(&l), ERR_CHANGED);
	/* Objects that ran have no opening to compare with. */
	world();
	put("lib/macro.so", "code");
	event(TRACE_OBJECT, at("lib/macro.so"));
	ITEMS(plain('f', "lib/macro.so"));
	assert_int_equal(derive_verify(&l), 0);
	write_aged("lib/macro.so", "other", 0);
	assert_int_equal(derive_verify(&l), ERR_CHANGED);
}

static void
code_that_ran_is_an_input(void **state)
{
	(void)state;
	world();
	trace.nprocesses = 2;
	processes[1].objects = "/lib/x86_64-linux-gnu/libc.so.6\0linux-vdso.so";
	processes[1].nobjects = 2;
	event(TRACE_OBJECT, at("lib/macro.so"));
	put("lib/macro.so", "code");
	ITEMS(plain('f', "bin/cc"), plain('f', "lib/macro.so"));
	world();
	event(TRACE_OBJECT, at("lib/new.so"));
	write_aged("lib/new.so", "code", 0);
	refused(ERR_CHANGED, "raced-tick:");
	world();
	event(TRACE_OBJECT, at("lib/gone.so"));
	refused(ERR_CHANGED, "raced:");
}

static void
own_files_are_no_inputs(void **state)
{
	(void)state;
	world();
	outputs[0] = at("w/target/deps/liba-1.rlib");
	l.noutputs = 1;
	put("w/target/deps/liba-1.rlib", "new");
	put("w/target/deps/a-1.d", "left by an earlier compile");
	event(TRACE_WRITE, at("w/target/deps/tmp.o"));
	event(TRACE_RENAME, at("w/target/deps/tmp.o"))->other = outputs[0];
	event(TRACE_UNLINK, at("w/target/deps/tmp.o"));
	event(TRACE_MKDIR, at("w/target/deps/rmetaX"));
	event(TRACE_ABSENT, at("w/target/deps/rmetaX/full.rmeta"));
	event(TRACE_ABSENT, at("w/target/deps/tmp.o"));
	event(TRACE_PRESENT, at("w/target/deps/tmp.o"));
	reads("w/target/deps/liba-1.rlib");
	reads("w/target/deps/a-1.d");
	NO_ITEMS();
}

static void
effects_that_a_hit_would_lose_are_refused(void **state)
{
	struct trace_event *e;

	(void)state;
	put("w/left.txt", "by a macro");
	world();
	event(TRACE_WRITE, at("w/left.txt"));
	refused(ERR_REFUSED, "wrote:");
	world();
	e = event(TRACE_RENAME, at("w/tmp"));
	e->other = at("w/left.txt");
	refused(ERR_REFUSED, "wrote:");
	world();
	e = event(TRACE_SYMLINK, "x");
	e->other = at("w/left.txt");
	refused(ERR_REFUSED, "wrote:");
	world();
	e = event(TRACE_LINK, at("w/tmp"));
	e->other = at("w/left.txt");
	refused(ERR_REFUSED, "wrote:");
	world();
	event(TRACE_UNLINK, at("w/not-ours"));
	refused(ERR_REFUSED, "removed:");
	/* A directory that was made, and one that was there (mkdir -p). */
	assert_int_equal(mkdir(at("w/made"), 0755), 0);
	world();
	l.started = file_now() - (int64_t)10 * SECOND;
	event(TRACE_MKDIR, at("w/made"));
	refused(ERR_REFUSED, "wrote:");
	world();
	l.started = file_now() + (int64_t)10 * SECOND;
	event(TRACE_MKDIR, at("w/made"));
	NO_ITEMS();
}

static void
surroundings_are_items(void **state)
{
	(void)state;
	world();
	l.whole_env = true;
	l.cpu = l.cpus = true;
	ITEMS("Eall", "xcpu", "xcpus");
	world();
	l.whole_env = l.raw_env = l.host = true;
	ITEMS("Eraw", "xhost");
	world();
	l.cc_env = true;
	ITEMS("Ecc");
	world();
	l.cc_env = l.whole_env = true;
	ITEMS("Eall");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_is_an_item),
		cmocka_unit_test(sources_must_have_been_seen),
		cmocka_unit_test(known_files_are_no_items),
		cmocka_unit_test(surroundings_are_items),
		cmocka_unit_test(linked_incremental_directories_are_ours),
		cmocka_unit_test(odd_files_are_refused),
		cmocka_unit_test(gaps_prove_nothing),
		cmocka_unit_test(inputs_that_move_are_a_race),
		cmocka_unit_test(a_second_look_finds_late_writes),
		cmocka_unit_test(code_that_ran_is_an_input),
		cmocka_unit_test(own_files_are_no_inputs),
		cmocka_unit_test(effects_that_a_hit_would_lose_are_refused),
	};

	return cmocka_run_group_tests(tests, learnbed_make, learnbed_remove);
}
