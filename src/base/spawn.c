/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/spawn.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICK_MS = 20, BLOCK = 4096 };

extern char **environ;

static int
set_files(posix_spawn_file_actions_t *f, int out)
{
	int rc;

	rc = posix_spawn_file_actions_addopen(f, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(f, out, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(f, 2, "/dev/null",
						      O_WRONLY, 0);
	/* libcurl's own sockets are not close-on-exec. */
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(f, 3);
	return rc;
}

static void
set_attributes(posix_spawnattr_t *a)
{
	sigset_t set;

	sigemptyset(&set);
	posix_spawnattr_setsigmask(a, &set);
	/* sigfillset leaves out two that glibc would then ignore. */
	memset(&set, 0xff, sizeof(set));
	posix_spawnattr_setsigdefault(a, &set);
	posix_spawnattr_setpgroup(a, 0);
	posix_spawnattr_setflags(a, POSIX_SPAWN_SETPGROUP |
					    POSIX_SPAWN_SETSIGDEF |
					    POSIX_SPAWN_SETSIGMASK);
}

static int
start_program(const struct spawn *s, int out, pid_t *pid)
{
	posix_spawn_file_actions_t f;
	posix_spawnattr_t a;
	int rc = posix_spawn_file_actions_init(&f);

	if (rc != 0)
		return -rc;
	rc = posix_spawnattr_init(&a);
	if (rc == 0) {
		set_attributes(&a);
		rc = set_files(&f, out);
		if (rc == 0)
			rc = posix_spawnp(pid, s->argv[0], &f, &a, s->argv,
					  environ);
		posix_spawnattr_destroy(&a);
	}
	posix_spawn_file_actions_destroy(&f);
	return -rc;
}

/* One read.  1: there may be more, 0: the end, else an error. */
static int
read_output(const struct spawn *s, int fd, struct buf *out, size_t had)
{
	char *to = buf_room(out, BLOCK);
	ssize_t n;

	if (!to)
		return -ENOMEM;
	n = read(fd, to, BLOCK);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : -errno;
	out->len += (size_t)n;
	to[n] = '\0';
	if (out->len - had > s->max)
		return ERR_TOOBIG;
	return n > 0;
}

/* Its end, without taking its number away from it. */
static bool
has_ended(pid_t pid)
{
	siginfo_t i = { 0 };

	return waitid(P_PID, (id_t)pid, &i, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       i.si_pid != 0;
}

/* Reads until the program has ended, or its output was closed and it then
 * ended; a grandchild may hold the pipe longer. */
static int
listen_to(const struct spawn *s, pid_t pid, int fd, struct buf *out)
{
	int64_t until = file_monotonic() + s->timeout_ms * 1000000LL;
	size_t had = out->len;
	bool open = true;

	for (;;) {
		struct pollfd p[2] = { { open ? fd : -1, POLLIN, 0 },
				       { s->stop_fd, POLLIN, 0 } };
		bool ended = has_ended(pid);
		int rc = 1;

		/* What was not looked at is no end of the output. */
		if (poll(p, 2, ended ? 0 : TICK_MS) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (p[1].revents)
			return -ECANCELED;
		if (open && p[0].revents)
			rc = read_output(s, fd, out, had);
		if (rc < 0)
			return rc;
		open = open && rc > 0;
		if (ended && (!open || !p[0].revents))
			return 0;
		if (file_monotonic() >= until)
			return ERR_TIMEOUT;
	}
}

int
spawn_run(const struct spawn *s, struct buf *out, int *status)
{
	size_t had = out->len;
	pid_t pid;
	int fds[2], rc;
	int how = 0;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	rc = start_program(s, fds[1], &pid);
	close(fds[1]);
	if (rc == 0) {
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		rc = listen_to(s, pid, fds[0], out);
		/* It is not reaped yet, so the group is still its own. */
		kill(-pid, SIGKILL);
		while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
			;
	}
	close(fds[0]);
	if (rc == 0) {
		*status = how;
	} else if (out->p) {
		explicit_bzero(out->p + had, out->len - had);
		out->len = had;
	}
	return rc;
}
