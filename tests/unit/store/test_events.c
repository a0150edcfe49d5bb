/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/events.h"

#include "base/file.h"
#include "cli/event.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* The writer here and the reader of `kache stats` agree. */
static int calls;

static void
check(void *ctx, const struct event *e)
{
	(void)ctx;
	calls++;
	assert_string_equal(e->outcome, "miss");
	assert_string_equal(e->reason, "not_stored:raced:a\\x09b\\x0a");
	assert_string_equal(e->crate, "serde");
	assert_string_equal(e->kind, "lib");
	assert_string_equal(e->command, "build");
	assert_string_equal(e->profile, "debug");
	assert_string_equal(e->session, "00000000deadbeef");
	assert_int_equal(e->key_us, 1);
	assert_int_equal(e->lookup_us, 2);
	assert_int_equal(e->restore_us, 3);
	assert_int_equal(e->compile_us, 4);
	assert_int_equal(e->store_us, 5);
	assert_int_equal(e->total_us, 6);
	assert_int_equal(e->bytes, 7);
	assert_int_equal(e->saved_us, 8);
	assert_int_equal(e->status, 139);
	assert_true(e->time_ms > 1600000000000);
}

static void
lines_are_read_back(void **state)
{
	struct events_line l = {
		.session = 0xdeadbeef,
		.outcome = "miss",
		.reason = "not_stored:raced:a\tb\n",
		.crate = "serde",
		.kind = "lib",
		.key_us = 1,
		.lookup_us = 2,
		.restore_us = 3,
		.compile_us = 4,
		.store_us = 5,
		.total_us = 6,
		.bytes = 7,
		.saved_us = 8,
		.status = 139,
		.command = "build",
		.profile = "debug",
		.package = "serde",
		.version = "1.0",
		.cwd = "/w\\x",
	};
	struct store s;
	uint64_t bad;

	(void)state;
	assert_int_equal(store_open(&s, testdir), 0);
	assert_int_equal(events_append(&s, &l), 0);
	l.externs = (struct buf){ 0 };
	assert_int_equal(events_append(&s, &l), 0);
	store_close(&s);
	assert_int_equal(event_read(testdir, check, NULL, &bad), 0);
	assert_int_equal(calls, 2);
	assert_int_equal(bad, 0);
}

/* Whatever a field holds, an event is one line of 24 columns. */
static void
an_event_is_one_line(void **state)
{
	static char nasty[256], much[100000];
	struct events_line l = {
		.outcome = nasty,
		.reason = nasty,
		.crate = nasty,
		.kind = nasty,
		.command = nasty,
		.profile = nasty,
		.package = nasty,
		.version = nasty,
		.cwd = much,
	};
	size_t lines = 0, tabs = 0;
	struct buf b = { 0 };
	struct store s;

	(void)state;
	for (int i = 1; i < 256; i++)
		nasty[i - 1] = (char)i;
	memset(much, 'x', sizeof(much) - 1);
	buf_str(&l.externs, "a:0123456789abcdef");
	digest_bytes("k0", 2, &l.k0);
	assert_int_equal(store_open(&s, testdir), 0);
	unlinkat(s.dir, "events.log", 0);
	assert_int_equal(events_append(&s, &l), 0);
	assert_int_equal(file_read(s.dir, "events.log", 1 << 20, &b), 0);
	for (size_t i = 0; i < b.len; i++) {
		lines += b.p[i] == '\n';
		tabs += b.p[i] == '\t';
		assert_true((unsigned char)b.p[i] >= 0x20 || b.p[i] == '\n' ||
			    b.p[i] == '\t');
		assert_true(b.p[i] != 0x7f);
	}
	assert_int_equal(lines, 1);
	assert_int_equal(tabs, 24);
	assert_int_equal(b.p[b.len - 1], '\n');
	assert_non_null(strstr(b.p, "\ta:0123456789abcdef\t"));
	assert_non_null(strstr(b.p, "\\x01\\x02"));
	assert_non_null(strstr(b.p, "[\\x5c]"));
	assert_true(b.len < 20000);
	buf_free(&b);
	buf_free(&l.externs);
	store_close(&s);
}

static void
long_logs_are_renamed(void **state)
{
	struct events_line l = { .outcome = "miss" };
	struct file_id id;
	char path[128];
	struct store s;

	(void)state;
	assert_int_equal(store_open(&s, testdir), 0);
	unlinkat(s.dir, "events.log", 0);
	assert_int_equal(events_append(&s, &l), 0);
	assert_int_equal(file_id_at(s.dir, "events.log.1", &id), -ENOENT);
	snprintf(path, sizeof(path), "%s/events.log", testdir);
	assert_int_equal(truncate(path, (32 << 20) + 1), 0);
	assert_int_equal(events_append(&s, &l), 0);
	assert_int_equal(file_id_at(s.dir, "events.log.1", &id), 0);
	assert_int_equal(id.size, (32 << 20) + 1);
	assert_int_equal(file_id_at(s.dir, "events.log", &id), 0);
	assert_true(id.size < 1000);
	store_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_back),
		cmocka_unit_test(an_event_is_one_line),
		cmocka_unit_test(long_logs_are_renamed),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
