/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/trace.h"

#include "observe/obs.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 1 << 20 };

/* An observation file under construction; the tail follows the area. */
static char file[ROOM];
static size_t size;
static struct trace t;

static struct obs_page *
page(void)
{
	return (struct obs_page *)(void *)file;
}

static int
start_file(void **state)
{
	(void)state;
	memset(file, 0, sizeof file);
	memcpy(page()->magic, OBS_MAGIC, 8);
	size = OBS_PAGE;
	memset(&t, 0, sizeof t);
	return 0;
}

static int
end_file(void **state)
{
	(void)state;
	trace_free(&t);
	return 0;
}

static size_t
put(char *to, struct obs_head h, const struct obs_stat *st, const char *strings,
    size_t n)
{
	h.size = (uint32_t)(sizeof h + n);
	if (st) {
		h.size += (uint32_t)sizeof *st;
		h.flags |= OBS_HAS_STAT;
	}
	memcpy(to, &h, sizeof h);
	to += sizeof h;
	if (st) {
		memcpy(to, st, sizeof *st);
		to += sizeof *st;
	}
	memcpy(to, strings, n);
	return h.size;
}

/* Appends a record; `strings` is a literal with zeros between strings. */
#define ADD(head, strings) \
	(size += put(file + size, (struct obs_head)head, NULL, strings, \
		     sizeof strings))
#define ADD_BARE(head) \
	(size += put(file + size, (struct obs_head)head, NULL, "", 0))
#define H(...) \
	{ \
		__VA_ARGS__ \
	}

static void
add_start(uint32_t pid, uint32_t parent)
{
	struct obs_head h = { .type = OBS_START, .pid = pid, .aux = parent };

	size += put(file + size, h, NULL, "/bin/x\0/lib/a\0/lib/b", 21);
}

static enum trace_gap
parse(void)
{
	trace_free(&t);
	assert_int_equal(trace_parse(file, size, &t), 0);
	return t.gap;
}

static void
events_come_in_order(void **state)
{
	struct obs_stat st = { 1, 2, 3, 4, 5, S_IFREG | 0644, 0 };
	struct obs_head read = { .type = OBS_READ, .pid = 7, .value = 99 };

	(void)state;
	add_start(7, 1);
	size += put(file + size, read, &st, "/f", 3);
	ADD(H(.type = OBS_ABSENT, .pid = 7, .aux = ENOENT), "/g");
	ADD(H(.type = OBS_GETENV, .pid = 7, .flags = OBS_IS_SET), "A");
	ADD(H(.type = OBS_RENAME, .pid = 7), "/a\0/b");
	ADD(H(.type = OBS_WRITE, .pid = 7, .flags = OBS_CREATES), "/w");
	assert_int_equal(parse(), TRACE_WHOLE);
	assert_int_equal(t.nevents, 5);
	assert_int_equal(t.events[0].kind, TRACE_READ);
	assert_string_equal(t.events[0].name, "/f");
	assert_int_equal(t.events[0].st.ino, 2);
	assert_int_equal(t.events[0].st.mtime_ns, 4);
	assert_int_equal(t.events[0].st.seen_ns, 99);
	assert_int_equal(t.events[1].number, ENOENT);
	assert_true(t.events[2].set);
	assert_string_equal(t.events[3].other, "/b");
	assert_true(t.events[4].creates);
	assert_string_equal(t.events[4].other, "");
	assert_int_equal(t.nprocesses, 1);
	assert_string_equal(t.processes[0].exe, "/bin/x");
	assert_int_equal(t.processes[0].nobjects, 2);
	assert_int_equal(t.processes[0].parent, 1);
}

/* A large build asks for the same names in thousands of processes. */
static void
what_a_program_did_before_is_left_out(void **state)
{
	struct obs_stat st = { 1, 2, 3, 4, 5, S_IFREG | 0644, 0 };
	struct obs_head read = { .type = OBS_READ, .pid = 7, .value = 99 };

	(void)state;
	add_start(6, 1);
	for (read.pid = 7; read.pid < 27; read.pid++) {
		ADD(H(.type = OBS_SPAWN, .pid = 6, .aux = read.pid), "x\0/x");
		add_start(read.pid, 6);
		ADD(H(.type = OBS_GETENV, .pid = read.pid), "A");
		size += put(file + size, read, &st, "/f", 3);
		ADD(H(.type = OBS_WRITE, .pid = read.pid), "/w");
		read.value++;
	}
	assert_int_equal(parse(), TRACE_WHOLE);
	assert_int_equal(t.nevents, 20 + 2 + 20);
	assert_int_equal(t.events[2].kind, TRACE_READ);
	assert_int_equal(t.events[2].st.seen_ns, 99);
	assert_int_equal(t.nprocesses, 21);
}

/* Not the same: by another program, by the first process, another file or
 * answer, by a child whose program is not known yet. */
static void
what_differs_is_not_left_out(void **state)
{
	struct obs_stat st = { 1, 2, 3, 4, 5, S_IFREG | 0644, 0 };
	struct obs_head read = { .type = OBS_READ, .pid = 7, .value = 99 };
	struct obs_head other = { .type = OBS_START, .pid = 8, .aux = 6 };

	(void)state;
	add_start(6, 1);
	ADD(H(.type = OBS_GETENV, .pid = 6), "A");
	ADD(H(.type = OBS_SPAWN, .pid = 6, .aux = 7), "x\0/x");
	ADD(H(.type = OBS_SPAWN, .pid = 6, .aux = 8), "y\0/y");
	add_start(7, 6);
	size += put(file + size, other, NULL, "/bin/y", 7);
	ADD(H(.type = OBS_GETENV, .pid = 7), "A");
	ADD(H(.type = OBS_GETENV, .pid = 8), "A");
	ADD(H(.type = OBS_GETENV, .pid = 8, .flags = OBS_IS_SET), "A");
	size += put(file + size, read, &st, "/f", 3);
	st.ino++;
	size += put(file + size, read, &st, "/f", 3);
	st.mtime_ns++;
	size += put(file + size, read, &st, "/f", 3);
	ADD(H(.type = OBS_ABSENT, .pid = 7, .aux = ENOENT), "/f");
	ADD(H(.type = OBS_ABSENT, .pid = 7, .aux = EACCES), "/f");
	ADD(H(.type = OBS_FORK, .pid = 7, .aux = 9), "");
	ADD(H(.type = OBS_GETENV, .pid = 9), "A");
	assert_int_equal(parse(), TRACE_WHOLE);
	assert_int_equal(t.nevents, 1 + 2 + 3 + 3 + 2 + 1);
}

static void
an_empty_file_has_no_records(void **state)
{
	(void)state;
	assert_int_equal(parse(), TRACE_NO_RECORDS);
	size = 0;
	assert_int_equal(parse(), TRACE_BROKEN);
	size = OBS_PAGE - 1;
	assert_int_equal(parse(), TRACE_BROKEN);
}

static void
lost_records_and_other_files_prove_nothing(void **state)
{
	(void)state;
	add_start(7, 1);
	page()->lost = 2;
	assert_int_equal(parse(), TRACE_LOST);
	assert_int_equal(t.lost, 2);
	page()->magic[0]++;
	assert_int_equal(parse(), TRACE_BROKEN);
}

/* Cut anywhere, flipped anywhere: decoded or broken, never a crash. */
static void
damage_is_noticed_or_harmless(void **state)
{
	size_t whole, i;

	(void)state;
	add_start(7, 1);
	ADD(H(.type = OBS_EXEC_FAIL, .pid = 7, .aux = 2), "a\0/a");
	ADD(H(.type = OBS_PRESENT, .pid = 7, .aux = OBS_BY_LSTAT), "/l\0t");
	whole = size;
	assert_int_equal(parse(), TRACE_WHOLE);
	for (size = OBS_PAGE + 1; size < whole; size++) {
		if (parse() == TRACE_WHOLE)
			assert_true(t.nevents < 2);
	}
	for (i = OBS_PAGE; i < whole; i++) {
		file[i] = (char)(file[i] ^ 0x55);
		parse();
		file[i] = (char)(file[i] ^ 0x55);
	}
}

static void
impossible_records_are_refused(void **state)
{
	struct obs_head h = { .type = OBS_GETENV, .pid = 7 };
	size_t at;

	(void)state;
	add_start(7, 1);
	at = size;
	ADD(H(.type = OBS_TYPES, .pid = 7), "A");
	assert_int_equal(parse(), TRACE_BROKEN);
	size = at;
	ADD_BARE(H(.type = OBS_GETENV, .pid = 7));
	assert_int_equal(parse(), TRACE_BROKEN);
	size = at;
	ADD(H(.type = OBS_RENAME, .pid = 7), "/only");
	assert_int_equal(parse(), TRACE_BROKEN);
	size = at;
	ADD(H(.type = OBS_PRESENT, .pid = 7, .aux = 99), "/p");
	assert_int_equal(parse(), TRACE_BROKEN);
	size = at + put(file + at, h, NULL, "no end", 6);
	assert_int_equal(parse(), TRACE_BROKEN);
	h.size = 3;
	memcpy(file + at, &h, sizeof h);
	size = at + sizeof h;
	assert_int_equal(parse(), TRACE_BROKEN);
}

static void
the_area_comes_before_the_tail(void **state)
{
	(void)state;
	page()->area = OBS_AREA;
	add_start(7, 1);
	ADD(H(.type = OBS_GETENV, .pid = 7), "FIRST");
	page()->used = (uint32_t)size - OBS_PAGE;
	size = OBS_PAGE + OBS_AREA;
	ADD(H(.type = OBS_GETENV, .pid = 7), "SECOND");
	assert_int_equal(parse(), TRACE_WHOLE);
	assert_int_equal(t.nevents, 2);
	assert_string_equal(t.events[0].name, "FIRST");
	assert_string_equal(t.events[1].name, "SECOND");
	size = OBS_PAGE + OBS_AREA - 1;
	assert_int_equal(parse(), TRACE_BROKEN);
}

/* A record reserved but never finished has the size 0. */
static void
a_hole_in_the_area_is_noticed(void **state)
{
	(void)state;
	page()->area = OBS_AREA;
	add_start(7, 1);
	page()->used = (uint32_t)size - OBS_PAGE + 40;
	size = OBS_PAGE + OBS_AREA;
	assert_int_equal(parse(), TRACE_BROKEN);
	page()->used = OBS_AREA + 5;
	assert_int_equal(parse(), TRACE_BROKEN);
}

static void
a_full_area_ends_with_a_gap(void **state)
{
	static char big[OBS_SIZE_MAX - 1000];
	struct obs_head filler = { .type = OBS_GETENV, .pid = 7 };
	struct obs_head gap = { .type = OBS_GAP };
	size_t end = OBS_PAGE + OBS_AREA, n = 0;

	(void)state;
	memset(big, 'B', sizeof big - 1);
	page()->area = OBS_AREA;
	page()->used = OBS_AREA + 1000;
	add_start(7, 1);
	for (; end - size > sizeof big + sizeof filler; n++) {
		big[0] = (char)('C' + n);
		size += put(file + size, filler, NULL, big, sizeof big);
	}
	gap.size = (uint32_t)(end - size);
	memcpy(file + size, &gap, sizeof gap);
	size = end;
	ADD(H(.type = OBS_GETENV, .pid = 7), "TAIL");
	assert_int_equal(parse(), TRACE_WHOLE);
	assert_int_equal(t.nevents, n + 1);
	assert_string_equal(t.events[n].name, "TAIL");
}

static void
an_exec_needs_a_start(void **state)
{
	(void)state;
	add_start(7, 1);
	ADD(H(.type = OBS_EXEC, .pid = 7), "x\0/bin/x");
	assert_int_equal(parse(), TRACE_NO_START);
	assert_string_equal(t.gap_name, "x");
	add_start(7, 1);
	assert_int_equal(parse(), TRACE_WHOLE);
	assert_int_equal(t.nprocesses, 2);
	assert_true(t.processes[0].ended);
}

static void
a_failed_exec_needs_none(void **state)
{
	(void)state;
	add_start(7, 1);
	ADD(H(.type = OBS_EXEC, .pid = 8, .aux = OBS_STATIC), "x\0/bin/x");
	ADD(H(.type = OBS_EXEC_FAIL, .pid = 8, .aux = ENOENT), "x\0/bin/x");
	assert_int_equal(parse(), TRACE_WHOLE);
}

static void
what_declares_itself_unseen_is(void **state)
{
	size_t at;

	(void)state;
	add_start(7, 1);
	at = size;
	ADD(H(.type = OBS_EXEC, .pid = 8, .aux = OBS_STATIC), "x\0/bin/x");
	assert_int_equal(parse(), TRACE_UNSEEN);
	assert_string_equal(t.gap_reason, "static");
	size = at;
	ADD(H(.type = OBS_UNSEEN, .pid = 8, .aux = OBS_TREE_WALK), "/d");
	assert_int_equal(parse(), TRACE_UNSEEN);
	assert_string_equal(t.gap_reason, "tree-walk");
	assert_string_equal(t.gap_name, "/d");
}

/* Whoever reads it reads every variable, and asks getenv for none. */
static void
proc_environ_is_not_seen_through(void **state)
{
	size_t at;

	(void)state;
	add_start(7, 1);
	at = size;
	ADD(H(.type = OBS_READ, .pid = 7), "/proc/self/environ");
	assert_int_equal(parse(), TRACE_UNSEEN);
	assert_string_equal(t.gap_reason, "environ");
	size = at;
	ADD(H(.type = OBS_READ, .pid = 7), "/proc/self/maps");
	ADD(H(.type = OBS_READ, .pid = 7), "/home/environ");
	assert_int_equal(parse(), TRACE_WHOLE);
}

static void
a_spawned_child_needs_a_start(void **state)
{
	(void)state;
	add_start(7, 1);
	ADD(H(.type = OBS_SPAWN, .pid = 7, .aux = 8), "x\0/bin/x");
	assert_int_equal(parse(), TRACE_NO_START);
	add_start(8, 7);
	assert_int_equal(parse(), TRACE_WHOLE);
	assert_int_equal(t.events[0].kind, TRACE_EXEC);
}

/* popen does not say which pid its child has. */
static void
an_anonymous_child_needs_a_start_of_its_own(void **state)
{
	(void)state;
	add_start(7, 1);
	ADD(H(.type = OBS_SPAWN, .pid = 7, .aux = 8), "x\0/bin/x");
	add_start(8, 7);
	ADD(H(.type = OBS_SPAWN, .pid = 7), "/bin/sh\0/bin/sh");
	assert_int_equal(parse(), TRACE_NO_START);
	ADD(H(.type = OBS_EXEC, .pid = 9), "y\0/bin/y");
	add_start(9, 7);
	assert_int_equal(parse(), TRACE_NO_START);
	add_start(10, 7);
	assert_int_equal(parse(), TRACE_WHOLE);
}

static void
a_forked_child_is_its_parents_program(void **state)
{
	(void)state;
	add_start(7, 1);
	ADD_BARE(H(.type = OBS_FORK, .pid = 7, .aux = 8));
	ADD(H(.type = OBS_GETENV, .pid = 8), "B");
	assert_int_equal(parse(), TRACE_WHOLE);
	assert_string_equal(t.processes[t.events[0].process].exe, "/bin/x");
	assert_int_equal(t.processes[t.events[0].process].parent, 7);
}

static void
network_is_told(void **state)
{
	(void)state;
	add_start(7, 1);
	ADD_BARE(H(.type = OBS_SOCKET, .pid = 7, .aux = AF_UNIX));
	assert_int_equal(parse(), TRACE_WHOLE);
	assert_false(t.uses_network);
	ADD_BARE(H(.type = OBS_SOCKET, .pid = 7, .aux = AF_INET));
	ADD_BARE(H(.type = OBS_CLOCK, .pid = 7));
	assert_int_equal(parse(), TRACE_WHOLE);
	assert_true(t.uses_network);
	assert_int_equal(t.nevents, 3);
}

static void
the_living_are_found(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	add_start(7, 1);
	t.gap = TRACE_WHOLE;
	ADD_BARE(H(.type = OBS_FORK, .pid = 7, .aux = (uint32_t)pid));
	ADD_BARE(H(.type = OBS_END, .pid = 7));
	parse();
	assert_int_equal(trace_alive(&t), pid);
	kill(pid, SIGKILL);
	/* Dead but not yet waited for is dead. */
	while (trace_alive(&t))
		usleep(1000);
	waitpid(pid, &status, 0);
	assert_int_equal(trace_alive(&t), 0);
}

/* A pid given to a later process is not the one of the trace. */
static void
a_reused_pid_does_not_live(void **state)
{
	(void)state;
	add_start((uint32_t)getpid(), 1);
	parse();
	assert_int_equal(t.processes[0].start_ns, 0);
	assert_int_equal(trace_alive(&t), 0);
	t.processes[0].start_ns = UINT64_MAX;
	assert_int_equal(trace_alive(&t), getpid());
}

static int
count_object(void *ctx, const char *path)
{
	(void)path;
	return ++*(int *)ctx == 5 ? 77 : 0;
}

static void
objects_are_programs_and_libraries(void **state)
{
	int n = 0;

	(void)state;
	add_start(7, 1);
	ADD(H(.type = OBS_DLOPEN, .pid = 7), "/m.so");
	ADD(H(.type = OBS_DLOPEN, .pid = 7), "libbare.so");
	parse();
	assert_int_equal(trace_each_object(&t, count_object, &n), 0);
	assert_int_equal(n, 4);
	n = 4;
	assert_int_equal(trace_each_object(&t, count_object, &n), 77);
}

static void
files_are_made_and_read(void **state)
{
	char path[256];
	struct stat st;

	(void)state;
	snprintf(path, sizeof path, "%s/obs", testdir);
	assert_int_equal(trace_create(path, 0), 0);
	assert_int_equal(trace_create(path, 0), -EEXIST);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(trace_read(path, &t), 0);
	assert_int_equal(t.gap, TRACE_NO_RECORDS);
	assert_int_equal(t.bytes, 0);
	trace_free(&t);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(trace_read(path, &t), 0);
	assert_int_equal(t.gap, TRACE_BROKEN);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(trace_read(path, &t), -ENOENT);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(trace_read(path, &t), -ELOOP);
}

static void
the_environment_keeps_the_users_preload(void **state)
{
	char *v[2];

	(void)state;
	assert_int_equal(trace_environment("/o", "/l.so", NULL, v), 0);
	assert_string_equal(v[0], "KACHE_OBSERVE=/o");
	assert_string_equal(v[1], "LD_PRELOAD=/l.so");
	free(v[0]);
	free(v[1]);
	assert_int_equal(trace_environment("/o", "/l.so", "u.so", v), 0);
	assert_string_equal(v[1], "LD_PRELOAD=/l.so:u.so");
	free(v[0]);
	free(v[1]);
	assert_int_equal(trace_environment("/o", "/a b.so", "", v), -EINVAL);
	assert_int_equal(trace_environment("/o", "/a:b.so", "", v), -EINVAL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start_file, end_file)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_come_in_order),
		TEST(what_a_program_did_before_is_left_out),
		TEST(what_differs_is_not_left_out),
		TEST(an_empty_file_has_no_records),
		TEST(lost_records_and_other_files_prove_nothing),
		TEST(damage_is_noticed_or_harmless),
		TEST(impossible_records_are_refused),
		TEST(the_area_comes_before_the_tail),
		TEST(a_hole_in_the_area_is_noticed),
		TEST(a_full_area_ends_with_a_gap),
		TEST(an_exec_needs_a_start),
		TEST(a_failed_exec_needs_none),
		TEST(what_declares_itself_unseen_is),
		TEST(proc_environ_is_not_seen_through),
		TEST(a_spawned_child_needs_a_start),
		TEST(an_anonymous_child_needs_a_start_of_its_own),
		TEST(a_forked_child_is_its_parents_program),
		TEST(network_is_told),
		TEST(the_living_are_found),
		TEST(a_reused_pid_does_not_live),
		TEST(objects_are_programs_and_libraries),
		TEST(files_are_made_and_read),
		TEST(the_environment_keeps_the_users_preload),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
