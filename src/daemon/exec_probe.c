/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/exec_probe.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXEC_PROBE_NS (5 * INT64_C(1000000000))

extern char **environ;

/* Every descriptor of ours is closed by the exec; signals are blocked here. */
static int
run(pid_t *pid, const char *program, posix_spawn_file_actions_t *files,
    posix_spawnattr_t *attr)
{
	char *argv[] = { (char *)"kached", (char *)"--version", NULL };
	sigset_t none;

	sigemptyset(&none);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR,
						 0);
	return -posix_spawn(pid, program, files, attr, argv, environ);
}

int
exec_probe_start(struct exec_probe *t, const char *program, int64_t now)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	pid_t pid = 0;
	int r;

	if (posix_spawn_file_actions_init(&files) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attr) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return -ENOMEM;
	}
	r = run(&pid, program, &files, &attr);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (r == 0)
		*t = (struct exec_probe){ .pid = pid,
					  .by = now + EXEC_PROBE_NS };
	return r;
}

int
exec_probe_look(struct exec_probe *t, int64_t now)
{
	int status = -1;
	pid_t got = waitpid(t->pid, &status, WNOHANG);

	if (got == 0 && now < t->by)
		return ERR_BUSY;
	if (got == 0) {
		kill(t->pid, SIGKILL);
		waitpid(t->pid, &status, 0);
		status = -1;
	}
	t->pid = 0;
	return got > 0 && status == 0 ? 0 : -ENOEXEC;
}
