/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/spawn_detached.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 256 };

int
spawn_detached_beside(const char *name, char *out, size_t room)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	if (strlen(path) + 1 + strlen(name) >= room)
		return -ENAMETOOLONG;
	stpcpy(stpcpy(stpcpy(out, path), "/"), name);
	return access(out, X_OK) < 0 ? -errno : 0;
}

/* A batch of descriptors that are open; how many. */
static int
list_descriptors(int fds[BATCH])
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	for (e = d ? readdir(d) : NULL; e && n < BATCH; e = readdir(d))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			fds[n++] = atoi(e->d_name);
	if (d)
		closedir(d);
	return n;
}

static void
close_all(void)
{
	int fds[BATCH], n;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, 0, ~0U, 0) == 0)
		return;
#endif
	for (n = list_descriptors(fds); n > 0; n = list_descriptors(fds))
		while (n-- > 0)
			close(fds[n]);
}

/* By the kernel's own call: glibc's posix_spawn leaves two signals ignored
 * that its sigaction() does not touch.  All zero is SIG_DFL. */
static void
reset_signals(void)
{
	static const unsigned long as_usual[8];
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		syscall(SYS_rt_sigaction, i, as_usual, NULL, NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
become(const char *path, char *const *argv, char *const *env)
{
	close_all();
	if (open("/dev/null", O_RDWR) != 0 || dup(0) != 1 || dup(0) != 2)
		_exit(126);
	reset_signals();
	if (chdir("/") == 0)
		execve(path, argv, env);
	_exit(127);
}

int
spawn_detached(const char *path, char *const *argv, char *const *env)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		setsid();
		pid = fork();
		if (pid == 0)
			become(path, argv, env);
		_exit(pid < 0 ? 1 : 0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status == 0 ? 0 : -EAGAIN;
}
