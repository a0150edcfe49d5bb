/* SPDX-License-Identifier: Apache-2.0 */
#include "key/tools.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { ASKS = TOOLS_ASK | TOOLS_PWD };

static const struct {
	const char *name;
	unsigned flags;
} tools[] = {
	{ "gcc", ASKS },
	{ "g++", ASKS },
	{ "cc", ASKS },
	{ "c++", ASKS },
	{ "cc1", ASKS },
	{ "cc1plus", ASKS },
	{ "collect2", ASKS },
	{ "lto1", ASKS },
	{ "lto-wrapper", ASKS },
	{ "cpp", ASKS },
	{ "clang", ASKS },
	{ "clang++", ASKS },
	{ "as", ASKS },
	{ "ld", ASKS },
	{ "lld", ASKS },
	{ "rust-lld", ASKS },
	{ "mold", ASKS },
	{ "ar", ASKS },
	{ "ranlib", ASKS },
	{ "nm", ASKS },
	{ "objcopy", ASKS },
	{ "strip", ASKS },
	{ "rustc", ASKS | TOOLS_CLOCK },
	{ "cargo", ASKS | TOOLS_CLOCK },
	{ "pkg-config", ASKS },
	{ "pkgconf", ASKS },
	{ "git", ASKS },
	{ "sh", TOOLS_PWD },
	{ "dash", TOOLS_PWD },
	{ "bash", TOOLS_PWD },
	{ "perl", TOOLS_SEED },
	{ "cmake", TOOLS_PROC | TOOLS_SEED },
	{ "ctest", TOOLS_PROC | TOOLS_SEED },
	{ "cpack", TOOLS_PROC | TOOLS_SEED },
	{ "make", TOOLS_CLOCK },
	{ "ninja", TOOLS_CLOCK },
};

static bool
is_version(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((p[i] < '0' || p[i] > '9') && p[i] != '.')
			return false;
	return n > 0;
}

static bool
is_flavour(const char *p, size_t n)
{
	static const char *const names[] = { "bfd", "gold", "lld" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (n == strlen(names[i]) && !memcmp(p, names[i], n))
			return true;
	return false;
}

/* N without what stands behind the last '-' or '.', if that is a version or
 * a kind of linker. */
static size_t
stem(const char *name, size_t n)
{
	size_t i = n;

	while (i > 0 && name[i - 1] != '-')
		i--;
	if (i > 1 && is_version(name + i, n - i))
		return i - 1;
	i = n;
	while (i > 0 && name[i - 1] != '.')
		i--;
	return i > 1 && is_flavour(name + i, n - i) ? i - 1 : n;
}

unsigned
tools_look(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t n = stem(name, strlen(name));

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		size_t k = strlen(tools[i].name);

		/* Before it nothing, or a target: at least one more '-'. */
		if (n >= k && !memcmp(name + n - k, tools[i].name, k) &&
		    (n == k ||
		     (name[n - k - 1] == '-' && memchr(name, '-', n - k - 1))))
			return tools[i].flags;
	}
	return 0;
}
