/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/classify.h"

#include "classify/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
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
	[CLASSIFY_SCRIPT] = "script",
	[CLASSIFY_RAW_SYSCALL] = "raw-syscall",
	[CLASSIFY_STATIC] = "static",
	[CLASSIFY_FOREIGN] = "foreign",
	[CLASSIFY_SETUID] = "setuid",
	[CLASSIFY_GO] = "go",
	[CLASSIFY_SANITIZER] = "sanitizer",
	[CLASSIFY_UNREADABLE] = "unreadable",
};

/* Bit by bit, as in enum classify_trait. */
static const char letters[CLASSIFY_TRAITS] = "stecnmwaou";

static const char *const places[] = {
	[PROVENANCE_ELSEWHERE] = "elsewhere",
	[PROVENANCE_PROXIES] = "proxies",
	[PROVENANCE_TOOLCHAIN] = "toolchain",
	[PROVENANCE_OWN_PLACE] = "system",
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
	/* What they do without libc is for random numbers and sockets. */
	"cargo",
	"rustfmt",
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

/*
 * Programs that ask for variables by name, each of which the observer sees,
 * and hand the rest on to children at most.  What is not here may take the
 * environment as a whole: shells, make and awk make variables of it, cmake,
 * perl and python tables, cargo keeps a copy, and main has it as an argument.
 */
static const char *const tools[] = {
	"rustc",
	"rustdoc",
	"clippy-driver",
	"rust-lld",
	"cc",
	"c++",
	"cpp",
	"gcc",
	"g++",
	"clang",
	"clang++",
	"clang-cpp",
	"cc1",
	"cc1plus",
	"collect2",
	"lto1",
	"lto-wrapper",
	"as",
	"nasm",
	"yasm",
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
	"nm",
	"gcc-ar",
	"gcc-ranlib",
	"gcc-nm",
	"objcopy",
	"objdump",
	"strip",
	"readelf",
	"size",
	"strings",
	"addr2line",
	"c++filt",
	"pkg-config",
	"pkgconf",
	"x86_64-pc-linux-gnu-pkg-config",
	"git",
	"protoc",
	"ninja",
	"cat",
	"cp",
	"mv",
	"ln",
	"rm",
	"ls",
	"mkdir",
	"rmdir",
	"touch",
	"chmod",
	"install",
	"readlink",
	"realpath",
	"dirname",
	"basename",
	"stat",
	"mktemp",
	"pwd",
	"test",
	"true",
	"false",
	"sleep",
	"expr",
	"echo",
	"printf",
	"head",
	"tail",
	"cut",
	"tr",
	"sort",
	"uniq",
	"wc",
	"tee",
	"seq",
	"od",
	"comm",
	"join",
	"paste",
	"split",
	"cksum",
	"sum",
	"md5sum",
	"sha1sum",
	"sha256sum",
	"sha512sum",
	"base64",
	"uname",
	"hostname",
	"arch",
	"nproc",
	"id",
	"whoami",
	"date",
	"tty",
	"sed",
	"grep",
	"egrep",
	"fgrep",
	"find",
	"xargs",
	"diff",
	"cmp",
	"patch",
	"which",
	"file",
	"tar",
	"gzip",
	"xz",
	"bzip2",
	"zstd",
	"getconf",
	"ldconfig",
	"timeout",
	"nice",
};

/* Programs of the system that print what the CPU says. */
static const char *const cpu_tellers[] = {
	"lscpu",      "cpuid", "cpuinfo", "x86info", "lstopo",
	"hwloc-info", "lshw",  "hwinfo",  "llc",     "opt",
};

static int
starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
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

/* The name without its directories and the target that gcc is for. */
static const char *
base_of(const char *real)
{
	const char *base = strrchr(real, '/');

	base = base ? base + 1 : real;
	return starts(base, TRIPLE) ? base + strlen(TRIPLE) : base;
}

static int
is_one_of(const char *base, const char *const *list, size_t n)
{
	size_t i, len;

	for (i = 0; i < n; i++) {
		len = strlen(list[i]);
		if (strncmp(base, list[i], len) == 0 &&
		    is_version(list[i], base + len))
			return 1;
	}
	return 0;
}

static int
is_known(const char *base)
{
	return is_one_of(base, known, sizeof known / sizeof *known);
}

static int
is_tool(const char *base)
{
	return starts(base, "git-") || starts(base, "llvm-") ||
	       is_one_of(base, tools, sizeof tools / sizeof *tools);
}

static int
tells_cpu(const char *base)
{
	return is_one_of(base, cpu_tellers,
			 sizeof cpu_tellers / sizeof *cpu_tellers);
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

/* Of a file of the system its name and its imports must tell. */
static unsigned
system_traits(const char *real, const struct elf_info *info)
{
	const char *base = base_of(real);
	unsigned traits = CLASSIFY_SYSTEM;

	/* libc can be run as a program, too. */
	if (info->form == ELF_LIBRARY || strstr(base, ".so"))
		return info->uses_environ && !is_known(base)
			       ? traits | CLASSIFY_ENVIRONMENT
			       : traits;
	if (tells_cpu(base))
		traits |= CLASSIFY_CPU;
	return traits | (is_tool(base) ? CLASSIFY_TOOL : CLASSIFY_ENVIRONMENT);
}

static struct classified
answer(enum classify_class class, unsigned traits)
{
	return (struct classified){ class, traits };
}

/*
 * rustup's proxies: rustup itself by other names, in one directory.  Their own
 * reads go through libc; then they execute what a toolchain has of that name.
 */
static int
is_proxy(const char *path)
{
	const char *base = base_of(path);
	char rustup[PATH_MAX];
	struct stat a, b;

	return snprintf(rustup, sizeof(rustup), "%.*srustup",
			(int)(base - path), path) < (int)sizeof(rustup) &&
	       stat(rustup, &a) == 0 && stat(path, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

struct classified
classify_file(const char *path, enum provenance_place place)
{
	int trusted = place >= PROVENANCE_TOOLCHAIN;
	unsigned traits = 0;
	char real[PATH_MAX];
	struct elf_info info;
	enum classify_class c;

	if (!realpath(path, real) || elf_inspect(real, 0, &info) != 0)
		return answer(CLASSIFY_UNREADABLE, 0);
	c = by_headers(&info);
	if (c != CLASSIFY_ASK)
		return answer(c, 0);
	if (trusted)
		traits = system_traits(real, &info);
	if (trusted && is_known(base_of(real)))
		return answer(CLASSIFY_KNOWN, traits);
	if (info.form == ELF_PROGRAM && place != PROVENANCE_ELSEWHERE &&
	    is_proxy(path))
		return answer(CLASSIFY_KNOWN, CLASSIFY_ENVIRONMENT);
	/* main may be handed the environment, and stat tells all there is to
	 * tell of a file: what they make of it only their code tells. */
	if (!trusted)
		return answer(CLASSIFY_ASK, 0);
	if (elf_inspect(real, 1, &info) != 0 || info.form == ELF_BROKEN)
		return answer(CLASSIFY_UNREADABLE, 0);
	if (info.raw_bytes)
		return answer(CLASSIFY_ASK, traits);
	return answer(CLASSIFY_OBSERVABLE, traits);
}

const char *
classify_place_word(enum provenance_place place)
{
	return places[place];
}

int
classify_place_from(const char *word)
{
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (strcmp(word, places[i]) == 0)
			return (int)i;
	return -1;
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

void
classify_spell_traits(unsigned traits, char out[CLASSIFY_TRAITS])
{
	size_t n = 0, i;

	for (i = 0; letters[i] != '\0'; i++)
		if (traits & 1u << i)
			out[n++] = letters[i];
	if (n == 0)
		out[n++] = '-';
	out[n] = '\0';
}

int
classify_read_traits(const char *s, unsigned *out)
{
	unsigned traits = 0;
	const char *at;

	if (strcmp(s, "-") == 0)
		s++;
	else if (*s == '\0')
		return -EBADMSG;
	for (; *s != '\0'; s++) {
		at = strchr(letters, *s);
		if (!at)
			return -EBADMSG;
		traits |= 1u << (at - letters);
	}
	*out = traits;
	return 0;
}

/* "word\ttraits[\tdetail]", cut up. */
static int
parse_file(char *s, struct classified *out)
{
	char *traits = strchr(s, '\t');

	if (!traits)
		return -EBADMSG;
	*traits++ = '\0';
	traits[strcspn(traits, "\t")] = '\0';
	out->class = classify_from_word(s);
	if (out->class == CLASSIFY_CLASSES || out->class == CLASSIFY_ASK)
		return -EBADMSG;
	return classify_read_traits(traits, &out->traits);
}

/* "path\tword\ttraits[\tdetail]\n" for each path, in their order. */
static int
parse_answer(char *s, const char *const *paths, size_t n,
	     struct classified *out)
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
		if (parse_file(s, &out[i]) != 0)
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
classify_ask(const char *helper, enum provenance_place place,
	     const char *const *paths, size_t n, struct classified *out)
{
	struct classified *files = calloc(n + 1, sizeof *files);
	char **argv = calloc(n + 4, sizeof *argv);
	size_t room = (n + 1) * LINE_MAX_BYTES, to = 0;
	char *answer = malloc(room);
	int rc = -ENOMEM;

	if (!files || !argv || !answer)
		goto out;
	argv[to++] = (char *)helper;
	argv[to++] = (char *)"--place";
	argv[to++] = (char *)places[place];
	memcpy(argv + to, paths, n * sizeof *argv);
	rc = run_helper(helper, argv, answer, room);
	if (rc == 0)
		rc = parse_answer(answer, paths, n, files);
	if (rc == 0)
		memcpy(out, files, n * sizeof *out);
out:
	free(files);
	free(argv);
	free(answer);
	return rc;
}
