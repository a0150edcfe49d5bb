/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times one command, from spawn to the end of wait, as cargo would see it.
 *
 *     spawn-time N DIR COMMAND...
 *
 * Runs COMMAND N times with standard output and error thrown away; every file
 * directly below DIR is removed before each run. Prints the least, the median
 * and the 90th percentile in microseconds. A command that fails ends it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void
empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return;
	for (e = readdir(dir); e; e = readdir(dir))
		unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
}

static long
microseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int
compare(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
run(char **argv, posix_spawn_file_actions_t *quiet)
{
	int status;
	pid_t pid;

	if (posix_spawn(&pid, argv[0], quiet, NULL, argv, environ))
		return -1;
	if (waitpid(pid, &status, 0) < 0)
		return -1;
	return status;
}

int
main(int argc, char **argv)
{
	posix_spawn_file_actions_t quiet;
	long start, *times;
	int i, n;

	n = argc > 3 ? atoi(argv[1]) : 0;
	if (n < 1)
		return 2;
	times = calloc((size_t)n, sizeof(*times));
	if (!times)
		return 2;
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
	for (i = 0; i < n; i++) {
		empty(argv[2]);
		start = microseconds();
		if (run(argv + 3, &quiet)) {
			fprintf(stderr, "spawn-time: %s failed\n", argv[3]);
			return 1;
		}
		times[i] = microseconds() - start;
	}
	qsort(times, (size_t)n, sizeof(*times), compare);
	printf("%ld %ld %ld\n", times[0], times[n / 2], times[n * 9 / 10]);
	return 0;
}
