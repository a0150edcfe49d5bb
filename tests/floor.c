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
 *
 * It stands in the place of build scripts' programs, too, which lie beside it
 * as *.floor-real: a run is recorded and replayed in the same way, with the
 * files of its OUT_DIR. Mode 0 in a list is such a program: a link to this
 * one. Not when naive.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

#define REAL ".floor-real"

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
hash_text(uint64_t h, const char *s)
{
	do {
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	} while (*s++);
	return h;
}

static uint64_t
hash_args(char **argv)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *argv; argv++)
		h = hash_text(h, *argv);
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

/* A directory, a link, a launcher or a file. */
static int
place(const char *from, const char *to, unsigned int mode)
{
	char target[PATH_SIZE] = "";

	if (S_ISDIR(mode))
		return mkdir(to, mode & 07777) && errno != EEXIST ? -1 : 0;
	if (S_ISLNK(mode))
		return readlink(from, target, sizeof(target) - 1) < 0 ||
				       symlink(target, to)
			       ? -1
			       : 0;
	mode &= 07777;
	if (!mode)
		return link(from, to);
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
	char path[PATH_SIZE], target[PATH_SIZE] = "";
	struct stat st;

	if (lstat(from, &st))
		return -1;
	join_number(path, dir, i);
	fprintf(list, "%o %s\n", st.st_mode, from);
	if (S_ISDIR(st.st_mode))
		return 0;
	if (S_ISREG(st.st_mode))
		return copy_file(from, path, st.st_mode & 0777);
	unlink(path);
	return readlink(from, target, sizeof(target) - 1) < 0
		       ? -1
		       : symlink(target, path);
}

/* The program of a build script goes aside, and this one takes its place. */
static int
keep_script(const char *dir, int i, const char *program, FILE *list)
{
	char path[PATH_SIZE], self[PATH_SIZE] = "", real[PATH_SIZE + 16];

	snprintf(real, sizeof(real), "%s" REAL, program);
	join_number(path, dir, i);
	unlink(path);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 ||
	    rename(program, real) || link(self, path) || link(path, program))
		return -1;
	fprintf(list, "0 %s\n", program);
	return 0;
}

static int
is_script(char **args)
{
	const char *mode = getenv("FLOOR_MODE");

	for (; mode && strcmp(mode, "naive") && args[0] && args[1]; args++)
		if (!strcmp(args[0], "--crate-name"))
			return !strncmp(args[1], "build_script_", 13);
	return 0;
}

/* Copies every file that rustc announced on stderr. */
static int
keep_outputs(const char *dir, int script)
{
	char path[PATH_SIZE];
	char *line = NULL, *end, *p;
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
		p = line + sizeof(artifact) - 1;
		/* The other one is its .d. */
		rc = script && !must_copy(p, 0)
			     ? keep_script(dir, i++, p, list)
			     : keep_output(dir, i++, p, list);
	}
out:
	free(line);
	if (list)
		fclose(list);
	if (in)
		fclose(in);
	return rc;
}

static FILE *tree_list;
static const char *tree_dir;
static int tree_count;

static int
keep_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	if (at->level == 0)
		return 0;
	return keep_output(tree_dir, tree_count++, path, tree_list);
}

/* All that lies in the OUT_DIR of a build script. */
static int
keep_tree(const char *dir, const char *out)
{
	char path[PATH_SIZE];
	int rc;

	tree_list = fopen(join(path, dir, "list"), "we");
	if (!tree_list)
		return -1;
	tree_dir = dir;
	tree_count = 0;
	rc = nftw(out, keep_one, 32, FTW_PHYS);
	return fclose(tree_list) || rc ? -1 : 0;
}

/* OUT is a build script's OUT_DIR, else NULL. */
static int
record(char **args, const char *dir, const char *out)
{
	char path[PATH_SIZE];
	int status;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return die(dir);
	status = run_into(args, dir);
	forward(dir, "stderr", 2);
	forward(dir, "stdout", 1);
	if (status ||
	    (out ? keep_tree(dir, out) : keep_outputs(dir, is_script(args)))) {
		join(path, dir, "list");
		unlink(path);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The only program of its kind beside this one. */
static int
find_real(const char *self, char real[PATH_SIZE])
{
	char dir[PATH_SIZE];
	struct dirent *e;
	DIR *d;
	int rc = -1;

	snprintf(dir, sizeof(dir), "%s", self);
	*strrchr(dir, '/') = '\0';
	d = opendir(dir);
	for (e = d ? readdir(d) : NULL; e && rc; e = readdir(d)) {
		size_t n = strlen(e->d_name), k = strlen(REAL);

		if (n > k && !strcmp(e->d_name + n - k, REAL)) {
			join(real, dir, e->d_name);
			rc = 0;
		}
	}
	if (d)
		closedir(d);
	return rc;
}

static int
script(char **argv, const char *base, const char *mode)
{
	char dir[PATH_SIZE], real[PATH_SIZE];
	const char *out = getenv("OUT_DIR");

	if (!base || !mode || !out)
		return die("not started by cargo");
	snprintf(dir, sizeof(dir), "%s/%016" PRIx64, base,
		 hash_text(hash_args(argv), out));
	if (!strcmp(mode, "replay") && !replay(dir))
		return 0;
	if (find_real(argv[0], real))
		return die("no " REAL);
	argv[0] = real;
	if (!strcmp(mode, "record"))
		return record(argv, dir, out);
	execv(real, argv);
	return die(real);
}

int
main(int argc, char **argv)
{
	const char *base = getenv("FLOOR_DIR");
	const char *mode = getenv("FLOOR_MODE");
	const char *name = strrchr(argv[0], '/');
	char dir[PATH_SIZE];

	if (name && !strncmp(name, "/build-script-", 14))
		return script(argv, base, mode);
	if (argc < 2 || !base || !mode)
		return die("usage: FLOOR_DIR= FLOOR_MODE= floor RUSTC ARGS");
	snprintf(dir, sizeof(dir), "%s/%016" PRIx64, base, hash_args(argv + 1));
	if (strcmp(mode, "record") && !replay(dir))
		return 0;
	if (strcmp(mode, "replay"))
		return record(argv + 1, dir, NULL);
	execvp(argv[1], argv + 1);
	return die(argv[1]);
}
