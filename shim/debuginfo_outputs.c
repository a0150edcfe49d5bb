/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/debuginfo_outputs.h"

#include "base/err.h"
#include "key/trace.h"
#include "rustc/args.h"
#include "rustc/outname.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool
has_suffix(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	return n > k && !strcmp(name + n - k, end);
}

/* As rustc would call it: of another unit it is not ours to keep. */
static bool
is_side(const struct args *a, const char *name)
{
	return (has_suffix(name, ".dwo") || has_suffix(name, ".dwp")) &&
	       outname_fits(a->crate_name, a->extra_filename, name);
}

/* What the event left behind, if anything. */
static const char *
made_by(const struct trace_event *e)
{
	if (e->kind == TRACE_WRITE)
		return e->name;
	return e->kind == TRACE_RENAME || e->kind == TRACE_LINK ? e->other
								: NULL;
}

/* The name of PATH in DIR, or NULL if it lies elsewhere. */
static const char *
name_in(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (!n || strncmp(path, dir, n) || path[n] != '/' ||
	    strchr(path + n + 1, '/'))
		return NULL;
	return path + n + 1;
}

static int
add(const struct args *a, const char *name, char **paths, size_t n, size_t max)
{
	struct stat st;
	char *path;

	if (asprintf(&path, "%s/%s", a->out_dir, name) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(paths[i], path)) {
			free(path);
			return (int)n;
		}
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
		free(path);
		return (int)n;
	}
	if (n == max) {
		free(path);
		return ERR_TOOBIG;
	}
	paths[n] = path;
	return (int)n + 1;
}

int
debuginfo_outputs_find(const struct args *a, const struct trace *t,
		       char **paths, size_t n, size_t max)
{
	char real[PATH_MAX];
	int r = (int)n;

	if (!realpath(a->out_dir, real))
		real[0] = '\0';
	for (size_t i = 0; i < t->nevents && r >= 0; i++) {
		const char *path = made_by(&t->events[i]), *name;

		if (!path)
			continue;
		name = name_in(path, a->out_dir);
		name = name ? name : name_in(path, real);
		if (name && is_side(a, name))
			r = add(a, name, paths, (size_t)r, max);
	}
	return r;
}
