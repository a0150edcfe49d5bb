/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of a warm build, for scripts/bench: a wrapper that puts recorded
 * files in place and checks nothing at all. No correct cache can be faster
 * with the same number of processes.
 *
 * FLOOR_DIR names its directory; FLOOR_MODE is "record" (run the compiler,
 * keep what it wrote), "replay" (an argv without a record is compiled) or
 * "naive" (replay, else record: a cache that keys by argv alone, with which
 * every test of a false hit must fail). A record is a directory named by a
 * hash of argv: list (mode, path of each output), 0, 1, ... (their bytes),
 * stdout and stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static const char artifact[] =
	"{\"$message_type\":\"artifact\",\"artifact\":\"";

static int
die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	return 125;
}

/* A path that does not fit becomes one that does not exist. */
static const char *
join(char path[PATH_SIZE], const char *dir, const char *name)
{
	int n = snprintf(path, PATH_SIZE, "%s/%s", dir, name);

	if (n < 0 || n >= PATH_SIZE)
		snprintf(path, PATH_SIZE, "/dev/null/too-long");
	return path;
}

static const char *
join_number(char path[PATH_SIZE], const char *dir, int i)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", i);
	return join(path, dir, name);
}

static uint64_t
hash_args(char **argv)
{
	uint64_t h = 0xcbf29ce484222325u;
	const char *s;

	for (; *argv; argv++) {
		s = *argv;
		do {
			h = (h ^ (unsigned char)*s) * 0x100000001b3u;
		} while (*s++);
	}
	return h;
}

static int
copy_bytes(int from, int to)
{
	ssize_t n;

	do {
		n = sendfile(to, from, NULL, 1 << 30);
	} while (n > 0);
	return n < 0 ? -1 : 0;
}

static int
copy_file(const char *from, const char *to, unsigned int mode)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = -1, rc = -1;

	if (in < 0)
		return -1;
	unlink(to);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (out >= 0)
		rc = copy_bytes(in, out);
	if (out >= 0)
		close(out);
	close(in);
	return rc;
}

/* Executables and .d files are changed in place by others: copied. */
static int
must_copy(const char *path, unsigned int mode)
{
	size_t len = strlen(path);

	return mode & 0111 || (len > 2 && !strcmp(path + len - 2, ".d"));
}

static int
place(const char *from, const char *to, unsigned int mode)
{
	if (!must_copy(to, mode)) {
		unlink(to);
		if (!link(from, to))
			return utimensat(AT_FDCWD, to, NULL, 0);
	}
	return copy_file(from, to, mode);
}

static void
forward(const char *dir, const char *name, int to)
{
	char path[PATH_SIZE];
	char buf[65536];
	ssize_t n;
	int fd;

	join(path, dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	for (;;) {
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			break;
		if (write(to, buf, (size_t)n) != n)
			break;
	}
	close(fd);
}

/* 0 when everything is in place, -1 when there is no (whole) record. */
static int
replay(const char *dir)
{
	char path[PATH_SIZE], to[PATH_SIZE];
	unsigned int mode;
	int i = 0, rc = 0;
	FILE *list;

	join(path, dir, "list");
	list = fopen(path, "re");
	if (!list)
		return -1;
	while (!rc && fscanf(list, "%o %4095[^\n]\n", &mode, to) == 2) {
		join_number(path, dir, i++);
		rc = place(path, to, mode);
	}
	fclose(list);
	if (rc)
		return rc;
	forward(dir, "stderr", 2);
	forward(dir, "stdout", 1);
	return 0;
}

static int
run_into(char **args, const char *dir)
{
	static const char *const names[] = { "stdout", "stderr" };
	char path[PATH_SIZE];
	int fd, i, status;
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (pid) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
		return status;
	}
	for (i = 0; i < 2; i++) {
		join(path, dir, names[i]);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		dup2(fd, i + 1);
		close(fd);
	}
	execvp(args[0], args);
	_exit(127);
}

static int
keep_output(const char *dir, int i, const char *from, FILE *list)
{
	char path[PATH_SIZE];
	struct stat st;

	if (stat(from, &st))
		return -1;
	join_number(path, dir, i);
	fprintf(list, "%o %s\n", st.st_mode & 07777, from);
	return copy_file(from, path, st.st_mode & 0777);
}

/* Copies every file that rustc announced on stderr. */
static int
keep_outputs(const char *dir)
{
	char path[PATH_SIZE];
	char *line = NULL, *end;
	FILE *in, *list = NULL;
	size_t size = 0;
	int i = 0, rc = -1;

	join(path, dir, "stderr");
	in = fopen(path, "re");
	join(path, dir, "list");
	if (in)
		list = fopen(path, "we");
	if (!list)
		goto out;
	rc = 0;
	while (!rc && getline(&line, &size, in) > 0) {
		if (strncmp(line, artifact, sizeof(artifact) - 1))
			continue;
		end = strchr(line + sizeof(artifact) - 1, '"');
		if (!end)
			continue;
		*end = '\0';
		rc = keep_output(dir, i++, line + sizeof(artifact) - 1, list);
	}
out:
	free(line);
	if (list)
		fclose(list);
	if (in)
		fclose(in);
	return rc;
}

static int
record(char **args, const char *dir)
{
	char path[PATH_SIZE];
	int status;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return die(dir);
	status = run_into(args, dir);
	forward(dir, "stderr", 2);
	forward(dir, "stdout", 1);
	if (status || keep_outputs(dir)) {
		join(path, dir, "list");
		unlink(path);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int
main(int argc, char **argv)
{
	const char *base = getenv("FLOOR_DIR");
	const char *mode = getenv("FLOOR_MODE");
	char dir[PATH_SIZE];

	if (argc < 2 || !base || !mode)
		return die("usage: FLOOR_DIR= FLOOR_MODE= floor RUSTC ARGS");
	snprintf(dir, sizeof(dir), "%s/%016" PRIx64, base, hash_args(argv + 1));
	if (strcmp(mode, "record") && !replay(dir))
		return 0;
	if (strcmp(mode, "replay"))
		return record(argv + 1, dir);
	execvp(argv[1], argv + 1);
	return die(argv[1]);
}
