/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/classify.h"

#include "key/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOADER "ld-linux-x86-64.so.2"
#define TRIPLE "x86_64-linux-gnu-"
/* More than the helper ever says about one file, name included. */
#define LINE_MAX_BYTES 16384

extern char **environ;

static const char *const words[CLASSIFY_CLASSES] = {
	[CLASSIFY_OBSERVABLE] = "observable",
	[CLASSIFY_KNOWN] = "known",
	[CLASSIFY_ASK] = "ask",
	[CLASSIFY_ITERATES] = "iterates",
	[CLASSIFY_SCRIPT] = "script",
	[CLASSIFY_RAW_SYSCALL] = "raw-syscall",
	[CLASSIFY_STRIPPED] = "stripped",
	[CLASSIFY_STATIC] = "static",
	[CLASSIFY_FOREIGN] = "foreign",
	[CLASSIFY_SETUID] = "setuid",
	[CLASSIFY_GO] = "go",
	[CLASSIFY_SANITIZER] = "sanitizer",
	[CLASSIFY_UNREADABLE] = "unreadable",
};

/* Where a file's name says what it is: only root or rustup writes there. */
static const char *const system_directories[] = {
	"/usr/",  "/lib/", "/lib64/",     "/lib32/",     "/bin/",
	"/sbin/", "/opt/", "/nix/store/", "/gnu/store/",
};

/*
 * Tools and libraries whose own system calls are for threads, memory, time
 * and signals, or are the C library itself.  A name may be followed by a
 * version.
 */
static const char *const known[] = {
	"rustc",
	"rustdoc",
	"clippy-driver",
	"librustc_driver",
	"libLLVM",
	"libstd",
	"libtest",
	"librustc_codegen_llvm",
	"librustc_codegen_cranelift",
	"librustc_codegen_gcc",
	"libgccjit",
	"rust-lld",
	"cc",
	"c++",
	"gcc",
	"g++",
	"clang",
	"clang++",
	"cc1",
	"cc1plus",
	"collect2",
	"lto1",
	"lto-wrapper",
	"as",
	"ld",
	"ld.bfd",
	"ld.gold",
	"ld.lld",
	"ld64.lld",
	"lld",
	"mold",
	"ld.mold",
	"wild",
	"ar",
	"ranlib",
	"strip",
	"objcopy",
	"liblto_plugin",
	"LLVMgold",
	"libc",
	"ld-linux-x86-64",
	"libm",
	"libmvec",
	"libpthread",
	"libdl",
	"librt",
	"libresolv",
	"libutil",
	"libnss_files",
	"libnss_dns",
	"libz",
	"libzstd",
	"liblzma",
	"libbz2",
	"libbfd",
	"libctf",
	"libctf-nobfd",
	"libopcodes",
	"libsframe",
	"libjansson",
	"libstdc++",
	"libgcc_s",
	"libatomic",
	"libmpfr",
	"libmpc",
	"libgmp",
	"libisl",
	"libtinfo",
	"libncurses",
	"libncursesw",
	"libclang",
	"libclang-cpp",
	"libedit",
	"libxml2",
	"libicuuc",
	"libicudata",
	"libicui18n",
	"libffi",
	"libbsd",
	"libmd",
	"libtbb",
	"libxxhash",
	"libdebuginfod",
	"libelf",
	"libdw",
	"libcrypto",
	"libssl",
	"libjemalloc",
	"libmimalloc",
	"libtcmalloc",
	"libtcmalloc_minimal",
	"libcap",
	"libselinux",
	"libpcre2-8",
};

static int
starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static int
is_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	while (n > 0 && directory[n - 1] == '/')
		n--;
	return n > 0 && strncmp(path, directory, n) == 0 && path[n] == '/';
}

static int
is_trusted(const char *path, const char *sysroot)
{
	char real[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof system_directories / sizeof(char *); i++)
		if (starts(path, system_directories[i]))
			return 1;
	if (!sysroot)
		return 0;
	if (is_below(path, sysroot))
		return 1;
	return realpath(sysroot, real) && is_below(path, real);
}

/* What may follow a name: a version, or a library's hash. */
static int
is_version(const char *name, const char *rest)
{
	if (*rest == '\0')
		return 1;
	if (*rest != '-' && *rest != '.')
		return 0;
	return starts(name, "lib") || starts(rest, ".so") ||
	       (rest[1] >= '0' && rest[1] <= '9');
}

static int
is_known(const char *real)
{
	const char *base = strrchr(real, '/');
	size_t i, n;

	base = base ? base + 1 : real;
	if (starts(base, TRIPLE))
		base += strlen(TRIPLE);
	for (i = 0; i < sizeof known / sizeof *known; i++) {
		n = strlen(known[i]);
		if (strncmp(base, known[i], n) == 0 &&
		    is_version(known[i], base + n))
			return 1;
	}
	return 0;
}

/* What the headers alone tell; CLASSIFY_ASK if the code must be read. */
static enum classify_class
by_headers(const struct elf_info *info)
{
	if (info->form == ELF_NOT)
		return CLASSIFY_SCRIPT;
	if (info->form == ELF_FOREIGN)
		return CLASSIFY_FOREIGN;
	if (info->form == ELF_BROKEN)
		return CLASSIFY_UNREADABLE;
	if (info->form != ELF_LIBRARY && info->mode & (S_ISUID | S_ISGID))
		return CLASSIFY_SETUID;
	if (info->go)
		return CLASSIFY_GO;
	if (info->form == ELF_STATIC)
		return CLASSIFY_STATIC;
	if (info->form == ELF_PROGRAM && strcmp(info->loader, LOADER) != 0)
		return CLASSIFY_FOREIGN;
	return info->sanitizer ? CLASSIFY_SANITIZER : CLASSIFY_ASK;
}

enum classify_class
classify_file(const char *path, const char *sysroot)
{
	char real[PATH_MAX];
	struct elf_info info;
	enum classify_class c;
	int trusted;

	if (!realpath(path, real) || elf_inspect(real, 0, &info) != 0)
		return CLASSIFY_UNREADABLE;
	c = by_headers(&info);
	if (c != CLASSIFY_ASK)
		return c;
	trusted = is_trusted(real, sysroot);
	if (trusted && is_known(real))
		return CLASSIFY_KNOWN;
	if (!trusted && info.form == ELF_LIBRARY && info.uses_environ)
		return CLASSIFY_ASK;
	if (elf_inspect(real, 1, &info) != 0)
		return CLASSIFY_UNREADABLE;
	if (info.form == ELF_BROKEN)
		return CLASSIFY_UNREADABLE;
	return info.raw_bytes ? CLASSIFY_ASK : CLASSIFY_OBSERVABLE;
}

int
classify_minds_environment(const char *path, const char *sysroot)
{
	char real[PATH_MAX];

	return !realpath(path, real) || !is_trusted(real, sysroot);
}

int
classify_is_seen(enum classify_class c)
{
	return c == CLASSIFY_OBSERVABLE || c == CLASSIFY_KNOWN ||
	       c == CLASSIFY_SCRIPT;
}

const char *
classify_word(enum classify_class c)
{
	return c < CLASSIFY_CLASSES ? words[c] : "?";
}

enum classify_class
classify_from_word(const char *word)
{
	enum classify_class c;

	for (c = 0; c < CLASSIFY_CLASSES; c++)
		if (strcmp(word, words[c]) == 0)
			break;
	return c;
}

/* Starts the helper with its standard output in *from. */
static int
start_helper(const char *helper, char **argv, pid_t *pid, int *from)
{
	posix_spawn_file_actions_t actions;
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	rc = posix_spawn_file_actions_init(&actions);
	if (rc == 0) {
		rc = posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
		if (rc == 0)
			rc = posix_spawn(pid, helper, &actions, NULL, argv,
					 environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(ends[1]);
	if (rc != 0) {
		close(ends[0]);
		return -rc;
	}
	*from = ends[0];
	return 0;
}

/* All that comes from fd, at most `room` bytes, as a string. */
static int
read_answer(int fd, char *to, size_t room)
{
	size_t got = 0;
	ssize_t n;

	for (;;) {
		n = read(fd, to + got, room - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		got += (size_t)n;
		if (n == 0 || got == room)
			break;
	}
	if (got == room)
		return -EMSGSIZE;
	to[got] = '\0';
	return 0;
}

/* "path\tword[\tdetail]\n" for each path, in their order. */
static int
parse_answer(char *s, const char *const *paths, size_t n,
	     enum classify_class *out)
{
	char *end;
	size_t i, len;

	for (i = 0; i < n; i++) {
		len = strlen(paths[i]);
		if (strncmp(s, paths[i], len) != 0 || s[len] != '\t')
			return -EBADMSG;
		s += len + 1;
		end = strchr(s, '\n');
		if (!end)
			return -EBADMSG;
		*end = '\0';
		s[strcspn(s, "\t")] = '\0';
		out[i] = classify_from_word(s);
		if (out[i] == CLASSIFY_CLASSES || out[i] == CLASSIFY_ASK)
			return -EBADMSG;
		s = end + 1;
	}
	return *s == '\0' ? 0 : -EBADMSG;
}

static int
wait_helper(pid_t pid)
{
	int status;
	pid_t rc;

	do
		rc = waitpid(pid, &status, 0);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

static int
run_helper(const char *helper, char **argv, char *answer, size_t room)
{
	pid_t pid = -1;
	int from = -1, rc, status;

	rc = start_helper(helper, argv, &pid, &from);
	if (rc != 0)
		return rc;
	rc = read_answer(from, answer, room);
	close(from);
	status = wait_helper(pid);
	return rc != 0 ? rc : status;
}

int
classify_ask(const char *helper, const char *const *paths, size_t n,
	     enum classify_class *out)
{
	enum classify_class *classes = calloc(n + 1, sizeof *classes);
	char **argv = calloc(n + 2, sizeof *argv);
	size_t room = (n + 1) * LINE_MAX_BYTES;
	char *answer = malloc(room);
	int rc = -ENOMEM;

	if (!classes || !argv || !answer)
		goto out;
	argv[0] = (char *)helper;
	memcpy(argv + 1, paths, n * sizeof *argv);
	rc = run_helper(helper, argv, answer, room);
	if (rc == 0)
		rc = parse_answer(answer, paths, n, classes);
	if (rc == 0)
		memcpy(out, classes, n * sizeof *out);
out:
	free(classes);
	free(argv);
	free(answer);
	return rc;
}
