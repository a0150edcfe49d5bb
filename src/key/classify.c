/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/classify.h"

#include "arch/arch.h"
#include "classify/elf.h"
#include "key/programs.h"

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

#define LOADER ARCH_LOADER
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

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Its own system calls are for threads, memory, time and signals, for random
 * numbers and sockets, or are the C library itself. */
static int
is_known(const char *real)
{
	return programs_find(real)->flags & PROGRAM_RAW ||
	       programs_has_library(real);
}

/* The class by the headers alone; CLASSIFY_ASK if the code must be read. */
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
	const struct program *p = programs_find(real);
	unsigned traits = CLASSIFY_SYSTEM;

	/* libc can be run as a program, too. */
	if (info->form == ELF_LIBRARY || strstr(base_name(real), ".so"))
		return info->uses_environ && !is_known(real)
			       ? traits | CLASSIFY_ENVIRONMENT
			       : traits;
	if (p->flags & PROGRAM_CPU)
		traits |= CLASSIFY_CPU;
	return traits | (p->flags & PROGRAM_BY_NAME ? CLASSIFY_TOOL
						    : CLASSIFY_ENVIRONMENT);
}

static struct classified
make_answer(enum classify_class class, unsigned traits)
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
	const char *base = base_name(path);
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
		return make_answer(CLASSIFY_UNREADABLE, 0);
	c = by_headers(&info);
	if (c != CLASSIFY_ASK)
		return make_answer(c, 0);
	if (trusted)
		traits = system_traits(real, &info);
	if (trusted && is_known(real))
		return make_answer(CLASSIFY_KNOWN, traits);
	if (info.form == ELF_PROGRAM && place != PROVENANCE_ELSEWHERE &&
	    is_proxy(path))
		return make_answer(CLASSIFY_KNOWN, CLASSIFY_ENVIRONMENT);
	/* main may be handed the environment, and stat tells all there is to
	 * tell of a file: what they make of it only their code tells. */
	if (!trusted)
		return make_answer(CLASSIFY_ASK, 0);
	if (elf_inspect(real, 1, &info) != 0 || info.form == ELF_BROKEN)
		return make_answer(CLASSIFY_UNREADABLE, 0);
	if (info.raw_bytes)
		return make_answer(CLASSIFY_ASK, traits);
	return make_answer(CLASSIFY_OBSERVABLE, traits);
}

const char *
classify_place_word(enum provenance_place place)
{
	return places[place];
}

int
classify_place_from(const char *word)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
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
	struct classified *files = calloc(n + 1, sizeof(*files));
	char **argv = calloc(n + 4, sizeof(*argv));
	size_t room = (n + 1) * LINE_MAX_BYTES, to = 0;
	char *answer = malloc(room);
	int rc = -ENOMEM;

	if (!files || !argv || !answer)
		goto out;
	argv[to++] = (char *)helper;
	argv[to++] = (char *)"--place";
	argv[to++] = (char *)places[place];
	memcpy(argv + to, paths, n * sizeof(*argv));
	rc = run_helper(helper, argv, answer, room);
	if (rc == 0)
		rc = parse_answer(answer, paths, n, files);
	if (rc == 0)
		memcpy(out, files, n * sizeof(*out));
out:
	free(files);
	free(argv);
	free(answer);
	return rc;
}
