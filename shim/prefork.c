/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/prefork.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Pairs of descriptors: the first of each is ours, the second the child's. */
enum { OUT, ERR, GATE, PAIRS };

/* Checks first, so that a child that cannot start has said nothing. */
static int
can_start(const char *prog)
{
	if (strchr(prog, '/') && access(prog, X_OK) < 0)
		return -errno;
	return 0;
}

static void
close_pairs(int pair[PAIRS][2], int side)
{
	for (int i = 0; i < PAIRS; i++) {
		if (pair[i][side] >= 0)
			close(pair[i][side]);
		pair[i][side] = -1;
	}
}

/* The gate is a socket, not a pipe: opening it for a child that was killed
 * there must not kill us too. */
static int
open_pairs(int pair[PAIRS][2], bool held)
{
	int r = 0;

	memset(pair, -1, PAIRS * sizeof(pair[0]));
	if (pipe2(pair[OUT], O_CLOEXEC) < 0 || pipe2(pair[ERR], O_CLOEXEC) < 0)
		r = -errno;
	if (r == 0 && held &&
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair[GATE]) < 0)
		r = -errno;
	if (r < 0) {
		close_pairs(pair, 0);
		close_pairs(pair, 1);
	}
	return r;
}

static void
wait_at_gate(int gate)
{
	ssize_t n;
	char c;

	do
		n = read(gate, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(0);
}

/* Who ends the shim means the compiler that would run in its place. */
static void
end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
}

static void
be_child(int pair[PAIRS][2], const char *program, char *const *argv,
	 char *const *env)
{
	/* Our end would keep the gate from ever closing. */
	close_pairs(pair, 0);
	if (dup2(pair[OUT][1], 1) < 0 || dup2(pair[ERR][1], 2) < 0)
		_exit(127);
	if (pair[GATE][1] >= 0)
		wait_at_gate(pair[GATE][1]);
	execvpe(program, argv, env);
	_exit(127);
}

int
prefork_start(struct prefork *p, const char *program, char *const *argv,
	      char *const *env, bool held)
{
	const char *file = program ? program : argv[0];
	int pair[PAIRS][2], r = can_start(file);
	pid_t parent = getpid(), pid;

	if (r == 0)
		r = open_pairs(pair, held);
	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0) {
		end_with(parent);
		be_child(pair, file, argv, env);
	}
	r = pid < 0 ? -errno : 0;
	close_pairs(pair, 1);
	if (r < 0) {
		close_pairs(pair, 0);
		return r;
	}
	*p = (struct prefork){ pid, pair[GATE][0], pair[OUT][0], pair[ERR][0] };
	return 0;
}

static void
close_gate(struct prefork *p)
{
	if (p->gate >= 0)
		close(p->gate);
	p->gate = -1;
}

void
prefork_open(struct prefork *p)
{
	if (p->gate >= 0)
		send(p->gate, "", 1, MSG_NOSIGNAL);
	close_gate(p);
}

int
prefork_wait(struct prefork *p, int *status)
{
	int r = 0;

	while (waitpid(p->pid, status, 0) < 0 && r == 0)
		r = errno == EINTR ? 0 : -errno;
	if (p->out >= 0)
		close(p->out);
	if (p->err >= 0)
		close(p->err);
	return r;
}

void
prefork_drop(struct prefork *p)
{
	int status;

	close_gate(p);
	prefork_wait(p, &status);
}
