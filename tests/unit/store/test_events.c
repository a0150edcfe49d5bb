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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_back),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
