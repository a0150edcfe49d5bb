/* SPDX-License-Identifier: Apache-2.0 */
#include "key/clock_readers.h"

#include "key/trace.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ANY = 255, CPUS = 1 << TRACE_HOST_CPUS };

/*
 * Measured with what Debian 12 has.  make and ninja compare the times of
 * files and give the time to nobody; cargo and rustc name their directories
 * by it; how many threads compilers, linkers and make start does not show in
 * what they make; tar, patch and zip print or store the times of files.
 */
static const struct {
	const char *program; /* a version may follow */
	unsigned char time, of_day, other;
	unsigned host; /* bits of enum trace_host */
} habits[] = {
	{ "bash", 0, 3, 0, 0 },
	{ "perl", 1, 0, 0, 0 },
	{ "python", 1, 0, 0, 0 },
	{ "mawk", 1, 0, 0, 0 },
	{ "nasm", 1, 0, 0, 0 },
	{ "yasm", 1, 0, 0, 0 },
	{ "tput", 2, 0, 0, 0 },
	{ "infocmp", 2, 0, 0, 0 },
	{ "zip", 2, 0, 0, 0 },
	{ "cc1", 0, ANY, ANY, CPUS },
	{ "cc1plus", 0, ANY, ANY, CPUS },
	{ "cc1obj", 0, ANY, ANY, CPUS },
	{ "lto1", 0, ANY, ANY, CPUS },
	{ "git", 0, 2, 0,
	  CPUS | 1u << TRACE_HOST_NAME | 1u << TRACE_HOST_USER },
	{ "find", 0, 1, 0, 1u << TRACE_HOST_KERNEL },
	{ "ls", 0, 0, 2, 0 },
	{ "tar", 0, 0, 4, 0 },
	{ "patch", 0, 0, 1, 0 },
	{ "make", ANY, ANY, ANY, CPUS },
	{ "gmake", ANY, ANY, ANY, CPUS },
	{ "ninja", ANY, ANY, ANY, CPUS },
	{ "samu", ANY, ANY, ANY, CPUS },
	{ "cargo", ANY, ANY, ANY, CPUS },
	{ "rustc", ANY, ANY, ANY, CPUS },
	{ "rustdoc", ANY, ANY, ANY, CPUS },
	{ "cmake", 0, 0, 0, CPUS },
	{ "ld", 0, 0, 0, CPUS },
	{ "ld.lld", 0, 0, 0, CPUS },
	{ "ld.mold", 0, 0, 0, CPUS },
	{ "rust-lld", 0, 0, 0, CPUS },
	{ "lld", 0, 0, 0, CPUS },
	{ "mold", 0, 0, 0, CPUS },
	{ "clang", 0, 0, 0, CPUS },
	{ "gcc", 0, 0, 0, CPUS },
	{ "cc", 0, 0, 0, CPUS },
	{ "clippy-driver", ANY, ANY, ANY, CPUS },
};

static size_t
find(const char *exe)
{
	const char *base = strrchr(exe, '/');
	size_t n = sizeof(habits) / sizeof(habits[0]), i;

	base = base ? base + 1 : exe;
	for (i = 0; i < n; i++) {
		size_t k = strlen(habits[i].program);

		/* gcc-12, python3.11, but not makeinfo. */
		if (!strncmp(base, habits[i].program, k) &&
		    !base[k + strspn(base + k, "-.0123456789")])
			break;
	}
	return i;
}

static unsigned
most_reads(size_t habit, unsigned way)
{
	switch (way) {
	case TRACE_CLOCK_TIME:
		return habits[habit].time;
	case TRACE_CLOCK_OF_DAY:
		return habits[habit].of_day;
	case TRACE_CLOCK_OTHER:
		return habits[habit].other;
	default:
		return 0;
	}
}

bool
clock_readers_is(const char *exe, const struct trace_event *e)
{
	size_t i = find(exe);

	if (i == sizeof(habits) / sizeof(habits[0]))
		return false;
	if (e->kind == TRACE_HOST)
		return e->number < 32 && habits[i].host & 1u << e->number;
	return e->kind == TRACE_CLOCK &&
	       TRACE_CLOCK_TIMES(e->number) <=
		       most_reads(i, TRACE_CLOCK_WAY(e->number));
}
