/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "base/err.h"
#include "key/derive.h"
#include "key/trace.h"
#include "rustc/args.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The same place by its real name: programs that walk by descriptors are
 * seen below where the links of --out-dir lead. */
static bool
real_name(const struct work *w, const char *path, char out[PATH_MAX])
{
	const char *dir = w->l->args->out_dir;
	size_t n = strlen(dir);

	if (!w->real_out[0] || !derive_below(path, dir))
		return false;
	return snprintf(out, PATH_MAX, "%s%s", w->real_out, path + n) <
	       PATH_MAX;
}

static int
note_own(struct work *w, const char *name)
{
	char path[PATH_MAX], real[PATH_MAX];

	if (derive_tidy(w->l->cwd, name, path) < 0)
		return derive_refuse(w, ERR_REFUSED, "path", name);
	strset_add(&w->own, path, NULL);
	if (real_name(w, path, real))
		strset_add(&w->own, real, NULL);
	return 0;
}

/* rustc looks for what an earlier compile of the unit left. */
static int
note_leftovers(struct work *w)
{
	static const char *const parts[][2] = {
		{ "lib", ".rmeta" }, { "lib", ".rlib" }, { "lib", ".so" },
		{ "lib", ".a" },     { "", "" },         { "", ".d" },
	};
	const struct args *a = w->l->args;
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && !r; i++) {
		snprintf(path, sizeof(path), "%s/%s%s%s%s", a->out_dir,
			 parts[i][0], a->crate_name, a->extra_filename,
			 parts[i][1]);
		r = note_own(w, path);
	}
	return r;
}

int
derive_own(struct work *w)
{
	const struct trace *t = w->l->trace;
	int r = w->l->run ? 0 : note_leftovers(w);

	for (size_t i = 0; i < w->l->noutputs && r == 0; i++)
		r = note_own(w, w->l->outputs[i]);
	for (size_t i = 0; i < t->nevents && r == 0; i++) {
		const struct trace_event *e = &t->events[i];

		if (e->kind == TRACE_WRITE || e->kind == TRACE_MKDIR)
			r = note_own(w, e->name);
		else if (e->kind == TRACE_RENAME || e->kind == TRACE_LINK ||
			 e->kind == TRACE_SYMLINK)
			r = note_own(w, e->other);
	}
	return r;
}

static bool
is_output(const struct work *w, const char *path)
{
	char out[PATH_MAX], real[PATH_MAX];

	for (size_t i = 0; i < w->l->noutputs; i++) {
		if (derive_tidy(w->l->cwd, w->l->outputs[i], out) < 0)
			continue;
		if (!strcmp(out, path) ||
		    (real_name(w, out, real) && !strcmp(real, path)))
			return true;
	}
	return false;
}

/* What a hit would not bring back: a file left behind that is no output, or
 * one taken away. */
static int
check_effect(struct work *w, const struct trace_event *e)
{
	bool moves = e->kind == TRACE_RENAME || e->kind == TRACE_LINK ||
		     e->kind == TRACE_SYMLINK;
	char path[PATH_MAX];
	struct stat st;

	if (derive_tidy(w->l->cwd, moves ? e->other : e->name, path) < 0)
		return derive_refuse(w, ERR_REFUSED, "path", e->name);
	if (derive_is_sink(path) || derive_is_state(w, path) ||
	    is_output(w, path))
		return 0;
	if (e->kind == TRACE_UNLINK)
		return strset_covers(&w->own, path)
			       ? 0
			       : derive_refuse(w, ERR_REFUSED, "removed", path);
	if (lstat(path, &st) < 0)
		return 0;
	/* A directory that was there before (mkdir -p). */
	if (e->kind == TRACE_MKDIR &&
	    st.st_ctim.tv_sec < w->l->started / 1000000000)
		return 0;
	return derive_refuse(w, ERR_REFUSED, "wrote", path);
}

int
derive_effects(struct work *w)
{
	const struct trace *t = w->l->trace;
	int r = 0;

	for (size_t i = 0; i < t->nevents && r == 0; i++)
		switch (t->events[i].kind) {
		case TRACE_WRITE:
		case TRACE_MKDIR:
		case TRACE_RENAME:
		case TRACE_LINK:
		case TRACE_SYMLINK:
		case TRACE_UNLINK:
			r = check_effect(w, &t->events[i]);
			break;
		default:
			break;
		}
	return r;
}
