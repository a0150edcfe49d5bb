/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "arch/arch.h"
#include "base/err.h"
#include "base/file.h"
#include "key/derive.h"
#include "key/input_kind.h"
#include "key/inputs.h"
#include "key/provenance.h"
#include "key/trace.h"
#include "rustc/args.h"
#include "rustc/depinfo.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Objects that any program loads and no result depends on. */
static const char *const plain_objects[] = {
	"libc.so",       "libm.so",     "libdl.so", "libpthread.so",
	"librt.so",      "libgcc_s.so", "libz.so",  (ARCH_LOADER_LIBRARY ".so"),
	"linux-vdso.so", "libutil.so",
};

/*
 * A crate that rustc looked at while it resolved dependencies of
 * dependencies.  Which one it takes, and its metadata, are pinned by the
 * hash (SVH) in the extern that needs it; which candidates lie there is
 * chance.  What a link takes in addition, and macros that are loaded, are
 * inputs: .rlib files of linked units, loaded objects.
 */
bool
derive_candidate(const struct work *w, const struct trace_event *e,
		 const char *path)
{
	const struct args *a = w->l->args;
	const char *name = derive_base_name(path);
	char dir[PATH_MAX];
	bool found = false;

	if (e->process != 0 || strncmp(name, "lib", 3) ||
	    !(derive_has_suffix(name, ".rmeta") ||
	      derive_has_suffix(name, ".so") ||
	      (derive_has_suffix(name, ".rlib") && !a->linked)))
		return false;
	for (size_t i = 0; i < a->nsearch && !found; i++)
		found = a->search[i].kind_len == 10 &&
			derive_tidy(w->l->cwd, a->search[i].path, dir) == 0 &&
			!strncmp(path, dir, strlen(dir)) &&
			path + strlen(dir) + 1 == name;
	return found;
}

int
derive_read(struct work *w, const struct trace_event *e)
{
	const struct trace_event *old;
	char path[PATH_MAX];

	if (derive_tidy(w->l->cwd, e->name, path) < 0)
		return derive_refuse(w, ERR_REFUSED, "path", e->name);
	if (derive_skips(w, path) || derive_candidate(w, e, path))
		return 0;
	if (!S_ISREG(e->st.mode))
		return S_ISDIR(e->st.mode)
			       ? 0
			       : derive_refuse(w, ERR_REFUSED, "special", path);
	if (derive_below(path, "/proc") || derive_below(path, "/sys"))
		return derive_refuse(w, ERR_REFUSED, "reads", path);
	old = strset_get(&w->files, path);
	if (old &&
	    (old->st.ino != e->st.ino || old->st.mtime_ns != e->st.mtime_ns ||
	     old->st.size != e->st.size ||
	     (old->st.ctime_ns != e->st.ctime_ns &&
	      !derive_is_linked(w, path))))
		return derive_refuse(w, ERR_CHANGED, "raced", path);
	/* The earliest opening has the strictest tick. */
	if (!old)
		strset_add(&w->files, path, e);
	return derive_attributes(w, e, path);
}

int
derive_files(struct work *w)
{
	int r = 0;

	for (size_t i = 0; i < w->files.cap && r == 0; i++) {
		const char *path = w->files.slots[i].key;
		const struct trace_event *e = w->files.slots[i].val;

		if (!path)
			continue;
		strset_add_above(&w->implied, path);
		if (strset_has(&w->externs, path))
			continue;
		if (e)
			r = derive_race(w, e, path);
		if (r == 0)
			r = derive_add_path(w, INPUT_FILE, path);
	}
	return r;
}

/* Read through the memo before rustc ran; must be the same still. */
int
derive_externs(struct work *w)
{
	const struct args *a = w->l->args;

	for (size_t i = 0; i < a->nexterns; i++) {
		char path[PATH_MAX];
		struct file_id id;

		if (!a->externs[i].path)
			continue;
		if (derive_tidy(w->l->cwd, a->externs[i].path, path) < 0 ||
		    file_id_at(AT_FDCWD, path, &id) < 0 ||
		    !file_id_same(&id, &w->l->externs[i]))
			return derive_refuse(w, ERR_CHANGED, "raced",
					     a->externs[i].path);
		strset_add(&w->externs, path, &w->l->externs[i]);
	}
	return 0;
}

static bool
is_tracked(const struct work *w, const char *path)
{
	return w->l->rules->tracks_source &&
	       w->l->rules->tracks_source(w, path);
}

/* Every source in the .d was opened by a process we saw. */
int
derive_sources(struct work *w)
{
	const struct depinfo *d = w->l->depinfo;

	for (size_t i = 0; i < d->nfiles; i++) {
		char path[PATH_MAX];

		if (derive_tidy(w->l->cwd, d->files[i], path) < 0 ||
		    (!strset_has(&w->files, path) && !derive_skips(w, path) &&
		     !is_tracked(w, path)))
			return derive_refuse(w, ERR_REFUSED, "unseen-source",
					     d->files[i]);
	}
	return 0;
}

static bool
is_plain_object(const struct derive *l, const char *path)
{
	const char *name = derive_base_name(path);

	if (l->system && provenance_is_own(l->system, path))
		return false;

	/* Another library of that name may lie anywhere else. */
	if (!derive_below(path, "/lib") && !derive_below(path, "/lib64") &&
	    !derive_below(path, "/usr/lib") &&
	    !derive_below(path, "/usr/lib64"))
		return false;
	for (size_t i = 0; i < sizeof(plain_objects) / sizeof(*plain_objects);
	     i++)
		if (!strncmp(name, plain_objects[i], strlen(plain_objects[i])))
			return true;
	return false;
}

/* Code that ran: an input like any file, seen before main. */
int
derive_object(void *ctx, const char *name)
{
	struct work *w = ctx;
	char path[PATH_MAX];
	struct file_id id;

	if (name[0] != '/' || is_plain_object(w->l, name))
		return 0;
	if (derive_tidy("/", name, path) < 0)
		return derive_refuse(w, ERR_REFUSED, "path", name);
	if (derive_skips(w, path) || strset_has(&w->files, path))
		return 0;
	if (file_id_at(AT_FDCWD, path, &id) < 0)
		return derive_refuse(w, ERR_CHANGED, "raced", path);
	if (strset_has(&w->externs, path))
		return 0;
	if (!derive_settled(w, path, &id, w->l->started))
		return derive_refuse(w, ERR_CHANGED, "raced-tick", path);
	strset_add(&w->files, path, NULL);
	return 0;
}

/* Whether who walks through PATH for NAME gets to the place FILE: none of
 * those before has one.  Who asks for a place behind meant that one. */
static bool
is_walked(const char *file, const char *name)
{
	const char *path = getenv("PATH");
	char at[PATH_MAX], clean[PATH_MAX];
	struct stat st;

	while (path && *path) {
		size_t n = strcspn(path, ":");
		int len = snprintf(at, sizeof(at), "%.*s/%s", n ? (int)n : 1,
				   n ? path : ".", name);

		if (len < (int)sizeof(at) && derive_tidy("/", at, clean) == 0 &&
		    !strcmp(clean, file))
			return true;
		if (len < (int)sizeof(at) && stat(at, &st) == 0 &&
		    S_ISREG(st.st_mode) && access(at, X_OK) == 0)
			return false;
		path += n + (path[n] == ':');
	}
	return false;
}

/*
 * Tools of a linker look through PATH by testing each place.  What counts is
 * what they find: the places would name somebody's home.
 */
bool
derive_path_search(struct work *w, const struct trace_event *e,
		   const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	if (derive_is_compiler(w, e) || !slash || slash == path)
		return false;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	if (!strset_has(&w->search, dir))
		return false;
	return !w->l->rules->walks || is_walked(path, slash + 1);
}

void
derive_split_path(struct work *w)
{
	const char *path = getenv("PATH");
	char dir[PATH_MAX], clean[PATH_MAX];

	while (path && *path) {
		size_t n = strcspn(path, ":");

		if (n > 0 && n < sizeof(dir)) {
			memcpy(dir, path, n);
			dir[n] = '\0';
			if (derive_tidy(w->l->cwd, dir, clean) == 0)
				strset_add(&w->search, clean, NULL);
		}
		path += n + (path[n] == ':');
	}
}

/* Not there, or not to be run: whichever, it must stay so. */
static int
add_absent_program(struct work *w, const char *path)
{
	struct stat st;

	return derive_add_path(
		w, lstat(path, &st) == 0 ? INPUT_FILE : INPUT_ABSENT, path);
}

/* Recorded before the attempt, which may fail. */
static bool
failed_exec(const struct trace *t, size_t at)
{
	const struct trace_event *e = &t->events[at];

	for (size_t i = at + 1; i < t->nevents; i++) {
		const struct trace_event *f = &t->events[i];

		if (f->process != e->process)
			continue;
		if (f->kind == TRACE_EXEC_FAIL && !strcmp(f->name, e->name))
			return true;
		if (f->kind == TRACE_EXEC)
			return false;
	}
	return false;
}

int
derive_program(struct work *w, size_t at)
{
	const struct trace_event *e = &w->l->trace->events[at];
	char path[PATH_MAX];

	/* No program has an empty name. */
	if (!e->name[0])
		return 0;
	if (w->l->rules->skips_program && w->l->rules->skips_program(e))
		return 0;
	if (strchr(e->name, '/')) {
		if (derive_tidy(w->l->cwd, e->name, path) < 0)
			return derive_refuse(w, ERR_REFUSED, "path", e->name);
		/* A shell that walks through PATH by itself. */
		if (derive_path_search(w, e, path))
			return inputs_add(w->inputs, INPUT_PROGRAM,
					  derive_base_name(path),
					  strlen(derive_base_name(path)));
		if (derive_skips(w, path))
			return 0;
		if (e->kind == TRACE_EXEC_FAIL || failed_exec(w->l->trace, at))
			return add_absent_program(w, path);
		return derive_object(w, path);
	}
	if (derive_in_toolchain(w->l, e->other) ||
	    strset_covers(&w->own, e->other))
		return 0;
	return inputs_add(w->inputs, INPUT_PROGRAM, e->name, strlen(e->name));
}
