/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/tail.h"

#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static char path[128];
static int from = -1; /* what the child writes to its stdout */

static void
add(const char *name, const char *text)
{
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	f = fopen(path, "a");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* The child shows PATH; gives its pid. */
static pid_t
show(int lines, int follow)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		_exit(tail_show(path, lines, follow) < 0);
	}
	close(fds[1]);
	from = fds[0];
	return pid;
}

/* Reads until WANT is there; what came is compared. */
static void
expect(const char *want)
{
	char got[4096];
	size_t n = 0;

	while (n < strlen(want)) {
		ssize_t r = read(from, got + n, strlen(want) - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void
end(pid_t pid)
{
	char c;
	int status;

	assert_int_equal(read(from, &c, 1), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(from);
}

static void
the_last_lines_are_shown(void **state)
{
	pid_t pid;

	(void)state;
	add("log", "one\ntwo\nthree\n");
	pid = show(2, 0);
	expect("two\nthree\n");
	end(pid);
	pid = show(9, 0);
	expect("one\ntwo\nthree\n");
	end(pid);
	pid = show(0, 0);
	end(pid);
	/* A line without an end is one. */
	add("log", "four");
	pid = show(2, 0);
	expect("three\nfour");
	end(pid);
	add("empty", "");
	pid = show(2, 0);
	end(pid);
}

static void
lines_may_be_longer_than_a_block(void **state)
{
	static char text[200001];
	char got[4096];
	ssize_t n;
	size_t all = 0;
	pid_t pid;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	add("long", "first\n");
	add("long", text);
	add("long", "\nlast\n");
	pid = show(2, 0);
	for (n = read(from, got, sizeof(got)); n > 0;
	     n = read(from, got, sizeof(got)))
		all += (size_t)n;
	assert_int_equal(all, sizeof(text) - 1 + strlen("\nlast\n"));
	end(pid);
}

static void
what_is_added_and_what_takes_its_place_follow(void **state)
{
	char old[160];
	pid_t pid;
	int status;

	(void)state;
	add("live", "a\n");
	pid = show(5, 1);
	expect("a\n");
	add("live", "b\n");
	expect("b\n");
	snprintf(old, sizeof(old), "%s.1", path);
	assert_int_equal(rename(path, old), 0);
	add("live", "c\n");
	expect("c\n");
	/* It ends when nobody reads any more. */
	close(from);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void
no_file_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(tail_show("/nonexistent/log", 5, 0), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_lines_are_shown),
		cmocka_unit_test(lines_may_be_longer_than_a_block),
		cmocka_unit_test(what_is_added_and_what_takes_its_place_follow),
		cmocka_unit_test(no_file_is_an_error),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
