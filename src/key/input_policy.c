/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/input_policy.h"

#include "arch/arch.h"
#include "base/err.h"
#include "key/input_kind.h"
#include "key/inputs.h"
#include "key/secret_name.h"

#include <string.h>

/*
 * Where a system keeps what all its users may read; and the names that
 * sources have in outputs, which rustc looks for in vain: std's are in
 * /rustc, ours in /kache (rustc/roots.c).
 */
static const char *const system_dirs[] = {
	"/usr", "/lib",  "/lib32",     "/lib64",     "/libx32", "/libo32",
	"/bin", "/sbin", "/nix/store", "/gnu/store", "/rustc",  "/kache",
};

/* The next component of *P, without the slashes around it. */
static size_t
next_component(const char **p, const char **at)
{
	size_t n;

	*p += strspn(*p, "/");
	n = strcspn(*p, "/");
	*at = *p;
	*p += n;
	return n;
}

/* Taking out ".." must not lead above where REST starts. */
static bool
stays_below(const char *rest)
{
	size_t depth = 0, n;
	const char *c;

	while (*rest) {
		n = next_component(&rest, &c);
		if (n == 2 && !memcmp(c, "..", 2)) {
			if (depth-- == 0)
				return false;
		} else if (n && !(n == 1 && *c == '.')) {
			depth++;
		}
	}
	return true;
}

static bool
is_at_or_below(const char *dir, const char *path, size_t n)
{
	size_t k = strlen(dir);

	return n >= k && !memcmp(dir, path, k) && (n == k || path[k] == '/');
}

/*
 * Linkers spell the system's directories with ".." (gcc looks for crt1.o in
 * /usr/lib/gcc/x86_64-linux-gnu/12/../../..): what counts is where it leads.
 * Gives false for a way above the start.
 */
static bool
straighten_path(const char *path, char real[INPUTS_ITEM_LEN + 2], size_t *to)
{
	size_t len = 0, n;
	const char *c;

	while (*path) {
		n = next_component(&path, &c);
		if (n == 2 && !memcmp(c, "..", 2)) {
			if (len == 0)
				return false;
			while (real[--len] != '/')
				;
		} else if (n && !(n == 1 && *c == '.')) {
			if (len + n + 1 > INPUTS_ITEM_LEN + 2)
				return false;
			real[len++] = '/';
			memcpy(real + len, c, n);
			len += n;
		}
	}
	*to = len;
	return true;
}

/* A sysroot may be somebody's home: what a toolchain, or a prefix, has. */
static bool
is_prefix(const char *rest)
{
	static const char *const dirs[] = {
		"/bin",     "/lib",     "/lib32",  "/lib64",
		"/libexec", "/include", "/share",  "/etc",
		"/sbin",    "/local",   "/libx32", ("/" ARCH_TRIPLE)
	};
	char real[INPUTS_ITEM_LEN + 2];
	size_t len;

	if (!straighten_path(rest, real, &len) || memmem(real, len, "/.", 2))
		return false;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (is_at_or_below(dirs[i], real, len))
			return true;
	return len == 0;
}

static bool
is_system(const char *path)
{
	char real[INPUTS_ITEM_LEN + 2];
	size_t len;

	if (!straighten_path(path, real, &len))
		return false;
	for (size_t i = 0; i < sizeof(system_dirs) / sizeof(*system_dirs); i++)
		if (is_at_or_below(system_dirs[i], real, len))
			return true;
	return false;
}

static bool
path_ok(const char *p)
{
	if (*p == '/')
		return is_system(p);
	/* All roots (rustc/roots.h) but HOME. */
	if (!*p || !strchr("OoLtwWcus", *p))
		return false;
	if (*p == 's')
		return (p[1] == '/' || !p[1]) && is_prefix(p + 1);
	if (*p++ == 'L') {
		size_t digits = strspn(p, "0123456789");

		if (!digits)
			return false;
		p += digits;
	}
	return *p == '\0' || (*p == '/' && stays_below(p));
}

static bool
item_ok(const char *item)
{
	const char *name = item + 1;

	if (!input_kind_knows(item) || !*name)
		return false;
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	if (input_kind_is(item, INPUT_PATH))
		return path_ok(name);
	if (input_kind_is(item, INPUT_VARIABLE))
		return !strchr(name, '=') && !secret_name_is(name, NULL);
	return !strchr(name, '/');
}

int
input_policy_check(const struct inputs *s)
{
	if (s->count > INPUTS_ITEMS_MAX)
		return ERR_REFUSED;
	for (size_t i = 0; i < s->count; i++)
		if (!item_ok(inputs_item(s, i)))
			return ERR_REFUSED;
	return 0;
}
