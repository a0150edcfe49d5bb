/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * child MODE ARGS...: a program that an observer must not disturb.  Each mode
 * prints what it found and ends with status 42 if all went as it should.
 */

extern char **environ;

static int
fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

static int
cat(const char *name)
{
	char line[200] = "";
	FILE *f = fopen(name, "r");

	if (!f)
		return fail(name);
	if (!fgets(line, sizeof line, f))
		line[0] = '\0';
	fclose(f);
	printf("%s: %s", name, line);
	return 42;
}

static int
wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return fail("wait");
	if (WIFSIGNALED(status))
		printf("signal %d\n", WTERMSIG(status));
	else
		printf("status %d\n", WEXITSTATUS(status));
	return 42;
}

static int
on_read(char **args)
{
	return cat(args[0]);
}

/* Whoever kept a descriptor in here must cope. */
static int
on_closeall(char **args)
{
	int fd, n = 0;

	for (fd = 3; fd < 1024; fd++)
		close(fd);
	/* Takes every number there is for files of our own. */
	while (n < 900) {
		fd = open(args[1], O_WRONLY | O_CREAT | O_APPEND, 0600);
		if (fd < 0)
			break;
		n++;
	}
	printf("opened %d\n", n > 500);
	return cat(args[0]);
}

static int
on_chdir(char **args)
{
	if (chdir(args[0]) != 0)
		return fail("chdir");
	return cat(args[1]);
}

static int
on_openat(char **args)
{
	int dir = open(args[0], O_RDONLY | O_DIRECTORY), fd;
	char c;

	fd = openat(dir, args[1], O_RDONLY);
	if (fd < 0 || read(fd, &c, 1) != 1)
		return fail("openat");
	printf("%c\n", c);
	return 42;
}

static int
on_fork(char **args)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(cat(args[0]) == 42 ? 7 : 1);
	fflush(stdout);
	return wait_for(pid);
}

static int
on_vfork(char **args)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execv(args[0], args);
		_exit(127);
	}
	return wait_for(pid);
}

static int
on_exec(char **args)
{
	execvp(args[0], args);
	return fail("exec");
}

/* The environment given on is empty. */
static int
on_execclear(char **args)
{
	char *nothing[] = { NULL };

	execve(args[0], args, nothing);
	return fail("exec");
}

static int
on_spawn(char **args)
{
	pid_t pid;
	int rc = posix_spawnp(&pid, args[0], NULL, NULL, args, environ);

	if (rc != 0) {
		errno = rc;
		return fail("spawn");
	}
	return wait_for(pid);
}

static int
on_system(char **args)
{
	printf("system %d\n", WEXITSTATUS(system(args[0])));
	return 42;
}

static int
on_popen(char **args)
{
	char line[200] = "";
	FILE *f = popen(args[0], "r");

	if (!f || !fgets(line, sizeof line, f))
		return fail("popen");
	printf("popen %s%d\n", line, WEXITSTATUS(pclose(f)));
	return 42;
}

static void *
reader(void *ctx)
{
	char **args = ctx;
	int i, fd;

	for (i = 0; i < 2000; i++) {
		fd = open(args[i % 2], O_RDONLY);
		if (fd >= 0)
			close(fd);
		getenv("CHILD_THREAD");
	}
	return NULL;
}

static int
on_threads(char **args)
{
	pthread_t threads[8];
	int i;

	for (i = 0; i < 8; i++)
		if (pthread_create(&threads[i], NULL, reader, args) != 0)
			return fail("thread");
	for (i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	return cat(args[0]);
}

static int
on_killed(char **args)
{
	cat(args[0]);
	fflush(stdout);
	return raise(SIGKILL);
}

/* Arguments that the kernel refuses, and what it says to that. */
static int
on_errors(char **args)
{
	char *bad = (char *)8;
	char *argv[] = { bad, NULL };
	struct stat st;

	(void)args;
	printf("%d", open(bad, O_RDONLY));
	printf(" %d", errno);
	printf(" %d %d", stat(bad, &st), errno);
	printf(" %d %d", access(bad, F_OK), errno);
	printf(" %d %d", execve(bad, argv, environ), errno);
	printf(" %d %d", open("/nowhere/at/all", O_RDONLY), errno);
	printf(" %d %d", open("/etc/passwd/x", O_RDONLY), errno);
	printf(" %d %d\n", (int)syscall(SYS_openat, 1, "x", 0), errno);
	errno = 77;
	getenv("PATH");
	printf("%d\n", errno);
	return 42;
}

static int
on_syscall(char **args)
{
	long fd = syscall(SYS_openat, AT_FDCWD, args[0], O_RDONLY, 0);

	printf("%d\n", fd >= 0);
	return 42;
}

static int
on_raw(char **args)
{
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "a"(SYS_open), "D"(args[0]), "S"(O_RDONLY), "d"(0)
			 : "rcx", "r11", "memory");
	printf("%d\n", rc >= 0);
	return 42;
}

static int
on_environ(char **args)
{
	char **e;

	(void)args;
	/* bash sets _ as it likes. */
	for (e = environ; *e; e++)
		if (strncmp(*e, "_=", 2) != 0)
			puts(*e);
	return 42;
}

/* Lives on after its parent. */
static int
on_daemon(char **args)
{
	pid_t pid = fork();

	if (pid == 0) {
		close(0);
		close(1);
		close(2);
		sleep((unsigned)atoi(args[0]));
		_exit(0);
	}
	return pid > 0 ? 42 : 1;
}

/* More names than fit anywhere. */
static int
on_many(char **args)
{
	char name[64];
	int i;

	for (i = 0; i < atoi(args[0]); i++) {
		snprintf(name, sizeof name, "none-%d", i);
		if (access(name, F_OK) == 0)
			return fail(name);
	}
	return 42;
}

static int
on_tested(char **args)
{
	char target[PATH_MAX], *real;
	struct stat st;
	ssize_t n;

	printf("%d", stat(args[0], &st));
	printf(" %d", lstat(args[1], &st));
	printf(" %d", access("missing-file", R_OK));
	n = readlink(args[1], target, sizeof target);
	printf(" %d", (int)n);
	real = realpath(args[1], NULL);
	printf(" %d\n", real != NULL);
	free(real);
	return 42;
}

static const struct {
	const char *name;
	int (*run)(char **args);
} modes[] = {
	{ "read", on_read },       { "closeall", on_closeall },
	{ "chdir", on_chdir },     { "openat", on_openat },
	{ "fork", on_fork },       { "vfork", on_vfork },
	{ "exec", on_exec },       { "execclear", on_execclear },
	{ "spawn", on_spawn },     { "system", on_system },
	{ "popen", on_popen },     { "threads", on_threads },
	{ "killed", on_killed },   { "errors", on_errors },
	{ "syscall", on_syscall }, { "raw", on_raw },
	{ "environ", on_environ }, { "daemon", on_daemon },
	{ "tested", on_tested },   { "many", on_many },
};

int
main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run(argv + 2);
	fprintf(stderr, "child: no such mode\n");
	return 2;
}
