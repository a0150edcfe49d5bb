/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNIT_LEARNBED_H
#define UNIT_LEARNBED_H

#include "key/derive.h"

#include "base/err.h"
#include "base/file.h"
#include "key/inputs.h"
#include "key/trace.h"
#include "rustc/args.h"
#include "rustc/depinfo.h"
#include "rustc/roots.h"
#include "rustc/toolchain.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define HOST "sysroot/lib/rustlib/host"

enum { EVENTS = 24, FILES = 4, SECOND = 1000000000 };

/*
 * One compile as the observer tells of it: process 0 is rustc, process 1 a
 * linker.  The crate lies in <testdir>/w, its outputs go to w/target/deps.
 */
static struct trace_event events[EVENTS];
static struct trace_process processes[2];
static struct trace trace;
static struct toolchain toolchain;
static struct args args;
static struct args_search search[2];
static struct args_extern externs[1];
static struct file_id extern_ids[1];
static struct depinfo depinfo;
static char *dep_files[FILES];
static struct depinfo_env dep_envs[2];
static struct roots roots;
static const char *outputs[FILES];
static struct derive l;
static struct inputs inputs;
static char names[64][160];
static size_t nnames;

/* <testdir>/NAME, valid until the next world; absolute names as they are. */
static inline const char *
at(const char *name)
{
	char *to = names[nnames++ % 64];

	snprintf(to, 160, "%s%s%s", name[0] == '/' ? "" : testdir,
		 name[0] == '/' ? "" : "/", name);
	return to;
}

/*
 * The kernel sets the ctime, so the compile lies in the future of all that a
 * test writes; but what is of age 0 counts as written while it runs.
 */
static inline void
write_aged(const char *name, const char *text, int age)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
				 { .tv_sec = file_now() / SECOND - age } };
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	assert_int_equal(futimens(fd, t), 0);
	close(fd);
	if (age == 0)
		l.started = file_now() - SECOND;
}

static inline void
put(const char *name, const char *text)
{
	write_aged(name, text, 100);
}

static inline void
age_dir(const char *name)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
				 { .tv_sec = file_now() / SECOND - 100 } };

	assert_int_equal(utimensat(AT_FDCWD, at(name), t, 0), 0);
}

static inline void
world(void)
{
	struct roots_in in = { .mode = ROOTS_CHECKOUT, .args = &args };

	derive_release(&l);
	inputs_free(&inputs);
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
					       .started = 1,
					       .known = 1 };
	processes[1] = (struct trace_process){
		.exe = at("bin/cc"), .objects = "", .started = 1, .known = 1
	};
	toolchain = (struct toolchain){
		.rustc = (char *)at("sysroot/bin/rustc"),
		.sysroot = (char *)in.sysroot,
		.verbose = (char *)"rustc\nhost: host\n",
		.lacks = 1,
	};
	trace = (struct trace){ .events = events,
				.processes = processes,
				.nprocesses = 1,
				.gap_reason = "",
				.gap_name = "" };
	depinfo = (struct depinfo){ .files = dep_files, .envs = dep_envs };
	l = (struct derive){ .rules = &derive_compile_rules,
			     .trace = &trace,
			     .depinfo = &depinfo,
			     .args = &args,
			     .roots = &roots,
			     .toolchain = &toolchain,
			     .cwd = in.cwd,
			     .observer = at("lib/observe.so"),
			     .outputs = outputs,
			     .externs = extern_ids,
			     .started = file_now() + SECOND };
}

static inline struct trace_event *
event(enum trace_kind kind, const char *name)
{
	struct trace_event *e = &events[trace.nevents++];

	assert_true(trace.nevents <= EVENTS);
	*e = (struct trace_event){ .kind = kind, .name = name, .other = "" };
	return e;
}

/* NAME was opened and read, as it is now. */
static inline struct trace_event *
reads(const char *name)
{
	struct trace_event *e = event(TRACE_READ, at(name));
	struct file_id id;

	assert_int_equal(file_id_at(AT_FDCWD, e->name, &id), 0);
	e->st = (struct trace_stat){ .dev = id.dev,
				     .ino = id.ino,
				     .size = id.size,
				     .mtime_ns = id.mtime,
				     .ctime_ns = id.ctime,
				     .seen_ns = file_now() + SECOND,
				     .mode = id.mode };
	return e;
}

static inline void
by_linker(struct trace_event *e)
{
	trace.nprocesses = 2;
	e->process = 1;
}

static inline bool
has(const char *item)
{
	for (size_t i = 0; i < inputs.count; i++)
		if (!strcmp(inputs_item(&inputs, i), item))
			return true;
	return false;
}

/* The input list is these items, no more and no less. */
static inline void
items(const char *const *want)
{
	size_t n = 0;
	int r = derive_inputs(&l, &inputs);

	if (r < 0)
		fail_msg("refused: %s", l.reason);
	for (; want[n]; n++)
		if (!has(want[n]))
			fail_msg("missing: %s", want[n]);
	for (size_t i = 0; i < inputs.count && inputs.count != n; i++)
		print_message("item: %s\n", inputs_item(&inputs, i));
	assert_int_equal(inputs.count, n);
}

#define ITEMS(...) items((const char *const[]){ __VA_ARGS__, NULL })
#define NO_ITEMS() items((const char *const[]){ NULL })

static inline void
refused(int code, const char *reason)
{
	int r = derive_inputs(&l, &inputs);

	if (r == 0)
		fail_msg("not refused: %s", reason);
	assert_int_equal(r, code);
	if (strncmp(l.reason, reason, strlen(reason)))
		fail_msg("reason %s, not %s", l.reason, reason);
}

/* An item for <testdir>/NAME, which has no root. */
static inline const char *
plain(char kind, const char *name)
{
	char *to = names[nnames++ % 64];

	snprintf(to, 160, "%c%s/%s", kind, testdir, name);
	return to;
}

static inline int
learnbed_make(void **state)
{
	static const char *const dirs[] = {
		"w",
		"w/sub",
		"w/native",
		"w/target",
		"bin",
		"w/target/deps",
		"w/target/inc",
		"w/target/out",
		"bin2",
		"sysroot",
		"sysroot/bin",
		"sysroot/lib",
		"lib",
		"real-inc",
		"sysroot/lib/rustlib",
		HOST,
		HOST "/bin",
	};
	static const char *const files[] = {
		"w/lib.rs",        "w/sub/mod.rs",   "outside.txt",
		HOST "/core.rlib", "lib/observe.so", "sysroot/bin/rustc",
		HOST "/bin/ld",    "bin/cc",         "w/target/inc/state.bin",
		"bin2/as",         "bin2/nm",
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

static inline int
learnbed_remove(void **state)
{
	derive_release(&l);
	inputs_free(&inputs);
	return testdir_remove(state);
}

#endif
