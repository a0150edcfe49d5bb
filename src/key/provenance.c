/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/provenance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Where distributions put programs and libraries.  Not here: /opt, /usr/src,
 * /usr/local/src and any other name below /usr, which people build in.
 */
static const char *const installed[] = {
	"/usr/bin",
	"/usr/sbin",
	"/usr/lib",
	"/usr/lib32",
	"/usr/lib64",
	"/usr/libx32",
	"/usr/libexec",
	"/usr/local/bin",
	"/usr/local/sbin",
	"/usr/local/lib",
	"/usr/local/lib64",
	"/usr/local/libexec",
	"/lib",
	"/lib32",
	"/lib64",
	"/libx32",
	"/bin",
	"/sbin",
	"/opt/rh",
};

/* Cross tools: /usr/aarch64-linux-gnu/bin/as. */
static const char *const cross[] = { "-linux-", "-mingw32", "-elf", "-eabi" };

/* Whoever builds these may own them; but nobody may write there. */
static const char *const stores[] = { "/nix/store", "/gnu/store" };

/* Programs of a toolchain that are not in its identity, but known. */
static const char *const programs[] = { "cargo",    "rustdoc",
					"rustc",    "clippy-driver",
					"rustfmt",  "cargo-clippy",
					"cargo-fmt" };

enum { NOBODY = 65534, PROVENANCE_GROUPS = 100 };

static bool
is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && path[n] == '/';
}

static void
add_directory(struct provenance *s, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (n < 2)
		return;
	if (s->nown == PROVENANCE_OWN_MAX) {
		s->crowded = true;
		return;
	}
	s->own[s->nown] = strndup(dir, n);
	if (s->own[s->nown])
		s->nown++;
	else
		s->crowded = true;
}

void
provenance_add_own(struct provenance *s, const char *dir)
{
	char real[PATH_MAX];

	if (!dir || dir[0] != '/')
		return;
	for (size_t i = 0; i < s->nown; i++)
		if (!strcmp(s->own[i], dir))
			return;
	add_directory(s, dir);
	if (realpath(dir, real) && strcmp(real, dir))
		add_directory(s, real);
}

void
provenance_set_cargo_home(struct provenance *s, const char *dir)
{
	char real[PATH_MAX];

	free(s->proxies);
	s->proxies = NULL;
	if (dir && realpath(dir, real) &&
	    asprintf(&s->proxies, "%s/bin", real) < 0)
		s->proxies = NULL;
}

void
provenance_release(struct provenance *s)
{
	for (size_t i = 0; i < s->nown; i++)
		free(s->own[i]);
	free(s->proxies);
	*s = (struct provenance){ 0 };
}

bool
provenance_is_own(const struct provenance *s, const char *path)
{
	for (size_t i = 0; i < s->nown; i++)
		if (is_below(path, s->own[i]) || !strcmp(path, s->own[i]))
			return true;
	return s->crowded;
}

/* Nobody but root writes there.  In a user namespace root's files may be
 * nobody's. */
static bool
is_roots(const struct stat *st)
{
	if (st->st_uid != 0 && (st->st_uid != NOBODY || geteuid() == NOBODY))
		return false;
	if (S_ISLNK(st->st_mode))
		return true;
	/* /usr/local belongs to a group of the system that has no members. */
	return !(st->st_mode & S_IWOTH) &&
	       (!(st->st_mode & S_IWGRP) || st->st_gid < PROVENANCE_GROUPS ||
		st->st_gid == NOBODY);
}

static bool
is_guarded(const char *real)
{
	char up[PATH_MAX];
	struct stat st;

	for (size_t n = 1; n < sizeof(up); n++) {
		if (real[n] && real[n] != '/')
			continue;
		memcpy(up, real, n);
		up[n] = '\0';
		if (lstat(up, &st) < 0 || !is_roots(&st))
			return false;
		if (!real[n])
			return true;
	}
	return false;
}

static bool
is_stored(const char *real)
{
	struct stat st;

	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++)
		if (is_below(real, stores[i]))
			return lstat(real, &st) == 0 && !(st.st_mode & 0222);
	return false;
}

static bool
is_cross(const char *real)
{
	const char *name = real + 5;
	size_t n;

	if (strncmp(real, "/usr/", 5))
		return false;
	n = strcspn(name, "/");
	for (size_t i = 0; i < sizeof(cross) / sizeof(cross[0]); i++)
		if (memmem(name, n, cross[i], strlen(cross[i])))
			return true;
	return false;
}

static bool
is_installed(const char *real)
{
	for (size_t i = 0; i < sizeof(installed) / sizeof(installed[0]); i++)
		if (is_below(real, installed[i]))
			return true;
	return is_cross(real);
}

static bool
is_toolchains(const struct provenance *s, const char *real)
{
	size_t n;

	if (!s->sysroot)
		return false;
	if (s->holds(s->toolchain, real))
		return true;
	n = strlen(s->sysroot);
	if (strncmp(real, s->sysroot, n) || strncmp(real + n, "/bin/", 5))
		return false;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!strcmp(real + n + 5, programs[i]))
			return true;
	return false;
}

static bool
is_in(const char *path, const char *dir)
{
	return dir && is_below(path, dir) &&
	       !strchr(path + strlen(dir) + 1, '/');
}

/* rustup may have been installed with another CARGO_HOME. */
static bool
is_rustup(const char *real)
{
	const char *slash = strrchr(real, '/');
	char rustup[PATH_MAX];
	struct stat a, b;

	return snprintf(rustup, sizeof(rustup), "%.*s/rustup",
			(int)(slash - real), real) < (int)sizeof(rustup) &&
	       stat(rustup, &a) == 0 && stat(real, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

enum provenance_place
provenance_place(const struct provenance *s, const char *path)
{
	char real[PATH_MAX];

	if (!realpath(path, real))
		return PROVENANCE_ELSEWHERE;
	if (is_toolchains(s, real))
		return PROVENANCE_TOOLCHAIN;
	if (is_in(real, s->proxies))
		return PROVENANCE_PROXIES;
	if (provenance_is_own(s, real))
		return PROVENANCE_ELSEWHERE;
	if (is_rustup(real))
		return PROVENANCE_PROXIES;
	if (is_stored(real) || (is_installed(real) && is_guarded(real)))
		return PROVENANCE_OWN_PLACE;
	return PROVENANCE_ELSEWHERE;
}

bool
provenance_knows(const struct provenance *s, const char *path)
{
	return provenance_place(s, path) >= PROVENANCE_TOOLCHAIN;
}
