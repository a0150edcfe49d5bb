/* SPDX-License-Identifier: Apache-2.0 */
#include "rustc/toolchain_files.h"

#include "arch/arch.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH = 6 };

/* Where systems put what the compiler itself is linked with. */
static const char *const libs[] = { "lib", "lib64", ("lib/" ARCH_TRIPLE) };

static const char *const own[] = { "librustc_driver", "libstd-", "libLLVM",
				   "libtest-" };

static const char *const lacks[TOOLCHAIN_FILES_LACKS] = {
	"lib/rustlib/src",       /* rust-src: std's sources */
	"lib/rustlib/rustc-src", /* rustc-dev: the compiler's */
	"lib64"
};

static bool
add_holding(struct holding *h, const char *name, size_t n)
{
	/* A word of a command line: no way out of the directory. */
	if (n == 0 || n > 64 || name[0] == '.' || memchr(name, '/', n))
		return false;
	*h = (struct holding){ .depth = DEPTH };
	snprintf(h->dir, sizeof(h->dir), "lib/rustlib/%.*s", (int)n, name);
	return true;
}

size_t
toolchain_files_of(const char *verbose, const char *target,
		   struct holding out[TOOLCHAIN_FILES_MAX])
{
	const char *host = strstr(verbose, "\nhost: ");
	size_t n = 0, len;

	host = host ? host + 7 : "";
	len = strcspn(host, "\n");
	for (size_t i = 0; i < sizeof(libs) / sizeof(libs[0]); i++) {
		out[n] = (struct holding){ .own = true };
		snprintf(out[n++].dir, sizeof(out[0].dir), "%s", libs[i]);
	}
	if (!add_holding(&out[n], host, len))
		return 0;
	n++;
	if (target && (strlen(target) != len || strncmp(target, host, len)))
		n += add_holding(&out[n], target, strlen(target));
	return n;
}

bool
toolchain_files_take(const struct holding *h, const char *name, int level)
{
	if (name[0] == '.' || level > h->depth)
		return false;
	for (size_t i = 0; h->own && i < sizeof(own) / sizeof(own[0]); i++)
		if (!strncmp(name, own[i], strlen(own[i])))
			return true;
	return !h->own;
}

static bool
covers(const struct holding *h, const char *rest)
{
	size_t n = strlen(h->dir);

	if (strncmp(rest, h->dir, n))
		return false;
	rest += n;
	/* The directory itself, as a list of what is in it. */
	if (!*rest)
		return !h->own;
	for (int level = 0; *rest; level++) {
		if (*rest++ != '/' || !*rest || *rest == '/' ||
		    !toolchain_files_take(h, rest, level))
			return false;
		rest += strcspn(rest, "/");
	}
	return true;
}

bool
toolchain_files_cover(const struct holding *h, size_t n, const char *rest)
{
	for (size_t i = 0; i < n; i++)
		if (covers(&h[i], rest))
			return true;
	return false;
}

const char *
toolchain_files_lack(size_t i)
{
	return lacks[i];
}

bool
toolchain_files_lacked(unsigned bits, const char *rest)
{
	for (size_t i = 0; i < TOOLCHAIN_FILES_LACKS; i++) {
		size_t n = strlen(lacks[i]);

		if (bits & 1u << i && !strncmp(rest, lacks[i], n) &&
		    (!rest[n] || rest[n] == '/') && !strstr(rest, ".."))
			return true;
	}
	return false;
}
