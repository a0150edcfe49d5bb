/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "base/err.h"
#include "base/file.h"
#include "key/attributes.h"
#include "key/derive.h"
#include "key/input_kind.h"
#include "key/inputs.h"
#include "key/trace.h"
#include "rustc/args.h"
#include "rustc/roots.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Those that are made, or filled, by each build. */
static bool
is_above_build(const struct work *w, const char *path)
{
	return derive_below(w->l->cwd, path) ||
	       derive_below(w->l->args->out_dir, path) || !strcmp(path, "/");
}

/* The event returned attributes of the file, not only that it is there. */
static bool
tells_attributes(const struct trace_event *e, unsigned uses)
{
	if (e->kind == TRACE_READ)
		return !(uses & ATTRIBUTES_TESTED);
	return e->kind == TRACE_PRESENT &&
	       (e->how == OBS_BY_STAT || e->how == OBS_BY_LSTAT ||
		(e->how == OBS_BY_OPEN && !(uses & ATTRIBUTES_TESTED)));
}

static int
add_times(struct work *w, const struct trace_event *e, const char *path,
	  unsigned uses)
{
	struct file_id id;
	struct stat st;

	if (!(uses & (ATTRIBUTES_TIMES | ATTRIBUTES_CLOCKS)) || e->no_times)
		return 0;
	if (stat(path, &st) < 0 && lstat(path, &st) < 0)
		return derive_refuse(w, ERR_CHANGED, "raced", path);
	/* Their times are those of this build. */
	if (S_ISDIR(st.st_mode) && is_above_build(w, path))
		return 0;
	file_id_of(&st, &id);
	if (!derive_settled(w, path, &id, w->l->started))
		return derive_refuse(w, ERR_CHANGED, "raced-tick", path);
	return derive_add_path(
		w, uses & ATTRIBUTES_CLOCKS ? INPUT_TIMES : INPUT_MTIME, path);
}

int
derive_attributes(struct work *w, const struct trace_event *e, const char *path)
{
	unsigned uses = w->l->uses ? w->l->uses[e->process] : 0;
	int r = 0;

	if (w->l->rules->hides_attributes &&
	    w->l->rules->hides_attributes(w, e, path))
		return 0;
	if (e->kind == TRACE_PRESENT && e->write && derive_is_curious(w, e))
		r = derive_add_path(w, INPUT_MODE, path);
	if (r < 0 || !tells_attributes(e, uses))
		return r;
	/* Optimized code takes the mode out of a stat without a function of
	 * std; in runs all files count with it. */
	if (uses & ATTRIBUTES_MODE ||
	    (derive_is_compiler(w, e) && e->kind == TRACE_PRESENT))
		r = derive_add_path(w, INPUT_MODE, path);
	if (r == 0 && uses & ATTRIBUTES_OWNER)
		r = derive_add_path(w, INPUT_OWNER, path);
	return r ? r : add_times(w, e, path, uses);
}

/* The root that PATH is, or lies above, but for cwd: the kernel gives its real
 * name, so no part of it is a link. */
static const struct root *
root_below(const struct work *w, const char *path)
{
	const struct roots *roots = w->l->roots;

	for (size_t i = 0; i < roots->count; i++)
		if (roots->r[i].path && derive_below(roots->r[i].path, path))
			return &roots->r[i];
	return NULL;
}

int
derive_real(struct work *w, const char *path)
{
	return derive_add_path(w, INPUT_REAL, path);
}

/* A listing tells of each name whether it is a link. */
int
derive_no_link(struct work *w, const char *path)
{
	const struct root *root;
	char up[PATH_MAX];
	char *slash;

	if (derive_below(w->l->cwd, path) || !strcmp(path, "/"))
		return 0;
	root = root_below(w, path);
	if (root)
		return derive_real(w, root->path);
	memcpy(up, path, strlen(path) + 1);
	slash = strrchr(up, '/');
	slash[slash == up] = '\0';
	return strset_has(&w->listed, up)
		       ? 0
		       : derive_add_path(w, INPUT_LINK, path);
}
