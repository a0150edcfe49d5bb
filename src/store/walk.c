/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/walk.h"

#include "base/digest.h"
#include "base/dir.h"
#include "store/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct walk {
	int store;
	int (*use)(void *ctx, const struct store_file *f);
	void *ctx;
};

/* NAME in DIR, which says how its digest begins, or "". */
static int
give_name(const struct walk *w, const char *dir, const char *part,
	  const char *name, int error)
{
	char path[STORE_NAME + NAME_MAX + 2];
	struct store_file f = { .path = path, .name = name, .error = error };
	struct digest d;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (*part && digest_parse(name, strlen(name), &d) == 0 &&
	    !strncmp(name, part, 2))
		f.digest = &d;
	return w->use(w->ctx, &f);
}

static int
walk_part(const struct walk *w, const char *kind, const char *part)
{
	struct dir_names names;
	char dir[STORE_NAME];
	int r;

	snprintf(dir, sizeof(dir), "%s/%s", kind, part);
	r = dir_list(w->store, dir, 0, &names);
	if (r == -ENOENT)
		return 0;
	if (r == -ENOTDIR)
		return give_name(w, kind, "", part, 0);
	if (r < 0)
		return r == -ENOMEM ? r : give_name(w, kind, "", part, r);
	for (size_t i = 0; i < names.count && r == 0; i++)
		r = give_name(w, dir, part, names.name[i], 0);
	dir_names_free(&names);
	return r;
}

static bool
is_part(const char *name)
{
	return strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2;
}

int
store_walk(int dir, const char *kind,
	   int (*use)(void *ctx, const struct store_file *f), void *ctx)
{
	struct walk w = { dir, use, ctx };
	struct dir_names parts;
	int r = dir_list(dir, kind, 0, &parts);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < parts.count && r == 0; i++)
		r = is_part(parts.name[i])
			    ? walk_part(&w, kind, parts.name[i])
			    : give_name(&w, kind, "", parts.name[i], 0);
	dir_names_free(&parts);
	return r;
}

int
store_walk_part(int dir, const char *kind, unsigned part,
		int (*use)(void *ctx, const struct store_file *f), void *ctx)
{
	struct walk w = { dir, use, ctx };
	char name[3];

	snprintf(name, sizeof(name), "%02x", part & 0xff);
	return walk_part(&w, kind, name);
}
