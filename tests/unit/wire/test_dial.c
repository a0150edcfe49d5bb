/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "wire/dial.h"

#include "base/err.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../testdir.h"

static char path[512];

static int
listen_at(const char *name, int backlog)
{
	struct sockaddr_un sa;
	int dir, fd;

	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	assert_int_equal(dial_address(path, &sa, &dir), 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	if (dir >= 0)
		close(dir);
	return fd;
}

static void
paths_of_any_length_are_reached(void **state)
{
	char name[256];
	int server, fd;

	(void)state;
	memset(name, 'd', 200);
	name[200] = '\0';
	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	assert_int_equal(file_mkdirs(path, 0700), 0);
	memcpy(name + 200, "/daemon.sock", sizeof("/daemon.sock"));
	server = listen_at(name, 4);
	assert_int_equal(dial_connect(path, &fd), 0);
	assert_int_equal(dial_peer(fd, geteuid()), 0);
	assert_int_equal(dial_peer(fd, geteuid() + 1), ERR_REFUSED);
	close(fd);
	close(server);
	server = listen_at("short.sock", 4);
	assert_int_equal(dial_connect(path, &fd), 0);
	close(fd);
	close(server);
}

static void
a_full_backlog_is_busy_and_a_stale_socket_a_miss(void **state)
{
	int fds[8];
	int server = listen_at("full.sock", 0);
	int n = 0, r = 0, fd = -1;

	(void)state;
	while (n < 8 && r == 0) {
		r = dial_connect(path, &fds[n]);
		n += r == 0;
	}
	assert_int_equal(r, ERR_BUSY);
	while (n > 0)
		close(fds[--n]);
	close(server);
	assert_int_equal(dial_connect(path, &fd), ERR_MISS);
	assert_int_equal(dial_connect("/nonexistent/socket", &fd), ERR_MISS);
	assert_int_equal(dial_connect("", &fd), -EINVAL);
	assert_int_equal(fd, -1);
}

/* The kernel notes a listener's uid when it calls listen. */
static void
another_users_daemon_is_refused(void **state)
{
	int fd = -1, server;

	(void)state;
	if (geteuid() != 0)
		skip();
	server = listen_at("theirs.sock", 4);
	assert_int_equal(seteuid(1), 0);
	assert_int_equal(listen(server, 4), 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(dial_connect(path, &fd), ERR_REFUSED);
	assert_int_equal(fd, -1);
	close(server);
}

static void
names_too_long_are_refused(void **state)
{
	struct sockaddr_un sa;
	int dir = -2;

	(void)state;
	memset(path, 'x', 150);
	path[150] = '\0';
	assert_int_equal(dial_address(path, &sa, &dir), -ENAMETOOLONG);
	path[0] = '/';
	assert_int_equal(dial_address(path, &sa, &dir), -ENAMETOOLONG);
	assert_int_equal(dir, -2);
}

static void
a_wait_ends_at_its_deadline(void **state)
{
	int64_t begin = file_monotonic();
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(dial_wait(fds[0], POLLIN, begin + 20000000),
			 ERR_TIMEOUT);
	assert_true(file_monotonic() - begin >= 20000000);
	assert_int_equal(dial_wait(fds[0], POLLIN, begin), ERR_TIMEOUT);
	assert_int_equal(dial_wait(fds[0], POLLOUT, begin), 0);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_of_any_length_are_reached),
		cmocka_unit_test(
			a_full_backlog_is_busy_and_a_stale_socket_a_miss),
		cmocka_unit_test(another_users_daemon_is_refused),
		cmocka_unit_test(names_too_long_are_refused),
		cmocka_unit_test(a_wait_ends_at_its_deadline),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
