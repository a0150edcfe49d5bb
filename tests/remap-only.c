/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wrapper that caches nothing: it asks the shim which remaps it would add
 * (kache-shim --print-remaps RUSTC ARGS...), puts exactly these behind the
 * compiler's path (behind rustc's, if that is clippy-driver's first argument)
 * and becomes it. What it builds is what a correct cache
 * must deliver, bit by bit. A command line for which the shim names none
 * (a query, a kind it passes through) runs as it is. REMAP_SHIM names the
 * shim.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_REMAPS = 64 };

static int
die(const char *what)
{
	fprintf(stderr, "remap-only: %s: %s\n", what, strerror(errno));
	return 125;
}

static void
become_printer(const char *shim, char **argv, int argc, int to)
{
	char **args = calloc((size_t)argc + 2, sizeof(*args));

	if (!args)
		_exit(125);
	args[0] = (char *)shim;
	args[1] = "--print-remaps";
	memcpy(args + 2, argv + 1, (size_t)argc * sizeof(*args));
	dup2(to, 1);
	close(to);
	execv(shim, args);
	_exit(127);
}

/* Reads the lines of the shim's answer into remaps; their number, or -1. */
static int
read_remaps(int from, char **remaps)
{
	FILE *in = fdopen(from, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int n = 0;

	if (!in)
		return -1;
	for (;;) {
		len = getline(&line, &size, in);
		if (len <= 0)
			break;
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (n == MAX_REMAPS)
			break;
		remaps[n++] = line;
		line = NULL;
		size = 0;
	}
	free(line);
	fclose(in);
	return n;
}

static int
ask_remaps(const char *shim, char **argv, int argc, char **remaps)
{
	int fds[2], n, status;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid) {
		close(fds[0]);
		become_printer(shim, argv, argc, fds[1]);
	}
	close(fds[1]);
	n = read_remaps(fds[0], remaps);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status ? 0 : n;
}

static int
is_called(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, name);
}

int
main(int argc, char **argv)
{
	const char *shim = getenv("REMAP_SHIM");
	char *remaps[MAX_REMAPS];
	char **args;
	int n = 0, first = 2;

	if (argc < 2)
		return die("no compiler");
	if (shim)
		n = ask_remaps(shim, argv, argc, remaps);
	if (n < 0)
		return die("the shim names no remaps");
	args = calloc((size_t)(argc + n) + 1, sizeof(*args));
	if (!args)
		return die("args");
	if (argc > 2 && is_called(argv[1], "clippy-driver") &&
	    is_called(argv[2], "rustc"))
		first++;
	memcpy(args, argv + 1, (size_t)(first - 1) * sizeof(*args));
	memcpy(args + first - 1, remaps, (size_t)n * sizeof(*args));
	memcpy(args + first - 1 + n, argv + first,
	       (size_t)(argc - first + 1) * sizeof(*args));
	execvp(args[0], args);
	return die(args[0]);
}
