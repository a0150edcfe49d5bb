/* SPDX-License-Identifier: Apache-2.0 */
#include "key/tools.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned flags;
} tools[] = {
	{ "gcc", TOOLS_ASK },
	{ "g++", TOOLS_ASK },
	{ "cc", TOOLS_ASK },
	{ "c++", TOOLS_ASK },
	{ "cc1", TOOLS_ASK },
	{ "cc1plus", TOOLS_ASK },
	{ "collect2", TOOLS_ASK },
	{ "lto1", TOOLS_ASK },
	{ "lto-wrapper", TOOLS_ASK },
	{ "cpp", TOOLS_ASK },
	{ "clang", TOOLS_ASK },
	{ "clang++", TOOLS_ASK },
	{ "as", TOOLS_ASK },
	{ "ld", TOOLS_ASK },
	{ "lld", TOOLS_ASK },
	{ "mold", TOOLS_ASK },
	{ "ar", TOOLS_ASK },
	{ "ranlib", TOOLS_ASK },
	{ "nm", TOOLS_ASK },
	{ "objcopy", TOOLS_ASK },
	{ "strip", TOOLS_ASK },
	{ "rustc", TOOLS_ASK | TOOLS_CLOCK },
	{ "cargo", TOOLS_ASK | TOOLS_CLOCK },
	{ "pkg-config", TOOLS_ASK },
	{ "pkgconf", TOOLS_ASK },
	{ "git", TOOLS_ASK },
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
