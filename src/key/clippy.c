/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/clippy.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const names[] = { ".clippy.toml", "clippy.toml" };
static const char *const places[] = { "CLIPPY_CONF_DIR", "CARGO_MANIFEST_DIR" };

enum { NAMES = 2 };

bool
clippy_is_conf(const char *path)
{
	const char *slash = strrchr(path, '/');

	for (int i = 0; i < NAMES; i++)
		if (!strcmp(slash ? slash + 1 : path, names[i]))
			return true;
	return false;
}

bool
clippy_is_place(const char *name)
{
	return !strcmp(name, places[0]) || !strcmp(name, places[1]);
}

const char *
clippy_refuses(const char *(*get)(const char *name))
{
	/* It becomes --sysroot: another standard library. */
	return get("SYSROOT") ? "env:SYSROOT" : NULL;
}

bool
clippy_is_above(const char *cwd, const char *path)
{
	size_t n = strlen(cwd);

	return strncmp(path, cwd, n) != 0 || (path[n] != '/' && path[n]);
}

/* Path and bytes: messages and dep-info may say where it lies. */
static int
fold_file(struct digest_ctx *c, struct digest_cache *memo, const char *file)
{
	struct digest d;
	struct file_id id;
	int r = digest_cache_digest(memo, AT_FDCWD, file, &d, &id);

	if (r < 0)
		return r;
	digest_str(c, file);
	digest_sub(c, &d);
	return 0;
}

/* One directory, with a slash at its end.  1: clippy looks no further. */
static int
look_in_directory(const struct clippy_in *in, const char *dir,
		  struct digest_ctx *c)
{
	bool above = clippy_is_above(in->cwd, dir), found = false;
	char file[PATH_MAX];
	struct stat st;
	int r = 0;

	for (int i = 0; i < NAMES && r == 0; i++) {
		if (snprintf(file, sizeof(file), "%s%s", dir, names[i]) >=
			    (int)sizeof(file) ||
		    stat(file, &st) < 0 || S_ISDIR(st.st_mode))
			continue;
		found = true;
		if (above)
			r = fold_file(c, in->memo, file);
	}
	return r ? r : found;
}

int
clippy_conf(const struct clippy_in *in, struct digest *out)
{
	const char *start = in->get(places[0]);
	char dir[PATH_MAX];
	struct digest_ctx c;
	int r = 0;

	start = start ? start : in->get(places[1]);
	if (!realpath(start ? start : in->cwd, dir))
		return -errno;
	digest_init(&c);
	digest_str(&c, "kache-clippy-1");
	for (size_t n = strlen(dir); n > 0 && r == 0; n--) {
		if (n > 1 && dir[n] != '/' && dir[n] != '\0')
			continue;
		if (n > 1)
			dir[n] = '/';
		dir[n > 1 ? n + 1 : 1] = '\0';
		r = look_in_directory(in, dir, &c);
	}
	if (r < 0)
		return r;
	digest_end(&c, out);
	return 0;
}
