/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/prefork.h"

#include "shim/run.h"
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

static char made[128]; /* the file a child makes that ran */

static int
start(struct prefork *p, const char *script, bool held)
{
	static char *argv[] = { (char *)"/bin/sh", (char *)"-c", NULL, made,
				NULL };
	static char *env[] = { (char *)"PATH=/usr/bin:/bin", NULL };

	snprintf(made, sizeof(made), "%s/made", testdir);
	unlink(made);
	argv[2] = (char *)script;
	fflush(NULL);
	return prefork_start(p, NULL, argv, env, held);
}

static bool
has_run(void)
{
	return access(made, F_OK) == 0;
}

static bool
is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static void
a_child_waits_at_its_gate(void **state)
{
	struct prefork p;
	int status = -1;

	(void)state;
	assert_int_equal(start(&p, "touch \"$0\"; exit 5", true), 0);
	poll(NULL, 0, 50);
	assert_false(has_run());
	assert_int_equal(waitpid(p.pid, &status, WNOHANG), 0);
	prefork_open(&p);
	assert_int_equal(prefork_wait(&p, &status), 0);
	assert_int_equal(WEXITSTATUS(status), 5);
	assert_true(has_run());
	assert_true(is_gone(p.pid));
}

static void
one_that_is_not_needed_never_runs(void **state)
{
	struct prefork p;

	(void)state;
	assert_int_equal(start(&p, "touch \"$0\"", true), 0);
	prefork_drop(&p);
	assert_true(is_gone(p.pid));
	assert_false(has_run());
}

static void
without_a_gate_it_starts_at_once(void **state)
{
	struct prefork p;
	int status = -1;

	(void)state;
	assert_int_equal(start(&p, "touch \"$0\"", false), 0);
	assert_int_equal(prefork_wait(&p, &status), 0);
	assert_int_equal(status, 0);
	assert_true(has_run());
}

/* Its parent may be killed by anything: the child must not stay. */
static void
it_ends_with_its_parent(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGKILL };

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct prefork p = { .pid = -1 };
		int fds[2], status, tries;
		pid_t pid;

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		fflush(NULL);
		pid = fork();
		if (pid == 0) {
			/* A shell's background job ignores SIGINT. */
			signal(signals[i], SIG_DFL);
			if (start(&p, "touch \"$0\"", true) < 0 ||
			    write(fds[1], &p.pid, sizeof(p.pid)) < 0)
				_exit(1);
			pause();
		}
		assert_int_equal(read(fds[0], &p.pid, sizeof(p.pid)),
				 sizeof(p.pid));
		kill(pid, signals[i]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WTERMSIG(status), signals[i]);
		/* Somebody else's child now: seen to end, or not at all. */
		for (tries = 0; tries < 500; tries++) {
			char path[64], text[256] = "";
			int fd;

			snprintf(path, sizeof(path), "/proc/%d/stat", p.pid);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ||
			    strstr(text, ") Z "))
				tries = 1000;
			if (fd >= 0)
				close(fd);
			poll(NULL, 0, 10);
		}
		assert_true(tries > 1000);
		assert_false(has_run());
		close(fds[0]);
		close(fds[1]);
	}
}

static void
a_child_killed_at_its_gate_shows_in_its_status(void **state)
{
	struct prefork p;
	siginfo_t info;
	int status = -1;

	(void)state;
	assert_int_equal(start(&p, "touch \"$0\"", true), 0);
	kill(p.pid, SIGTERM);
	waitid(P_PID, (id_t)p.pid, &info, WEXITED | WNOWAIT);
	/* Must not kill us. */
	prefork_open(&p);
	assert_int_equal(prefork_wait(&p, &status), 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_false(has_run());
}

/* The compiler gets what we were given (cargo's jobserver) and no more. */
static void
no_descriptor_of_ours_is_inherited(void **state)
{
	struct prefork p;
	char list[256];
	size_t n = 0;
	ssize_t got;
	int status, jobserver;

	(void)state;
	jobserver = open("/dev/null", O_RDONLY);
	assert_int_equal(dup2(jobserver, 77), 77);
	close(jobserver);
	jobserver = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(start(&p,
			       "cd /proc/self/fd; "
			       "for f in *; do [ -e $f ] && echo $f; done",
			       true),
			 0);
	prefork_open(&p);
	for (got = 1; got > 0; n += (size_t)got) {
		got = read(p.out, list + n, sizeof(list) - 1 - n);
		assert_true(got >= 0);
	}
	list[n] = '\0';
	assert_int_equal(prefork_wait(&p, &status), 0);
	close(jobserver);
	close(77);
	assert_non_null(strstr(list, "0\n1\n"));
	assert_non_null(strstr(list, "77\n"));
	for (int fd = 3; fd < 30; fd++) {
		char own[16];

		/* What this test itself was started with may be there. */
		snprintf(own, sizeof(own), "\n%d\n", fd);
		if (strstr(list, own))
			assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	}
}

static void
what_cannot_start_is_told_before_the_fork(void **state)
{
	char *argv[] = { (char *)"/nonexistent/rustc", NULL };
	char *env[] = { NULL };
	struct prefork p = { .pid = -7 };

	(void)state;
	assert_int_equal(prefork_start(&p, NULL, argv, env, true), -ENOENT);
	assert_int_equal(p.pid, -7);
}

static void
a_held_child_runs_like_any_other(void **state)
{
	struct prefork p;
	struct run r = { .child = &p };

	(void)state;
	assert_int_equal(start(&p, "touch \"$0\"; exit 9", true), 0);
	assert_int_equal(run_compiler(&r), 0);
	assert_int_equal(run_code(r.status), 9);
	assert_true(has_run());
	buf_free(&r.out_text);
	buf_free(&r.err_text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_waits_at_its_gate),
		cmocka_unit_test(one_that_is_not_needed_never_runs),
		cmocka_unit_test(without_a_gate_it_starts_at_once),
		cmocka_unit_test(it_ends_with_its_parent),
		cmocka_unit_test(
			a_child_killed_at_its_gate_shows_in_its_status),
		cmocka_unit_test(no_descriptor_of_ours_is_inherited),
		cmocka_unit_test(what_cannot_start_is_told_before_the_fork),
		cmocka_unit_test(a_held_child_runs_like_any_other),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
