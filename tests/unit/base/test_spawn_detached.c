/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/spawn_detached.h"

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

static char said[8192];

/* Runs SCRIPT detached; what it writes to $0 is in SAID. */
static void
run(const char *script)
{
	char path[128], tmp[140], whole[1024];
	char *argv[] = { (char *)"sh", (char *)"-c", whole, path, tmp, NULL };
	char *env[] = { (char *)"PATH=/usr/bin:/bin", (char *)"GIVEN=1", NULL };
	ssize_t n = -1;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/said", testdir);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	snprintf(whole, sizeof(whole), "{ %s; } >\"$1\"; mv \"$1\" \"$0\"",
		 script);
	unlink(path);
	assert_int_equal(spawn_detached("/bin/sh", argv, env), 0);
	for (int i = 0; i < 1000 && fd < 0; i++) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			poll(NULL, 0, 10);
	}
	if (fd >= 0) {
		n = read(fd, said, sizeof(said) - 1);
		close(fd);
	}
	assert_true(n >= 0);
	said[n] = '\0';
}

static void
no_descriptor_goes_with_it(void **state)
{
	char path[128];
	int fds[400];

	(void)state;
	snprintf(path, sizeof(path), "%s/ours", testdir);
	/* More than any list of them holds, and with holes. */
	for (int i = 0; i < 400; i++)
		fds[i] = open(path, O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < 400; i += 7)
		close(fds[i]);
	run("for f in /proc/$$/fd/*; do "
	    "echo \"${f##*/} $(readlink $f)\"; done");
	for (int i = 0; i < 400; i++)
		if (i % 7)
			close(fds[i]);
	assert_non_null(strstr(said, "0 /dev/null\n"));
	assert_non_null(strstr(said, "2 /dev/null\n"));
	assert_null(strstr(said, path));
}

static void
directory_session_and_environment_are_its_own(void **state)
{
	char own[64];

	(void)state;
	run("pwd; echo $GIVEN${HOME-none}; cut -d' ' -f6 /proc/$$/stat");
	snprintf(own, sizeof(own), "\n%d\n", (int)getsid(0));
	assert_memory_equal(said, "/\n1none\n", strlen("/\n1none\n"));
	assert_null(strstr(said, own));
}

/* Our parent may have blocked or ignored any of them. */
static void
signals_are_as_usual(void **state)
{
	sigset_t set, old;

	(void)state;
	signal(SIGUSR1, SIG_IGN);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	/* By the shell alone: it blocks signals while it starts another. */
	run("while read -r l; do case $l in Sig[BI]*) echo \"$l\";; esac; done "
	    "</proc/$$/status");
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGUSR1, SIG_DFL);
	assert_string_equal(said, "SigBlk:\t0000000000000000\n"
				  "SigIgn:\t0000000000000000\n");
}

static void
programs_lie_beside_this_one(void **state)
{
	char path[4096], small[4] = "abc";

	(void)state;
	assert_int_equal(spawn_detached_beside("test_spawn_detached", path,
					       sizeof(path)),
			 0);
	assert_non_null(strstr(path, "/test_spawn_detached"));
	assert_int_equal(
		spawn_detached_beside("no-such-program", path, sizeof(path)),
		-ENOENT);
	assert_int_equal(spawn_detached_beside("test_spawn_detached", small,
					       sizeof(small)),
			 -ENAMETOOLONG);
	assert_string_equal(small, "abc");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_descriptor_goes_with_it),
		cmocka_unit_test(directory_session_and_environment_are_its_own),
		cmocka_unit_test(signals_are_as_usual),
		cmocka_unit_test(programs_lie_beside_this_one),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
