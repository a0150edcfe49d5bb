/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tally.h"

#include "cli/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static struct tally t;

static void
add(const char *kind, const char *outcome, const char *reason)
{
	struct event e = {
		.time_ms = 1000,
		.session = "",
		.outcome = outcome,
		.reason = reason,
		.crate = "c",
		.kind = kind,
		.total_us = 100,
		.compile_us = 70,
		.saved_us = 5000,
		.bytes = 10,
	};

	tally_add(&t, &e);
}

static int
clear(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	return 0;
}

static void
groups_are_apart(void **state)
{
	(void)state;
	add("lib", "local_hit", "");
	add("bin", "local_hit", "");
	add("build-script", "miss", "");
	add("query", "local_hit", "");
	add("query", "miss", "");
	add("run", "miss", "");
	assert_int_equal(tally_total(&t, TALLY_UNIT), 3);
	assert_int_equal(tally_total(&t, TALLY_QUERY), 2);
	assert_int_equal(tally_total(&t, TALLY_RUN), 1);
	assert_int_equal(tally_hits(&t), 2);
	assert_int_equal(t.saved_us, 10000);
	assert_int_equal(t.compile_us, 70);
	assert_int_equal(t.overhead_us, 30);
	assert_int_equal(t.restored, 20);
	assert_int_equal(t.stored, 10);
}

static void
runs_that_were_refused_say_why(void **state)
{
	(void)state;
	add("run", "miss", "not_stored:clock:date");
	add("run", "miss", "not_stored:clock:python3");
	add("run", "passthrough", "build_scripts");
	add("run", "local_hit", "");
	add("run", "dup", "");
	tally_sort(&t);
	assert_int_equal(t.run_refused.total, 3);
	assert_int_equal(t.run_refused.rows, 2);
	assert_string_equal(t.run_refused.row[0].text, "clock");
	assert_int_equal(t.run_us, 4 * 70);
	assert_int_equal(t.saved_us, 5000);
	assert_int_equal(t.not_stored.total, 0);
}

static void
reasons_are_counted_without_detail(void **state)
{
	(void)state;
	add("lib", "miss", "not_stored:raced");
	add("lib", "miss", "not_stored:unseen:/usr/bin/x");
	add("lib", "miss", "not_stored:unseen:/usr/bin/y");
	add("lib", "passthrough", "unknown-driver");
	add("lib", "error", "");
	tally_sort(&t);
	assert_int_equal(t.not_stored.total, 3);
	assert_int_equal(t.not_stored.rows, 2);
	assert_string_equal(t.not_stored.row[0].text, "unseen");
	assert_int_equal(t.not_stored.row[0].count, 2);
	assert_string_equal(t.passthrough.row[0].text, "unknown-driver");
	assert_string_equal(t.errors.row[0].text, "-");
	assert_int_equal(t.stored, 0);
}

static void
too_many_reasons_become_other(void **state)
{
	char reason[80];
	int i;

	(void)state;
	for (i = 0; i < 200; i++) {
		snprintf(reason, sizeof(reason), "%070d%d", i, i);
		add("lib", "passthrough", reason + 40);
	}
	assert_int_equal(t.passthrough.rows, TALLY_REASONS);
	assert_int_equal(t.passthrough.total, 200);
	tally_sort(&t);
	assert_string_equal(t.passthrough.row[0].text, "other");
	assert_int_equal(t.passthrough.row[0].count, 200 - TALLY_REASONS + 1);
}

static void
long_reasons_are_cut_not_lost(void **state)
{
	char reason[200];

	(void)state;
	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	add("lib", "passthrough", reason);
	add("lib", "passthrough", reason);
	assert_int_equal(t.passthrough.rows, 1);
	assert_int_equal(t.passthrough.row[0].count, 2);
}

static void
unknown_outcomes_count_nowhere(void **state)
{
	(void)state;
	add("lib", "quantum_hit", "");
	assert_int_equal(tally_total(&t, TALLY_UNIT), 0);
}

static void
what_was_fetched_ahead_is_no_unit(void **state)
{
	(void)state;
	add("prefetch", "in_time", "");
	add("prefetch", "in_time", "");
	add("prefetch", "unused", "");
	assert_int_equal(tally_total(&t, TALLY_UNIT), 0);
	assert_int_equal(t.ahead[TALLY_IN_TIME], 10000);
	assert_int_equal(t.ahead_bytes[TALLY_IN_TIME], 20);
	assert_int_equal(t.ahead[TALLY_LATE], 0);
	assert_int_equal(t.ahead[TALLY_UNUSED], 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(groups_are_apart, clear),
		cmocka_unit_test_setup(runs_that_were_refused_say_why, clear),
		cmocka_unit_test_setup(reasons_are_counted_without_detail,
				       clear),
		cmocka_unit_test_setup(too_many_reasons_become_other, clear),
		cmocka_unit_test_setup(long_reasons_are_cut_not_lost, clear),
		cmocka_unit_test_setup(what_was_fetched_ahead_is_no_unit,
				       clear),
		cmocka_unit_test_setup(unknown_outcomes_count_nowhere, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
