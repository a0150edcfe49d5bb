/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/process.h"

#include "base/file.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child does that IN gets ready; its status as wait(2) gives it. */
static int
in_child(int (*in)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(in());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
limit(rlim_t max)
{
	struct rlimit r = { max, max };

	setrlimit(RLIMIT_FSIZE, &r);
}

/* 0: the write beyond the limit failed as writes may fail. */
static int
write_beyond(void)
{
	char path[128], bytes[200] = "";
	int fd;

	process_begin();
	snprintf(path, sizeof(path), "%s/big", testdir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	limit(100);
	return fd < 0 || file_write_fd(fd, bytes, sizeof(bytes)) != -EFBIG;
}

/* What we execute is ended by it, as without us. */
static int
execute_beyond(void)
{
	process_begin();
	if (chdir(testdir) < 0)
		return 99;
	limit(0);
	execl("/bin/sh", "sh", "-c", "exec head -c 9 /dev/zero >beyond",
	      (char *)NULL);
	return 99;
}

/* Unless whoever started us ignores it. */
static int
execute_ignoring(void)
{
	signal(SIGXFSZ, SIG_IGN);
	return execute_beyond();
}

static void
a_limit_ends_only_what_it_would_end(void **state)
{
	int status;

	(void)state;
	assert_int_equal(in_child(write_beyond), 0);
	status = in_child(execute_beyond);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGXFSZ);
	status = in_child(execute_ignoring);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

static int
open_first(void)
{
	int fd;

	for (fd = 0; fd < 3; fd++)
		close(fd);
	process_begin();
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd < 3;
}

static int
open_without_room(void)
{
	struct rlimit r = { 2, 2 };

	close(1);
	setrlimit(RLIMIT_NOFILE, &r);
	process_begin();
	return fcntl(1, F_GETFD) < 0;
}

static int
leave_alone(void)
{
	int before = fcntl(1, F_GETFL);

	process_begin();
	return fcntl(1, F_GETFL) != before || fcntl(3, F_GETFD) >= 0;
}

static void
standard_descriptors_are_never_ours(void **state)
{
	(void)state;
	assert_int_equal(in_child(open_first), 0);
	assert_int_equal(in_child(open_without_room), 0);
	close(3);
	assert_int_equal(in_child(leave_alone), 0);
}

static int
ask_limit(void)
{
	limit(12345);
	return process_file_max() != 12345;
}

static void
the_limit_is_told(void **state)
{
	(void)state;
	assert_int_equal(in_child(ask_limit), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_ends_only_what_it_would_end),
		cmocka_unit_test(standard_descriptors_are_never_ours),
		cmocka_unit_test(the_limit_is_told),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
