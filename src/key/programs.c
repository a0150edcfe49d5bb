/* SPDX-License-Identifier: Apache-2.0 */
#include "key/programs.h"

#include "arch/arch.h"
#include "key/trace.h"

#include <stddef.h>
#include <string.h>

/* The words of programs.def. */
enum {
	RAW = PROGRAM_RAW,
	BY_NAME = PROGRAM_BY_NAME,
	CPU = PROGRAM_CPU,
	SEARCHES = PROGRAM_SEARCHES,
	SHELL = PROGRAM_SEARCHES | PROGRAM_PWD,
	TOOL = PROGRAM_SEARCHES | PROGRAM_PWD | PROGRAM_ASKS,
	SEED = PROGRAM_SEED,
	PROC = PROGRAM_PROC,
	CLOCK = PROGRAM_CLOCK,
	COMPILES = PROGRAM_COMPILES,
	PRINTS = PROGRAM_PRINTS,
	DIGITS = PROGRAM_DIGITS,
	TOOLCHAIN = RAW | BY_NAME | TOOL | COMPILES,
	ANY = PROGRAM_READS_ANY,
	CPUS = 1 << OBS_HOST_CPUS,
	NAME = 1 << OBS_HOST_NAME,
	USER = 1 << OBS_HOST_USER,
	KERNEL = 1 << OBS_HOST_KERNEL
};

#define PROGRAM(n, f, u, ...) \
	{ .name = n, .flags = f, .uses = USES_##u, __VA_ARGS__ },
#define READS(time, of_day, other) .reads = { time, of_day, other }
#define READS_ANY READS(ANY, ANY, ANY)
#define ASKS(what) .host = what
#define LIBRARY(name)
static const struct program programs[] = {
#include "key/programs.def"
};
#undef PROGRAM
#undef LIBRARY

#define PROGRAM(name, flags, uses, ...)
#define LIBRARY(name) name,
static const char *const libraries[] = {
#include "key/programs.def"
};

/* How the last word of a target begins: x86_64-pc-linux-gnu, arm-none-eabi,
 * x86_64-w64-mingw32. */
static const char *const target_ends[] = {
	"gnu",  "musl", "uclibc", "android", "linux",
	"eabi", "elf",  "none",   "mingw32",
};

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool
ends_target(const char *word)
{
	for (size_t i = 0; i < sizeof(target_ends) / sizeof(*target_ends); i++)
		if (!strncmp(word, target_ends[i], strlen(target_ends[i])))
			return true;
	return false;
}

/* NAME behind the target in front of it. */
static const char *
without_target(const char *name)
{
	const char *dash = strchr(name, '-'), *next;

	for (; dash; dash = next) {
		next = strchr(dash + 1, '-');
		if (next && ends_target(dash + 1))
			name = next + 1;
	}
	return name;
}

/* The length of NAME without a version: gcc-12.  DIGITS: one that follows at
 * once, python3; but diff3 is no version of diff. */
static size_t
without_version(const char *name, bool digits)
{
	size_t n = strlen(name), k = n;

	while (k > 0 && strchr("-.0123456789", name[k - 1]))
		k--;
	while (!digits && k < n && name[k] != '-' && name[k] != '.')
		k++;
	return k;
}

static const struct program *
find_row(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		const char *row = programs[i].name;
		size_t k = strlen(row);

		if (k <= n && row[0] == name[0] && !memcmp(row, name, k) &&
		    (k == n || row[k - 1] == '-'))
			return &programs[i];
	}
	return NULL;
}

const struct program *
programs_find(const char *path)
{
	static const struct program unknown = { .uses = USES_EVERYTHING };
	const char *name = without_target(base_name(path));
	const struct program *p = find_row(name, strlen(name));

	/* bzip2 and cc1 are no versions. */
	if (!p)
		p = find_row(name, without_version(name, false));
	if (!p) {
		p = find_row(name, without_version(name, true));
		if (p && !(p->flags & DIGITS))
			p = NULL;
	}
	return p ? p : &unknown;
}

bool
programs_has_library(const char *path)
{
	const char *name = base_name(path);

	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
		size_t k = strlen(libraries[i]);

		/* A version, a hash, ".so". */
		if (!strncmp(name, libraries[i], k) &&
		    (!name[k] || name[k] == '-' || name[k] == '.'))
			return true;
	}
	return false;
}
