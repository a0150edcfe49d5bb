/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "base/err.h"
#include "key/derive.h"
#include "key/input_kind.h"
#include "key/inputs.h"
#include "key/programs.h"
#include "key/unit.h"
#include "rustc/args.h"
#include "rustc/roots.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Descriptors of the jobserver are others each time.  RUSTC_WRAPPER is
 * ourselves, or nothing would be served.
 */
static const char *const unkeyed[] = {
	"CARGO_MAKEFLAGS",
	"MAKEFLAGS",
	"MFLAGS",
	"RUSTC_WRAPPER",
};

static bool
is_one_of(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, list[i]))
			return true;
	return false;
}

static int
add_variable(struct work *w, const struct trace_event *e)
{
	const char *name = e->name;

	if (is_one_of(name, unkeyed, sizeof(unkeyed) / sizeof(*unkeyed)))
		return 0;
	if ((derive_tool_of(w, e) & PROGRAM_ASKS) && unit_env_noise(name))
		return 0;
	/* What tools and shells find over PATH is in items of kind p; a script
	 * may do with it what it likes. */
	if (!strcmp(name, "PATH") && (derive_tool_of(w, e) & PROGRAM_SEARCHES))
		return 0;
	if (!strcmp(name, "PWD") && (derive_tool_of(w, e) & PROGRAM_PWD))
		return inputs_add(w->inputs, INPUT_HERE, name, strlen(name));
	if (!roots_clean(name, strlen(name)))
		return derive_refuse(w, ERR_REFUSED, "env", NULL);
	return inputs_add(w->inputs, INPUT_NEUTRAL, name, strlen(name));
}

/* PATH below OUT_DIR by its announced name, or NULL if it is elsewhere. */
static const char *
below_out(const struct work *w, const char *path, char out[PATH_MAX])
{
	const char *dir = w->l->args->out_dir;
	size_t n;

	if (derive_below(path, dir))
		return path;
	if (!w->real_out[0] || !derive_below(path, w->real_out))
		return NULL;
	n = strlen(w->real_out);
	return snprintf(out, PATH_MAX, "%s%s", dir, path + n) < PATH_MAX ? out
									 : NULL;
}

static int
own_out(struct work *w, const char *path)
{
	return derive_refuse(w, ERR_REFUSED, "own-out-dir", path);
}

static const char *
changed_name(const struct trace_event *e)
{
	return e->kind == TRACE_RENAME || e->kind == TRACE_LINK ||
			       e->kind == TRACE_SYMLINK
		       ? e->other
		       : e->name;
}

/*
 * One event below OUT_DIR, in its turn.  What the run finds there must have
 * been made by itself, for a hit knows of nothing else; what it does not find
 * must be absent when it is served, too.
 */
static int
out_event(struct work *w, struct strset *made, const struct trace_event *e,
	  const char *path)
{
	bool known = strset_covers(made, path);
	bool is_dir = !strcmp(path, w->l->args->out_dir);

	switch (e->kind) {
	case TRACE_ABSENT:
		return known || is_dir ? 0
				       : derive_add_path(w, INPUT_ABSENT, path);
	case TRACE_READ:
	case TRACE_LIST:
		return known ? 0 : own_out(w, path);
	case TRACE_PRESENT:
		return known || is_dir ? 0 : own_out(w, path);
	case TRACE_UNLINK:
		return known ? 0 : own_out(w, path);
	case TRACE_WRITE:
		if (!known && !e->creates)
			return own_out(w, path);
		break;
	default:
		break;
	}
	strset_add(made, path, NULL);
	return 0;
}

/*
 * Nothing was there in the beginning: of what was not found the first part
 * below OUT_DIR is enough, and compilers look for thousands of headers.  What
 * is not there in the end either may have had a name by chance, which no other
 * run has: for that all of OUT_DIR must be empty again.
 */
static int
absent_in_empty(struct work *w, const char *path)
{
	size_t n = strlen(w->l->args->out_dir);
	char top[PATH_MAX];
	struct stat st;
	int len;

	while (path[n] == '/')
		n++;
	if (!path[n])
		return 0;
	len = (int)(n + strcspn(path + n, "/"));
	snprintf(top, sizeof(top), "%.*s", len, path);
	if (!strset_add(&w->absent, top, NULL))
		return 0;
	if (lstat(top, &st) < 0)
		return derive_add_path(w, INPUT_NAMES, w->l->args->out_dir);
	return derive_add_path(w, INPUT_ABSENT, top);
}

/*
 * Nothing was there: all that is there was made.  What it missed, or added to
 * without having made it, must be missing again.
 */
static int
empty_event(struct work *w, struct strset *written, const struct trace_event *e,
	    const char *path)
{
	if (e->kind == TRACE_ABSENT)
		return absent_in_empty(w, path);
	/* What would lie there besides is not there in the list. */
	if (e->kind == TRACE_LIST)
		return strcmp(path, w->l->args->out_dir)
			       ? absent_in_empty(w, path)
			       : derive_add_path(w, INPUT_NAMES, path);
	if (e->kind != TRACE_WRITE || !strset_add(written, path, NULL) ||
	    e->creates)
		return 0;
	return absent_in_empty(w, path);
}

static bool
concerns_files(const struct trace_event *e)
{
	switch (e->kind) {
	case TRACE_READ:
	case TRACE_WRITE:
	case TRACE_LIST:
	case TRACE_ABSENT:
	case TRACE_PRESENT:
	case TRACE_RENAME:
	case TRACE_LINK:
	case TRACE_SYMLINK:
	case TRACE_UNLINK:
	case TRACE_MKDIR:
		return true;
	default:
		return false;
	}
}

static int
out_events(struct work *w)
{
	const struct trace *t = w->l->trace;
	struct strset made = { 0 }, written = { 0 };
	int r = 0;

	for (size_t i = 0; i < t->nevents && r == 0; i++) {
		const struct trace_event *e = &t->events[i];
		char path[PATH_MAX], as[PATH_MAX];
		const char *out;

		if (!concerns_files(e))
			continue;
		if (derive_tidy(w->l->cwd, changed_name(e), path) < 0) {
			r = derive_refuse(w, ERR_REFUSED, "path", e->name);
			break;
		}
		out = below_out(w, path, as);
		if (!out)
			continue;
		if (w->l->was_empty)
			r = empty_event(w, &written, e, out);
		else
			r = out_event(w, &made, e, out);
	}
	if (r == 0 && (made.failed || written.failed))
		r = -ENOMEM;
	strset_free(&made);
	strset_free(&written);
	return r;
}

/* Opened for writing, as locks are, but not written. */
static bool
is_untouched(const struct work *w, const struct stat *st)
{
	return !S_ISREG(st->st_mode) ||
	       st->st_ctim.tv_sec * INT64_C(1000000000) + st->st_ctim.tv_nsec <
		       w->l->started;
}

/*
 * A file left where temporary files lie, and not in some directory there:
 * nobody may count on it.  (rustix tries its compiler so.)
 */
static bool
is_temporary(const char *path, const struct stat *st)
{
	const char *dir = getenv("TMPDIR");
	char clean[PATH_MAX];
	size_t n;

	if (!dir || dir[0] != '/')
		dir = "/tmp";
	if (!S_ISREG(st->st_mode) || derive_tidy("/", dir, clean) < 0)
		return false;
	n = strlen(clean);
	return !strncmp(path, clean, n) && path[n] == '/' &&
	       !strchr(path + n + 1, '/');
}

/* Refuses what a hit would not repeat: a change outside of OUT_DIR. */
static int
check_run_effect(struct work *w, const struct trace_event *e)
{
	char path[PATH_MAX], as[PATH_MAX];
	struct stat st;

	if (derive_tidy(w->l->cwd, changed_name(e), path) < 0)
		return derive_refuse(w, ERR_REFUSED, "path", e->name);
	if (below_out(w, path, as) || derive_is_sink(path))
		return 0;
	if (e->kind == TRACE_UNLINK)
		return strset_covers(&w->own, path)
			       ? 0
			       : derive_refuse(w, ERR_REFUSED, "removed", path);
	if (lstat(path, &st) < 0)
		return 0;
	if (e->kind == TRACE_MKDIR &&
	    st.st_ctim.tv_sec < w->l->started / 1000000000)
		return 0;
	if (is_temporary(path, &st) ||
	    (e->kind == TRACE_WRITE && is_untouched(w, &st)))
		return 0;
	return derive_refuse(w, ERR_REFUSED, "wrote", path);
}

/* A file that was moved away from where it lay is gone from there. */
static int
check_moved(struct work *w, const struct trace_event *e)
{
	char path[PATH_MAX], as[PATH_MAX];

	if (derive_tidy(w->l->cwd, e->name, path) < 0)
		return derive_refuse(w, ERR_REFUSED, "path", e->name);
	if (below_out(w, path, as) || strset_covers(&w->own, path))
		return 0;
	return derive_refuse(w, ERR_REFUSED, "removed", path);
}

static int
check_run_event(struct work *w, const struct trace_event *e)
{
	int r;

	switch (e->kind) {
	case TRACE_RENAME:
		r = check_moved(w, e);
		return r ? r : check_run_effect(w, e);
	case TRACE_WRITE:
	case TRACE_MKDIR:
	case TRACE_LINK:
	case TRACE_SYMLINK:
	case TRACE_UNLINK:
		return check_run_effect(w, e);
	default:
		return derive_question(w, e);
	}
}

/* A link in OUT_DIR must not lead out of it. */
static int
check_link(struct work *w, const struct trace_event *e)
{
	char path[PATH_MAX], as[PATH_MAX], to[PATH_MAX];

	if (derive_tidy(w->l->cwd, e->other, path) < 0 ||
	    !below_out(w, path, as))
		return 0;
	if (e->kind == TRACE_LINK) {
		if (derive_tidy(w->l->cwd, e->name, to) == 0 &&
		    below_out(w, to, as))
			return 0;
	} else if (!realpath(path, to)) {
		/* Gone again, or leading nowhere. */
		if (e->name[0] != '/' && !strstr(e->name, ".."))
			return 0;
	} else if (below_out(w, to, as)) {
		return 0;
	}
	return derive_refuse(w, ERR_REFUSED, "links-out", path);
}

static int
check_run_events(struct work *w)
{
	const struct trace *t = w->l->trace;
	int r = 0;

	for (size_t i = 0; i < t->nevents && r == 0; i++) {
		const struct trace_event *e = &t->events[i];

		if (e->kind == TRACE_LINK || e->kind == TRACE_SYMLINK)
			r = check_link(w, e);
		r = r ? r : check_run_event(w, e);
	}
	return r;
}

static int
begin_run(struct work *w)
{
	int r = derive_own(w);

	r = r ? r : check_run_events(w);
	r = r ? r : out_events(w);
	strset_add(&w->own, w->l->args->out_dir, NULL);
	if (w->real_out[0])
		strset_add(&w->own, w->real_out, NULL);
	strset_add(&w->own, w->l->program, NULL);
	return r;
}

/* The wrapper is ourselves, on the way to a compiler. */
static bool
is_wrapper(const struct trace_event *e)
{
	return !strcmp(derive_base_name(e->name), "kache-shim");
}

/* cmake looks for the children of a child that it ends. */
static bool
lists_children(const struct work *w, const struct trace_event *e,
	       const char *path)
{
	return !strcmp(path, "/proc") && (derive_tool_of(w, e) & PROGRAM_PROC);
}

static bool
tells_links(const struct work *w, const struct trace_event *e, const char *path)
{
	(void)w;
	(void)e;
	(void)path;
	return true;
}

const struct derive_rules derive_run_rules = {
	.walks = true,
	.begin = begin_run,
	.end = derive_declared,
	.env = add_variable,
	.skips_program = is_wrapper,
	.skips_listing = lists_children,
	.resolved = derive_where,
	.tells_links = tells_links,
};
