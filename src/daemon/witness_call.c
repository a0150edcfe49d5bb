/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/witness_call.h"

#include "base/spawn_detached.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { POLL_US = 200000, ENV_MAX = 4096 };

static bool
is_empty(int dir)
{
	int fd = openat(dir, "reruns", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	bool empty = true;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	for (e = readdir(d); e && empty; e = readdir(d))
		empty = e->d_name[0] == '.';
	closedir(d);
	return empty;
}

static int
start(const char *program, char *const *env, pid_t *pid)
{
	char *argv[] = { (char *)"kache", (char *)"witness", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int r = 0;

	sigemptyset(&none);
	if (posix_spawn_file_actions_init(&files) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attr) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return -ENOMEM;
	}
	for (int fd = 0; fd <= 2 && r == 0; fd++)
		r = -posix_spawn_file_actions_addopen(&files, fd, "/dev/null",
						      O_RDWR, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
						POSIX_SPAWN_SETSIGMASK);
	if (r == 0)
		r = -posix_spawn(pid, program, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return r;
}

static void
wait_for(pid_t pid, const atomic_bool *stop)
{
	int status;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid || (got < 0 && errno != EINTR))
			return;
		if (atomic_load(stop))
			kill(-pid, SIGKILL);
		usleep(POLL_US);
	}
}

bool
witness_call(const char *store, int dir, const atomic_bool *stop)
{
	char program[PATH_MAX], var[PATH_MAX + 20];
	char **env;
	size_t n = 0;
	pid_t pid;
	int r;

	if (is_empty(dir) ||
	    spawn_detached_beside("kache", program, sizeof(program)) < 0)
		return false;
	env = calloc(ENV_MAX + 2, sizeof(*env));
	if (!env)
		return false;
	for (char **e = environ; *e && n < ENV_MAX; e++)
		if (strncmp(*e, "KACHE_CACHE_DIR=", 16))
			env[n++] = *e;
	snprintf(var, sizeof(var), "KACHE_CACHE_DIR=%s", store);
	env[n] = var;
	r = start(program, env, &pid);
	free(env);
	if (r < 0)
		return false;
	log_msg(LOG_INFO, "slow build scripts are run in another place");
	wait_for(pid, stop);
	return true;
}
