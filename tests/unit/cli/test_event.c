/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE \
	"k1\t1700000000123\t0123456789abcdef\tmiss\tnot_stored:raced\tserde\t" \
	"lib\t\t\t\t11\t12\t13\t14\t15\t16\t17\t18\t101\tbuild\tdebug\tserde" \
	"\t1.0.0\t/src"

static int calls;

static void
called(void *ctx, const struct event *e)
{
	(void)ctx;
	calls++;
	assert_string_equal(e->crate, "serde");
}

static void
columns_reach_their_fields(void **state)
{
	char line[] = LINE;
	struct event e;

	(void)state;
	assert_int_equal(event_parse(line, &e), 0);
	assert_int_equal(e.time_ms, 1700000000123);
	assert_string_equal(e.session, "0123456789abcdef");
	assert_string_equal(e.outcome, "miss");
	assert_string_equal(e.reason, "not_stored:raced");
	assert_string_equal(e.kind, "lib");
	assert_int_equal(e.key_us, 11);
	assert_int_equal(e.lookup_us, 12);
	assert_int_equal(e.restore_us, 13);
	assert_int_equal(e.compile_us, 14);
	assert_int_equal(e.store_us, 15);
	assert_int_equal(e.total_us, 16);
	assert_int_equal(e.bytes, 17);
	assert_int_equal(e.saved_us, 18);
	assert_int_equal(e.status, 101);
	assert_string_equal(e.command, "build");
	assert_string_equal(e.profile, "debug");
}

static void
newer_writers_may_add_columns(void **state)
{
	char line[] = LINE "\tmore\tand more";
	struct event e;

	(void)state;
	assert_int_equal(event_parse(line, &e), 0);
	assert_int_equal(e.status, 101);
}

static void
other_lines_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "k1", "k2" LINE, "k1\t\t\t\t\t\t\t\t\t\t\t", "\t\t\t\t",
	};
	struct event e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *line = strdup(bad[i]);

		assert_true(event_parse(line, &e) < 0);
		free(line);
	}
}

static void
both_files_are_read(void **state)
{
	char dir[] = "/tmp/kache-test-XXXXXX";
	char path[64];
	uint64_t bad;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_true(event_read(dir, called, NULL, &bad) < 0);
	snprintf(path, sizeof(path), "%s/events.log.1", dir);
	f = fopen(path, "w");
	fputs(LINE "\nrubbish\n", f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/events.log", dir);
	f = fopen(path, "w");
	fputs(LINE "\n" LINE, f);
	fclose(f);
	assert_int_equal(event_read(dir, called, NULL, &bad), 0);
	assert_int_equal(calls, 3);
	assert_int_equal(bad, 1);
	unlink(path);
	snprintf(path, sizeof(path), "%s/events.log.1", dir);
	unlink(path);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_reach_their_fields),
		cmocka_unit_test(newer_writers_may_add_columns),
		cmocka_unit_test(other_lines_are_refused),
		cmocka_unit_test(both_files_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
