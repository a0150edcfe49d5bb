/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/unit/key/learnbed.h"

#include "key/attributes.h"

#include <stdlib.h>
#include <unistd.h>

/* What process 0 and 1 make use of. */
static unsigned char uses[2];

static void
run_world(void)
{
	world();
	args = (struct args){ .out_dir = at("w/target/out") };
	l.rules = &derive_run_rules;
	l.program = at("w/target/build.kache-real");
	processes[0].exe = l.program;
	uses[0] = uses[1] = 0;
	l.uses = uses;
}

static void
compile_world(void)
{
	world();
	uses[0] = uses[1] = 0;
	l.uses = uses;
}

static struct trace_event *
present(const char *name, enum obs_how how)
{
	struct trace_event *e = event(TRACE_PRESENT, at(name));

	e->how = how;
	return e;
}

static void
attributes_count_where_they_are_used(void **state)
{
	(void)state;
	run_world();
	present("w/lib.rs", OBS_BY_STAT);
	ITEMS("fw/lib.rs");
	run_world();
	uses[0] = ATTRIBUTES_TIMES;
	present("w/lib.rs", OBS_BY_STAT);
	reads("w/sub/mod.rs");
	ITEMS("fw/lib.rs", "tw/lib.rs", "fw/sub/mod.rs", "tw/sub/mod.rs");
	run_world();
	uses[0] = ATTRIBUTES_MODE | ATTRIBUTES_OWNER | ATTRIBUTES_CLOCKS;
	present("w/lib.rs", OBS_BY_STAT);
	ITEMS("fw/lib.rs", "mw/lib.rs", "ow/lib.rs", "bw/lib.rs");
	/* Of files that were opened and not tested, by others it does not. */
	run_world();
	uses[0] = ATTRIBUTES_TIMES | ATTRIBUTES_TESTED;
	present("w/lib.rs", OBS_BY_STAT);
	reads("w/sub/mod.rs");
	ITEMS("fw/lib.rs", "tw/lib.rs", "fw/sub/mod.rs");
	/* statx that wanted no times, and access. */
	run_world();
	uses[0] = ATTRIBUTES_TIMES;
	present("w/lib.rs", OBS_BY_STAT)->no_times = 1;
	present("w/sub/mod.rs", OBS_BY_ACCESS);
	ITEMS("fw/lib.rs", "sw/sub/mod.rs");
	/* Directories that each build fills. */
	run_world();
	uses[0] = ATTRIBUTES_TIMES;
	present("w", OBS_BY_STAT);
	present("w/target", OBS_BY_STAT);
	present("w/sub", OBS_BY_STAT);
	ITEMS("sw/sub", "tw/sub");
}

static void
a_file_that_is_written_to_has_no_time(void **state)
{
	(void)state;
	run_world();
	uses[0] = ATTRIBUTES_TIMES;
	present("w/sub/mod.rs", OBS_BY_STAT);
	write_aged("w/sub/mod.rs", "content", 0);
	refused(ERR_CHANGED, "raced-tick:");
	put("w/sub/mod.rs", "content");
}

static void
of_a_compiler_macros_count(void **state)
{
	struct trace_event *e;

	(void)state;
	compile_world();
	uses[0] = ATTRIBUTES_TIMES | ATTRIBUTES_MODE;
	reads("w/lib.rs");
	present("w/sub/mod.rs", OBS_BY_STAT);
	ITEMS("fw/lib.rs", "fw/sub/mod.rs");
	compile_world();
	uses[0] = ATTRIBUTES_TIMES | ATTRIBUTES_MODE;
	reads("w/lib.rs")->guest = 1;
	present("w/sub/mod.rs", OBS_BY_STAT)->guest = 1;
	ITEMS("fw/lib.rs", "tw/lib.rs", "mw/lib.rs", "fw/sub/mod.rs",
	      "tw/sub/mod.rs", "mw/sub/mod.rs");
	/* What lies in target is made by each build. */
	compile_world();
	uses[0] = ATTRIBUTES_TIMES | ATTRIBUTES_MODE;
	put("w/target/native.a", "content");
	reads("w/target/native.a")->guest = 1;
	ITEMS("ft/native.a");
	/* Where a name leads. */
	compile_world();
	present("w/sub", OBS_BY_REALPATH);
	ITEMS("sw/sub");
	compile_world();
	e = present("w/sub", OBS_BY_REALPATH);
	e->guest = 1;
	e->other = at("w/sub");
	ITEMS("sw/sub", "rw/sub");
	/* A crate that rustc itself resolves. */
	compile_world();
	put("w/target/deps/libdep.rlib", "content");
	args.linked = true;
	present("w/target/deps/libdep.rlib", OBS_BY_REALPATH)->guest = 1;
	ITEMS("fo/libdep.rlib");
	args.linked = false;
	/* readlink -f that a macro started, and a linker. */
	compile_world();
	uses[1] = ATTRIBUTES_KNOWN;
	by_linker(present("w/sub", OBS_BY_REALPATH));
	ITEMS("sw/sub", "rw/sub", plain('f', "bin/cc"));
	compile_world();
	uses[1] = ATTRIBUTES_KNOWN | ATTRIBUTES_COMPILES;
	by_linker(present("w/sub", OBS_BY_REALPATH));
	ITEMS("sw/sub", plain('f', "bin/cc"));
}

static void
being_no_link_counts(void **state)
{
	(void)state;
	run_world();
	reads("w/lib.rs");
	present("w/lib.rs", OBS_BY_LSTAT);
	ITEMS("fw/lib.rs", "kw/lib.rs");
	/* The kernel's name of the current directory has no links. */
	run_world();
	present("w", OBS_BY_LSTAT);
	NO_ITEMS();
	/* A list tells it of each name. */
	run_world();
	event(TRACE_LIST, at("w/sub"));
	present("w/sub/mod.rs", OBS_BY_LSTAT);
	ITEMS("lw/sub", "fw/sub/mod.rs");
	/* Above another root, where that leads. */
	run_world();
	present("w/target", OBS_BY_READLINK);
	ITEMS("rO");
	compile_world();
	reads("w/lib.rs");
	present("w/lib.rs", OBS_BY_LSTAT);
	ITEMS("fw/lib.rs");
}

static void
who_may_write_counts(void **state)
{
	(void)state;
	run_world();
	present("w/lib.rs", OBS_BY_ACCESS)->write = 1;
	ITEMS("sw/lib.rs", "mw/lib.rs");
	run_world();
	uses[0] = ATTRIBUTES_KNOWN;
	present("w/lib.rs", OBS_BY_ACCESS)->write = 1;
	ITEMS("sw/lib.rs", "mw/lib.rs");
	run_world();
	uses[0] = ATTRIBUTES_KNOWN | ATTRIBUTES_COMPILES;
	present("w/lib.rs", OBS_BY_ACCESS)->write = 1;
	ITEMS("sw/lib.rs");
}

static void
macros_are_refused_what_scripts_are(void **state)
{
	(void)state;
	compile_world();
	event(TRACE_CLOCK, "");
	NO_ITEMS();
	compile_world();
	event(TRACE_CLOCK, "")->guest = 1;
	refused(ERR_REFUSED, "clock:macro");
	compile_world();
	put("bin/date", "");
	processes[1].exe = at("bin/date");
	by_linker(event(TRACE_CLOCK, ""));
	refused(ERR_REFUSED, "clock:date");
	compile_world();
	event(TRACE_READ, "/proc/meminfo")->st.mode = S_IFREG;
	NO_ITEMS();
	compile_world();
	event(TRACE_READ, "/proc/meminfo")->guest = 1;
	refused(ERR_REFUSED, "reads:/proc/meminfo");
	compile_world();
	event(TRACE_READ, "/dev/urandom")->guest = 1;
	refused(ERR_REFUSED, "reads:/dev/urandom");
}

static void
of_a_process_its_layout_is_nobodys(void **state)
{
	static const char *const quiet[] = { "/proc/self/maps",
					     "/proc/self/cgroup",
					     "/proc/self/task/1/stat" };
	static const char *const told[] = { "/proc/self/limits",
					    "/proc/self/cmdline",
					    "/proc/self/../version",
					    "/proc/1/stat",
					    "/proc/thread-self/attr/current" };

	(void)state;
	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
		run_world();
		event(TRACE_READ, quiet[i])->st.mode = S_IFREG;
		NO_ITEMS();
	}
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		run_world();
		event(TRACE_READ, told[i])->st.mode = S_IFREG;
		refused(ERR_REFUSED, "reads:/proc/");
	}
	run_world();
	processes[0].pid = 77;
	event(TRACE_READ, "/proc/77/stat")->st.mode = S_IFREG;
	NO_ITEMS();
	run_world();
	event(TRACE_READ, "/sys/fs/cgroup/memory.max")->st.mode = S_IFREG;
	refused(ERR_REFUSED, "reads:/sys/fs/cgroup");
	run_world();
	event(TRACE_READ, "/sys/fs/cgroup/cpu.max")->st.mode = S_IFREG;
	NO_ITEMS();
}

static void
what_no_item_can_hold_is_refused(void **state)
{
	(void)state;
	run_world();
	event(TRACE_ASK, at("w/lib.rs"))->number = OBS_ASK_XATTR;
	refused(ERR_REFUSED, "xattr:");
	run_world();
	event(TRACE_ASK, at("w"))->number = OBS_ASK_FILE_SYSTEM;
	refused(ERR_REFUSED, "file-system:");
	/* cp and ls ask each time. */
	run_world();
	uses[0] = ATTRIBUTES_KNOWN;
	event(TRACE_ASK, at("w/lib.rs"))->number = OBS_ASK_XATTR;
	NO_ITEMS();
	run_world();
	uses[0] = ATTRIBUTES_KNOWN | ATTRIBUTES_PRINTS;
	event(TRACE_ASK, at("w"))->number = OBS_ASK_FILE_SYSTEM;
	refused(ERR_REFUSED, "file-system:");
	run_world();
	put("lib/libselinux.so.1", "code");
	processes[0].objects = at("lib/libselinux.so.1");
	processes[0].nobjects = 1;
	event(TRACE_READ, "/proc/filesystems")->st.mode = S_IFREG;
	ITEMS(plain('f', "lib/libselinux.so.1"));
	run_world();
	event(TRACE_READ, "/proc/filesystems")->st.mode = S_IFREG;
	refused(ERR_REFUSED, "reads:/proc/filesystems");
}

static void
a_changed_ctime_is_a_race(void **state)
{
	(void)state;
	compile_world();
	reads("w/lib.rs")->st.ctime_ns--;
	refused(ERR_CHANGED, "raced:");
	/* cargo and we link what lies in target. */
	compile_world();
	put("w/target/native.a", "content");
	reads("w/target/native.a")->st.ctime_ns--;
	ITEMS("ft/native.a");
	/* A clock that goes wrong dates a file in the future: its ctime tells
	 * that nobody writes it. */
	compile_world();
	write_aged("w/future.rs", "content", -100000);
	reads("w/future.rs");
	ITEMS("fw/future.rs");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_count_where_they_are_used),
		cmocka_unit_test(a_file_that_is_written_to_has_no_time),
		cmocka_unit_test(of_a_compiler_macros_count),
		cmocka_unit_test(being_no_link_counts),
		cmocka_unit_test(who_may_write_counts),
		cmocka_unit_test(macros_are_refused_what_scripts_are),
		cmocka_unit_test(of_a_process_its_layout_is_nobodys),
		cmocka_unit_test(what_no_item_can_hold_is_refused),
		cmocka_unit_test(a_changed_ctime_is_a_race),
	};

	return cmocka_run_group_tests(tests, learnbed_make, learnbed_remove);
}
