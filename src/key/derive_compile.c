/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "base/err.h"
#include "key/derive.h"
#include "key/trace.h"
#include "rustc/args.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
		r = derive_note_own(w, path);
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
		    (derive_real_name(w, out, real) && !strcmp(real, path)))
			return true;
	}
	return false;
}

/* Refuses what a hit would not repeat: a file left behind that is no output, or
 * one removed. */
static int
check_compile_effect(struct work *w, const struct trace_event *e)
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

static int
check_compile_effects(struct work *w)
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
			r = check_compile_effect(w, &t->events[i]);
			break;
		default:
			break;
		}
	return r;
}
int
derive_compile_begin(struct work *w)
{
	int r;

	if (w->l->args->incremental &&
	    !realpath(w->l->args->incremental, w->state))
		w->state[0] = '\0';
	r = derive_questions(w);
	r = r ? r : derive_externs(w);
	r = r ? r : note_leftovers(w);
	r = r ? r : derive_own(w);
	return r ? r : check_compile_effects(w);
}

/* rustc's own business, where the stack may still remember a macro. */
static bool
is_dependency(const struct work *w, const char *path)
{
	const struct args *a = w->l->args;
	char dir[PATH_MAX];

	if (derive_below(path, a->out_dir) || strset_has(&w->externs, path))
		return true;
	for (size_t i = 0; i < a->nsearch; i++)
		if (derive_tidy(w->l->cwd, a->search[i].path, dir) == 0 &&
		    derive_below(path, dir))
			return true;
	return false;
}

/* Whether a name is a link matters to whoever can use the answer. */
bool
derive_compile_links(const struct work *w, const struct trace_event *e,
		     const char *path)
{
	return derive_is_curious(w, e) && !is_dependency(w, path);
}

int
derive_compile_resolved(struct work *w, const struct trace_event *e,
			const char *path)
{
	if (!derive_is_curious(w, e) ||
	    (e->process == 0 && is_dependency(w, path)))
		return 0;
	return derive_where(w, e, path);
}

/* Files in target have the times of this build; and crates there may have been
 * opened by rustc itself while a macro's address was left on the stack. */
bool
derive_compile_hides(const struct work *w, const struct trace_event *e,
		     const char *path)
{
	return derive_is_linked(w, path) || (e->process == 0 && !e->guest);
}

const struct derive_rules derive_compile_rules = {
	.compiles = true,
	.begin = derive_compile_begin,
	.env = derive_env,
	.resolved = derive_compile_resolved,
	.tells_links = derive_compile_links,
	.hides_attributes = derive_compile_hides,
};
