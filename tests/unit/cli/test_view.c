/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/view.h"

#include "cli/local_status.h"
#include "cli/daemon_client.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

static char out[1 << 16];
static struct daemon_client_report report;

static void
fill(const char *const *lines)
{
	buf_free(&report.lines);
	report.count = 0;
	for (; *lines; lines++, report.count++)
		buf_add(&report.lines, *lines, strlen(*lines) + 1);
}

/* What is printed goes to OUT. */
static void
print(bool brief, const struct local_status *l)
{
	char path[128];
	int own, fd;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/out", testdir);
	fflush(stdout);
	own = dup(1);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dup2(fd, 1);
	if (l)
		view_local(l);
	else
		view_report(&report, brief);
	fflush(stdout);
	dup2(own, 1);
	close(own);
	n = pread(fd, out, sizeof(out) - 1, 0);
	out[n > 0 ? n : 0] = '\0';
	close(fd);
}

static bool
has(const char *line)
{
	const char *at = strstr(out, line);

	return at && (at == out || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static void
values_are_found_by_their_whole_name(void **state)
{
	static const char *const lines[] = { "pidx=1", "pid=2", "a.pid=3",
					     "empty=", NULL };

	(void)state;
	fill(lines);
	assert_string_equal(daemon_client_value(&report, "pid"), "2");
	assert_string_equal(daemon_client_value(&report, "empty"), "");
	assert_null(daemon_client_value(&report, "pi"));
	assert_null(daemon_client_value(&report, "none"));
}

static void
known_values_stand_in_rows(void **state)
{
	static const char *const lines[] = { "state=running",
					     "pid=42",
					     "uptime_s=90",
					     "remote.url=s3://b/p",
					     "remote.mode=ro",
					     "remote.problem=",
					     "remote.expires=0",
					     "checks=7",
					     "found=0",
					     "late=0",
					     "transfers.demand=0",
					     "transfers.bytes_in=2048",
					     NULL };

	(void)state;
	fill(lines);
	print(false, NULL);
	assert_true(has("state            running, pid 42, up 1 min 30 s"));
	assert_true(has("remote           s3://b/p, ro"));
	assert_true(has("transfers        0 wanted, 2.0K in"));
	assert_true(has("questions        7 units"));
	/* What says nothing is not there. */
	assert_null(strstr(out, "problem"));
	assert_null(strstr(out, "late"));
	assert_null(strstr(out, "until"));
}

static void
unknown_values_come_as_they_are(void **state)
{
	static const char *const lines[] = { "new.thing=a=b", "version=9",
					     "nonsense", NULL };

	(void)state;
	fill(lines);
	print(false, NULL);
	assert_true(has("new.thing        a=b"));
	assert_true(has("version          9"));
	assert_null(strstr(out, "nonsense"));
	print(true, NULL);
	assert_string_equal(out, "");
}

static void
dead_letters_have_reasons(void **state)
{
	static struct local_status l = { .waiting = 3, .dead = 1 };

	(void)state;
	print(false, &l);
	assert_true(has("spool            3 uploads wait"));
	assert_true(has("dead letters     1 cannot be uploaded"));
	snprintf(l.letter[0].key, sizeof(l.letter[0].key), "0123456789abcdef");
	snprintf(l.letter[0].reason, LOCAL_STATUS_TEXT, "too large");
	l.dead = LOCAL_STATUS_DEAD + 2;
	l.down_s = 30;
	print(false, &l);
	assert_true(has("  0123456789abcdef too large"));
	assert_true(has("  and 2 more"));
	assert_non_null(strstr(out, "marked down "));
}

static int
tear_down(void **state)
{
	buf_free(&report.lines);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_by_their_whole_name),
		cmocka_unit_test(known_values_stand_in_rows),
		cmocka_unit_test(unknown_values_come_as_they_are),
		cmocka_unit_test(dead_letters_have_reasons),
	};

	return cmocka_run_group_tests(tests, testdir_make, tear_down);
}
