/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/learn.h"

#include "base/err.h"
#include "base/file.h"
#include "key/shape.h"
#include "key/trace.h"
#include "rustc/args.h"
#include "rustc/depinfo.h"
#include "rustc/roots.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { EVENTS = 24, FILES = 4, SECOND = 1000000000 };

/*
 * One compile as the observer tells of it: process 0 is rustc, process 1 a
 * linker.  The crate lies in <testdir>/w, its outputs go to w/target/deps.
 */
static struct trace_event events[EVENTS];
static struct trace_process processes[2];
static struct trace trace;
static struct args args;
static struct args_search search[2];
static struct args_extern externs[1];
static struct file_id extern_ids[1];
static struct depinfo depinfo;
static char *dep_files[FILES];
static struct depinfo_env dep_envs[2];
static struct roots roots;
static const char *outputs[FILES];
static struct learn l;
static struct shape shape;
static char names[64][160];
static size_t nnames;

/* <testdir>/NAME, valid until the next world; absolute names as they are. */
static const char *
at(const char *name)
{
	char *to = names[nnames++ % 64];

	snprintf(to, 160, "%s%s%s", name[0] == '/' ? "" : testdir,
		 name[0] == '/' ? "" : "/", name);
	return to;
}

static void
write_aged(const char *name, const char *text, int age)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
				 { .tv_sec = file_now() / SECOND - age } };
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	assert_int_equal(futimens(fd, t), 0);
	close(fd);
}

static void
put(const char *name, const char *text)
{
	write_aged(name, text, 100);
}

static void
age_dir(const char *name)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
				 { .tv_sec = file_now() / SECOND - 100 } };

	assert_int_equal(utimensat(AT_FDCWD, at(name), t, 0), 0);
}

static void
world(void)
{
	struct roots_in in = { .mode = ROOTS_CHECKOUT, .args = &args };

	learn_release(&l);
	shape_free(&shape);
	memset(events, 0, sizeof(events));
	nnames = 0;
	search[0] =
		(struct args_search){ "dependency", 10, at("w/target/deps") };
	args = (struct args){ .crate_name = "a",
			      .extra_filename = "-1",
			      .out_dir = at("w/target/deps"),
			      .incremental = at("w/target/inc"),
			      .search = search,
			      .nsearch = 1,
			      .externs = externs };
	in.cwd = at("w");
	in.target = at("w/target");
	in.out_dir_env = at("w/target/out");
	in.sysroot = at("sysroot");
	roots_init(&roots, &in);
	processes[0] = (struct trace_process){ .exe = at("sysroot/bin/rustc"),
					       .objects = "",
					       .started = 1 };
	processes[1] = (struct trace_process){ .exe = at("bin/cc"),
					       .objects = "",
					       .started = 1 };
	trace = (struct trace){ .events = events,
				.processes = processes,
				.nprocesses = 1,
				.gap_reason = "",
				.gap_name = "" };
	depinfo = (struct depinfo){ .files = dep_files, .envs = dep_envs };
	l = (struct learn){ .trace = &trace,
			    .depinfo = &depinfo,
			    .args = &args,
			    .roots = &roots,
			    .sysroot = in.sysroot,
			    .cwd = in.cwd,
			    .observer = at("lib/observe.so"),
			    .outputs = outputs,
			    .externs = extern_ids,
			    .started = file_now() - SECOND };
}

static struct trace_event *
event(enum trace_kind kind, const char *name)
{
	struct trace_event *e = &events[trace.nevents++];

	assert_true(trace.nevents <= EVENTS);
	*e = (struct trace_event){ .kind = kind, .name = name, .other = "" };
	return e;
}

/* NAME was opened and read, as it is now. */
static struct trace_event *
reads(const char *name)
{
	struct trace_event *e = event(TRACE_READ, at(name));
	struct file_id id;

	assert_int_equal(file_id_at(AT_FDCWD, e->name, &id), 0);
	e->st = (struct trace_stat){ .dev = id.dev,
				     .ino = id.ino,
				     .size = id.size,
				     .mtime_ns = id.mtime,
				     .seen_ns = file_now(),
				     .mode = id.mode };
	return e;
}

static void
by_linker(struct trace_event *e)
{
	trace.nprocesses = 2;
	e->process = 1;
}

static bool
has(const char *item)
{
	for (size_t i = 0; i < shape.count; i++)
		if (!strcmp(shape_item(&shape, i), item))
			return true;
	return false;
}

/* The shape is these items, no more and no less. */
static void
items(const char *const *want)
{
	size_t n = 0;
	int r = learn_shape(&l, &shape);

	if (r < 0)
		fail_msg("refused: %s", l.reason);
	for (; want[n]; n++)
		if (!has(want[n]))
			fail_msg("missing: %s", want[n]);
	for (size_t i = 0; i < shape.count && shape.count != n; i++)
		print_message("item: %s\n", shape_item(&shape, i));
	assert_int_equal(shape.count, n);
}

#define ITEMS(...) items((const char *const[]){ __VA_ARGS__, NULL })
#define NO_ITEMS() items((const char *const[]){ NULL })

static void
refused(int code, const char *reason)
{
	int r = learn_shape(&l, &shape);

	if (r == 0)
		fail_msg("not refused: %s", reason);
	assert_int_equal(r, code);
	if (strncmp(l.reason, reason, strlen(reason)))
		fail_msg("reason %s, not %s", l.reason, reason);
}

/* An item for <testdir>/NAME, which has no root. */
static const char *
plain(char kind, const char *name)
{
	char *to = names[nnames++ % 64];

	snprintf(to, 160, "%c%s/%s", kind, testdir, name);
	return to;
}

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
	reads("sysroot/lib/core.rlib");
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
	refused(ERR_REFUSED, "unseen:unseen:static:/bin/x");
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
	assert_int_equal(learn_verify(&l), 0);
	write_aged("w/late.rs", "behind", 0);
	assert_int_equal(learn_verify(&l), ERR_CHANGED);
	/* Objects that ran have no opening to compare with. */
	world();
	put("lib/macro.so", "code");
	event(TRACE_OBJECT, at("lib/macro.so"));
	ITEMS(plain('f', "lib/macro.so"));
	assert_int_equal(learn_verify(&l), 0);
	write_aged("lib/macro.so", "other", 0);
	assert_int_equal(learn_verify(&l), ERR_CHANGED);
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
	event(TRACE_LIST, at("sysroot"));
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
	event(TRACE_ABSENT, at("sysroot/lib/x"));
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
	event(TRACE_PRESENT, at("w/lib.rs"))->how = TRACE_BY_STAT;
	event(TRACE_PRESENT, at("w"))->how = TRACE_BY_STAT;
	event(TRACE_PRESENT, "/")->how = TRACE_BY_STAT;
	event(TRACE_PRESENT, at("w/sub"))->how = TRACE_BY_STAT;
	e = event(TRACE_PRESENT, at("w/ln"));
	e->how = TRACE_BY_LSTAT;
	e->other = "sub";
	event(TRACE_PRESENT, at("outside.txt"))->how = TRACE_BY_ACCESS;
	ITEMS("fw/lib.rs", "sw/sub", "kw/ln", plain('s', "outside.txt"));
	/* A link to what was read is no less a link. */
	world();
	reads("w/ln/mod.rs");
	event(TRACE_PRESENT, at("w/ln"))->how = TRACE_BY_READLINK;
	ITEMS("fw/ln/mod.rs", "kw/ln");
	/* Whoever asks for a stat may use the size. */
	world();
	event(TRACE_PRESENT, at("outside.txt"))->how = TRACE_BY_STAT;
	ITEMS(plain('f', "outside.txt"));
	world();
	write_aged("young.txt", "", 0);
	event(TRACE_PRESENT, at("young.txt"))->how = TRACE_BY_STAT;
	refused(ERR_CHANGED, "raced-tick:");
	world();
	event(TRACE_PRESENT, at("w/gone"))->how = TRACE_BY_STAT;
	refused(ERR_CHANGED, "raced:");
}

/* <testdir>/bin and <testdir>/bin2 are PATH. */
static void
walks_through_path_are_programs(void **state)
{
	struct trace_event *e;

	(void)state;
	world();
	processes[1].exe = at("sysroot/bin/ld");
	by_linker(event(TRACE_ABSENT, at("bin/as")));
	e = event(TRACE_PRESENT, at("bin2/as"));
	e->how = TRACE_BY_STAT;
	by_linker(e);
	by_linker(event(TRACE_EXEC, at("bin2/nm")));
	event(TRACE_EXEC, "cc")->other = at("bin/cc");
	event(TRACE_EXEC, "rust-lld")->other = at("sysroot/bin/rust-lld");
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
	processes[1].exe = at("sysroot/bin/ld");
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
	event(TRACE_PRESENT, externs[0].path)->how = TRACE_BY_STAT;
	NO_ITEMS();
	assert_int_equal(learn_verify(&l), 0);
	put("w/target/deps/libb-2.rmeta", "another crate b");
	assert_int_equal(learn_verify(&l), ERR_CHANGED);
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
	processes[1].exe = at("sysroot/bin/ld");
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
		event(TRACE_PRESENT, at(above[i]))->how = TRACE_BY_STAT;
	ITEMS("fw/sub/mod.rs", "lw/native/x");
	world();
	event(TRACE_ABSENT, at("ext/deep/none"));
	event(TRACE_PRESENT, at("ext/deep"))->how = TRACE_BY_STAT;
	ITEMS(plain('a', "ext/deep/none"));
}

static void
measured_files_are_looked_at_again(void **state)
{
	(void)state;
	world();
	put("measured", "1");
	event(TRACE_PRESENT, at("measured"))->how = TRACE_BY_STAT;
	ITEMS(plain('f', "measured"));
	assert_int_equal(learn_verify(&l), 0);
	write_aged("measured", "22", 0);
	assert_int_equal(learn_verify(&l), ERR_CHANGED);
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

static int
set_up(void **state)
{
	static const char *const dirs[] = {
		"w",    "w/sub",         "w/native",     "w/target",
		"bin",  "w/target/deps", "w/target/inc", "w/target/out",
		"bin2", "sysroot",       "sysroot/bin",  "sysroot/lib",
		"lib",  "real-inc",
	};
	static const char *const files[] = {
		"w/lib.rs",
		"w/sub/mod.rs",
		"outside.txt",
		"sysroot/lib/core.rlib",
		"lib/observe.so",
		"sysroot/bin/rustc",
		"sysroot/bin/ld",
		"bin/cc",
		"w/target/inc/state.bin",
		"bin2/as",
		"bin2/nm",
	};
	char path[160];

	if (testdir_make(state) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(at(dirs[i]), 0755) < 0)
			return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(files[i], "content");
	snprintf(path, sizeof(path), "%s/bin:%s/bin2", testdir, testdir);
	return setenv("PATH", path, 1);
}

static int
tear_down(void **state)
{
	learn_release(&l);
	shape_free(&shape);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_is_an_item),
		cmocka_unit_test(sources_must_have_been_seen),
		cmocka_unit_test(known_files_are_no_items),
		cmocka_unit_test(linked_incremental_directories_are_ours),
		cmocka_unit_test(odd_files_are_refused),
		cmocka_unit_test(gaps_prove_nothing),
		cmocka_unit_test(inputs_that_move_are_a_race),
		cmocka_unit_test(a_second_look_finds_late_writes),
		cmocka_unit_test(code_that_ran_is_an_input),
		cmocka_unit_test(own_files_are_no_inputs),
		cmocka_unit_test(effects_that_a_hit_would_lose_are_refused),
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

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
