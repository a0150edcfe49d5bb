/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/spawn.h"

#include "base/buf.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int status;

static int
run(const char *script, int timeout_ms, int stop_fd, struct buf *out)
{
	char *argv[] = { "sh", "-c", (char *)(uintptr_t)script, NULL };
	struct spawn s = { argv, 65536, timeout_ms, stop_fd };

	status = -1;
	return spawn_run(&s, out, &status);
}

static void
output_and_status_are_given(void **state)
{
	struct buf out = { 0 };

	(void)state;
	buf_str(&out, "had ");
	assert_int_equal(run("echo one; echo no >&2; exit 3", 9000, -1, &out),
			 0);
	assert_string_equal(out.p, "had one\n");
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(run("kill -9 $$", 9000, -1, &out), 0);
	assert_true(WIFSIGNALED(status));
	buf_free(&out);
}

static void
what_is_not_there_cannot_be_started(void **state)
{
	char *argv[] = { "/nowhere/program", NULL };
	struct spawn s = { argv, 100, 1000, -1 };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(spawn_run(&s, &out, &status), -ENOENT);
	buf_free(&out);
}

static void
nothing_of_ours_goes_with_it(void **state)
{
	int fd = open("/dev/null", O_RDONLY); /* not close-on-exec */
	struct buf out = { 0 };
	sigset_t all;

	(void)state;
	assert_true(fd > 2);
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	assert_int_equal(run("exec 9<&- ; ls -l /proc/self/fd | "
			     "grep -c -- '->'; "
			     "readlink /proc/self/fd/0; "
			     "grep -E '^Sig(Blk|Ign)' /proc/self/status",
			     9000, -1, &out),
			 0);
	/* 0, 1, 2 and the directory that ls reads. */
	assert_string_equal(out.p, "4\n/dev/null\nSigBlk:\t0000000000000000\n"
				   "SigIgn:\t0000000000000000\n");
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	close(fd);
	buf_free(&out);
}

static void
too_much_is_refused(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(run("yes", 9000, -1, &out), ERR_TOOBIG);
	assert_int_equal(out.len, 0);
	assert_int_equal(run("head -c 65536 /dev/zero", 9000, -1, &out), 0);
	assert_int_equal(out.len, 65536);
	buf_free(&out);
}

/* The process group that printed its number is gone. */
static void
assert_dead(const char *number)
{
	pid_t pid = (pid_t)atoi(number);
	int i;

	assert_true(pid > 1);
	for (i = 0; i < 500 && kill(-pid, 0) == 0; i++)
		usleep(10000);
	assert_int_equal(kill(-pid, 0), -1);
}

static void
what_hangs_is_killed_with_its_children(void **state)
{
	char dir[] = "/tmp/kache-spawn-XXXXXX";
	char script[200];
	char path[100];
	char pid[20] = "";
	struct buf out = { 0 };
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/pid", dir);
	snprintf(script, sizeof(script),
		 "trap '' TERM; echo $$ >%s; sleep 600 & sleep 600", path);
	assert_int_equal(run(script, 300, -1, &out), ERR_TIMEOUT);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, pid, sizeof(pid) - 1) > 0);
	close(fd);
	assert_dead(pid);
	unlink(path);
	rmdir(dir);
	buf_free(&out);
}

static void
a_child_that_holds_the_pipe_is_not_waited_for(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(run("sleep 600 & echo $$", 60000, -1, &out), 0);
	assert_dead(out.p);
	buf_free(&out);
}

static void
a_closed_output_is_not_the_end(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(
		run("echo x; exec >&-; sleep 0.2; exit 4", 9000, -1, &out), 0);
	assert_string_equal(out.p, "x\n");
	assert_int_equal(WEXITSTATUS(status), 4);
	buf_free(&out);
}

static void
stopping_ends_it(void **state)
{
	struct buf out = { 0 };
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(run("sleep 600", 60000, p[0], &out), -ECANCELED);
	close(p[0]);
	close(p[1]);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status_are_given),
		cmocka_unit_test(what_is_not_there_cannot_be_started),
		cmocka_unit_test(nothing_of_ours_goes_with_it),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(what_hangs_is_killed_with_its_children),
		cmocka_unit_test(a_child_that_holds_the_pipe_is_not_waited_for),
		cmocka_unit_test(a_closed_output_is_not_the_end),
		cmocka_unit_test(stopping_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
