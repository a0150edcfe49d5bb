/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "daemon/listen.h"
#include "wire/dial.h"

#include "../testdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* listen_open closes what is not its own, so each case is a process.  DO
 * gives 0 if all is well, else the line where it was not. */
static int
in_child(int (*go)(const char *dir, const char *path), const char *dir,
	 const char *path)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(go(dir, path) != 0);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define NEED(x) \
	do { \
		if (!(x)) { \
			dprintf(2, "# line %d: " #x "\n", __LINE__); \
			return __LINE__; \
		} \
	} while (0)

static int
serves(const char *dir, const char *path)
{
	struct listen l;
	struct stat st;
	int fd;

	NEED(listen_open(&l, dir, path) == 0);
	NEED(lstat(path, &st) == 0 && S_ISSOCK(st.st_mode));
	NEED((st.st_mode & 0777) == 0600);
	NEED(dial_connect(path, &fd) == 0);
	NEED(l.fd == 3 && l.lock == 4);
	NEED(!listen_lost(&l, dir));
	NEED(listen_lost(&l, "/nonexistent"));
	NEED(fcntl(l.fd, F_GETFD) == FD_CLOEXEC);
	NEED(fcntl(l.lock, F_GETFD) == FD_CLOEXEC);
	listen_close(&l, path);
	NEED(lstat(path, &st) < 0);
	return 0;
}

static int
second_is_busy(const char *dir, const char *path)
{
	struct listen a, b;
	pid_t pid;
	int status, fd;

	NEED(listen_open(&a, dir, path) == 0);
	pid = fork();
	if (pid == 0)
		_exit(listen_open(&b, dir, path) != ERR_BUSY);
	NEED(waitpid(pid, &status, 0) == pid && status == 0);
	/* The loser left the winner's socket alone. */
	NEED(dial_connect(path, &fd) == 0);
	return 0;
}

static int
dies_at_once(const char *dir, const char *path)
{
	struct listen l;

	NEED(listen_open(&l, dir, path) == 0);
	return 0;
}

static int
closes_others(const char *dir, const char *path)
{
	struct listen l;
	int fd[2];

	NEED(pipe(fd) == 0);
	NEED(dup2(fd[1], 77) == 77);
	close(fd[1]);
	NEED(listen_open(&l, dir, path) == 0);
	NEED(fcntl(77, F_GETFD) < 0);
	return 0;
}

static int
refuses_a_file(const char *dir, const char *path)
{
	struct listen l;
	struct stat st;
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	NEED(fd >= 0);
	NEED(listen_open(&l, dir, path) == -EPERM);
	NEED(lstat(path, &st) == 0 && S_ISREG(st.st_mode));
	NEED(l.fd == -1 && l.lock == -1);
	unlink(path);
	return 0;
}

/* As systemd hands it over: fd 3, named by three variables. */
static int
adopts(const char *dir, const char *path)
{
	struct listen l;
	struct stat st;
	char pid[24];
	int fd, sock;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	for (int i = 3; i < 20; i++)
		close(i);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	sock = socket(AF_UNIX, SOCK_STREAM, 0);
	NEED(sock == 3);
	NEED(bind(sock, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	NEED(listen(sock, 5) == 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	NEED(listen_open(&l, dir, path) == 0);
	NEED(l.activated);
	NEED(!getenv("LISTEN_PID") && !getenv("LISTEN_FDS"));
	NEED(dial_connect(path, &fd) == 0);
	listen_close(&l, path);
	NEED(lstat(path, &st) == 0);
	unlink(path);
	return 0;
}

static int
ignores_anothers(const char *dir, const char *path)
{
	struct listen l;

	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "1", 1);
	NEED(listen_open(&l, dir, path) == 0);
	NEED(!l.activated);
	listen_close(&l, path);
	return 0;
}

/* The loader of an exec that fails must find everything as it was. */
static int
survives_exec(const char *dir, const char *path)
{
	char *argv[] = { (char *)"none", NULL };
	struct listen l;
	int fd;

	NEED(listen_open(&l, dir, path) == 0);
	NEED(listen_exec(&l, "/nonexistent/kached", argv) == -ENOENT);
	NEED(fcntl(l.fd, F_GETFD) == FD_CLOEXEC);
	NEED(dial_connect(path, &fd) == 0);
	listen_close(&l, path);
	return 0;
}

static void
run(int (*go)(const char *, const char *), const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	assert_int_equal(in_child(go, testdir, path), 0);
	unlink(path);
}

static void
it_serves(void **state)
{
	(void)state;
	run(serves, "daemon.sock");
}

static void
a_long_path_is_fine(void **state)
{
	char name[256];

	(void)state;
	memset(name, 'x', 150);
	name[90] = '/';
	name[150] = '\0';
	run(serves, name);
}

static void
the_second_is_busy(void **state)
{
	(void)state;
	run(second_is_busy, "daemon.sock");
}

static void
a_stale_socket_heals(void **state)
{
	char path[512];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/daemon.sock", testdir);
	assert_int_equal(in_child(dies_at_once, testdir, path), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(in_child(serves, testdir, path), 0);
}

static void
inherited_descriptors_are_closed(void **state)
{
	(void)state;
	run(closes_others, "daemon.sock");
}

static void
a_foreign_file_is_left_alone(void **state)
{
	(void)state;
	run(refuses_a_file, "daemon.sock");
}

static void
systemd_hands_over(void **state)
{
	(void)state;
	run(adopts, "daemon.sock");
	run(ignores_anothers, "daemon.sock");
}

static void
a_failed_exec_changes_nothing(void **state)
{
	(void)state;
	run(survives_exec, "daemon.sock");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_serves),
		cmocka_unit_test(a_long_path_is_fine),
		cmocka_unit_test(the_second_is_busy),
		cmocka_unit_test(a_stale_socket_heals),
		cmocka_unit_test(inherited_descriptors_are_closed),
		cmocka_unit_test(a_foreign_file_is_left_alone),
		cmocka_unit_test(systemd_hands_over),
		cmocka_unit_test(a_failed_exec_changes_nothing),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
