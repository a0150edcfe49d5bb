/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/learn.h"

#include "base/err.h"
#include "base/file.h"
#include "base/strset.h"
#include "key/shape.h"
#include "key/trace.h"
#include "key/unit.h"
#include "rustc/args.h"
#include "rustc/depinfo.h"
#include "rustc/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct work {
	struct learn *l;
	struct shape *shape;
	struct strset own;	/* made by this unit's processes */
	struct strset files;	/* read; value: struct trace_event */
	struct strset implied;	/* above a recorded name */
	struct strset absent;
	struct strset externs;	/* value: identity before the compile */
	struct strset search;	/* directories of PATH */
};

/* Own reads of rustc, LLVM, libc and the linkers, by their start. */
static const char *const noise[] = {
	"/proc/self/",
	"/proc/sys/vm/overcommit_memory",
	"/proc/cpuinfo",
	"/proc/meminfo",
	"/proc/stat",
	"/proc/mounts",
	"/sys/kernel/mm/transparent_hugepage/",
	"/sys/devices/system/cpu",
	"/sys/fs/cgroup",
	"/etc/malloc.conf",
	"/etc/ld.so.cache",
	"/etc/ld.so.preload",
	"/etc/localtime",
	"/etc/locale",
	"/etc/nsswitch.conf",
	"/usr/lib/locale",
	"/usr/share/locale",
	"/usr/share/locale-langpack",
	"/usr/lib/x86_64-linux-gnu/gconv",
	"/dev/null",
	"/dev/zero",
	"/dev/tty",
	"/dev/urandom",
	"/dev/random",
	"/dev/shm",
	"/dev/fd",
};

/* Objects that any program loads and no result depends on. */
static const char *const plain_objects[] = {
	"libc.so",  "libm.so",	   "libdl.so", "libpthread.so",
	"librt.so", "libgcc_s.so", "libz.so",  "ld-linux-x86-64.so",
	"linux-vdso.so", "libutil.so",
};

static int
refuse(struct work *w, int code, const char *why, const char *what)
{
	if (!w->l->reason[0])
		snprintf(w->l->reason, sizeof(w->l->reason), "%s%s%s", why,
			 what ? ":" : "", what ? what : "");
	return code;
}

static bool
below(const char *path, const char *dir)
{
	size_t n = dir ? strlen(dir) : 0;

	while (n > 1 && dir[n - 1] == '/')
		n--;
	return n > 1 && !strncmp(path, dir, n) &&
	       (path[n] == '/' || !path[n]);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Without empty and "." parts, which two spellings of a name may differ in.
 * ".." stays: it means what the links on the way say. */
static int
tidy(const char *cwd, const char *path, char out[PATH_MAX])
{
	size_t n = 0;

	for (int pass = path[0] == '/'; pass < 2; pass++) {
		const char *p = pass ? path : cwd;

		while (*p) {
			size_t k = strcspn(p, "/");

			if (k > 0 && !(k == 1 && p[0] == '.')) {
				if (n + k + 2 > PATH_MAX)
					return ERR_TOOBIG;
				out[n++] = '/';
				memcpy(out + n, p, k);
				n += k;
			}
			p += k + (p[k] == '/');
		}
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return 0;
}

/* Files that are in the toolchain's identity. */
static bool
in_toolchain(const struct learn *l, const char *path)
{
	size_t n = strlen(l->sysroot);

	if (!below(path, l->sysroot))
		return false;
	if (strcmp(l->sysroot, "/usr") && strcmp(l->sysroot, "/usr/local"))
		return true;
	return below(path + n, "/lib/rustlib") ||
	       !strncmp(base_name(path), "librustc_driver", 15);
}

static bool
is_noise(const char *path)
{
	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
		size_t n = strlen(noise[i]);

		if (!strncmp(path, noise[i], n))
			return true;
	}
	return false;
}

static bool
is_numbered_proc(const char *path)
{
	return !strncmp(path, "/proc/", 6) && path[6] >= '0' && path[6] <= '9';
}

/* Nothing to record about PATH: not outside, not an input, or known. */
static bool
skips(const struct work *w, const char *path)
{
	return in_toolchain(w->l, path) || is_noise(path) ||
	       is_numbered_proc(path) ||
	       below(path, w->l->args->incremental) ||
	       !strcmp(path, w->l->observer) ||
	       strset_covers(&w->own, path);
}

static int
add_path(struct work *w, char kind, const char *path)
{
	struct buf enc = { 0 };
	int r = roots_encode(w->l->roots, path, &enc);

	if (r == 0 && enc.failed)
		r = -ENOMEM;
	if (r == 0)
		r = shape_add(w->shape, kind, enc.p, enc.len);
	buf_free(&enc);
	if (r == ERR_TOOBIG || r == ERR_REFUSED)
		return refuse(w, ERR_REFUSED, "path", path);
	return r;
}

static int
note_own(struct work *w, const char *name)
{
	char path[PATH_MAX];

	if (tidy(w->l->cwd, name, path) < 0)
		return refuse(w, ERR_REFUSED, "path", name);
	strset_add(&w->own, path, NULL);
	return 0;
}

/* rustc looks for what an earlier compile of the unit left. */
static int
note_leftovers(struct work *w)
{
	static const char *const parts[][2] = {
		{ "lib", ".rmeta" }, { "lib", ".rlib" }, { "lib", ".so" },
		{ "", "" },	     { "", ".d" },
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

static int
collect_own(struct work *w)
{
	const struct trace *t = w->l->trace;
	int r = note_leftovers(w);

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
	char out[PATH_MAX];

	for (size_t i = 0; i < w->l->noutputs; i++)
		if (tidy(w->l->cwd, w->l->outputs[i], out) == 0 &&
		    !strcmp(out, path))
			return true;
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

	if (tidy(w->l->cwd, moves ? e->other : e->name, path) < 0)
		return refuse(w, ERR_REFUSED, "path", e->name);
	if (is_noise(path) || is_numbered_proc(path) ||
	    below(path, w->l->args->incremental) || is_output(w, path))
		return 0;
	if (e->kind == TRACE_UNLINK)
		return strset_covers(&w->own, path)
			       ? 0
			       : refuse(w, ERR_REFUSED, "removed", path);
	if (lstat(path, &st) < 0)
		return 0;
	/* A directory that was there before (mkdir -p). */
	if (e->kind == TRACE_MKDIR && st.st_ctim.tv_sec <
					      w->l->started / 1000000000)
		return 0;
	return refuse(w, ERR_REFUSED, "wrote", path);
}

static int
check_effects(struct work *w)
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

/* mtime in the tick of the opening proves nothing: it may move once more
 * without showing. */
static int
check_race(struct work *w, const struct trace_event *e, const char *path)
{
	struct file_id id;

	if (file_id_at(AT_FDCWD, path, &id) < 0 || id.dev != e->st.dev ||
	    id.ino != e->st.ino || id.size != e->st.size ||
	    id.mtime != e->st.mtime_ns)
		return refuse(w, ERR_CHANGED, "raced", path);
	if (e->st.mtime_ns >= e->st.seen_ns)
		return refuse(w, ERR_CHANGED, "raced-tick", path);
	return 0;
}

static bool
has_suffix(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	return n > k && !strcmp(name + n - k, end);
}

/*
 * A crate that rustc looked at while it resolved dependencies of
 * dependencies.  Which one it takes, and its metadata, are pinned by the
 * hash (SVH) in the extern that needs it; which candidates lie there is
 * chance.  What a link takes in addition, and macros that are loaded, are
 * inputs: .rlib files of linked units, loaded objects.
 */
static bool
is_candidate(const struct work *w, const struct trace_event *e,
	     const char *path)
{
	const struct args *a = w->l->args;
	const char *name = base_name(path);
	char dir[PATH_MAX];
	bool found = false;

	if (e->process != 0 || strncmp(name, "lib", 3) ||
	    !(has_suffix(name, ".rmeta") || has_suffix(name, ".so") ||
	      (has_suffix(name, ".rlib") && !a->linked)))
		return false;
	for (size_t i = 0; i < a->nsearch && !found; i++)
		found = a->search[i].kind_len == 10 &&
			tidy(w->l->cwd, a->search[i].path, dir) == 0 &&
			!strncmp(path, dir, strlen(dir)) &&
			path + strlen(dir) + 1 == name;
	return found;
}

static int
note_read(struct work *w, const struct trace_event *e)
{
	const struct trace_event *old;
	char path[PATH_MAX];

	if (tidy(w->l->cwd, e->name, path) < 0)
		return refuse(w, ERR_REFUSED, "path", e->name);
	if (skips(w, path) || is_candidate(w, e, path))
		return 0;
	if (!S_ISREG(e->st.mode))
		return S_ISDIR(e->st.mode)
			       ? 0
			       : refuse(w, ERR_REFUSED, "special", path);
	if (below(path, "/proc") || below(path, "/sys"))
		return refuse(w, ERR_REFUSED, "reads", path);
	old = strset_get(&w->files, path);
	if (old && (old->st.ino != e->st.ino ||
		    old->st.mtime_ns != e->st.mtime_ns ||
		    old->st.size != e->st.size))
		return refuse(w, ERR_CHANGED, "raced", path);
	/* The earliest opening has the strictest tick. */
	if (!old)
		strset_add(&w->files, path, e);
	return 0;
}

static int
add_files(struct work *w)
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
			r = check_race(w, e, path);
		if (r == 0)
			r = add_path(w, 'f', path);
	}
	return r;
}

/* Read through the memo before rustc ran; must be the same still. */
static int
note_externs(struct work *w)
{
	const struct args *a = w->l->args;

	for (size_t i = 0; i < a->nexterns; i++) {
		char path[PATH_MAX];
		struct file_id id;

		if (!a->externs[i].path)
			continue;
		if (tidy(w->l->cwd, a->externs[i].path, path) < 0 ||
		    file_id_at(AT_FDCWD, path, &id) < 0 ||
		    !file_id_same(&id, &w->l->externs[i]))
			return refuse(w, ERR_CHANGED, "raced",
				      a->externs[i].path);
		strset_add(&w->externs, path, &w->l->externs[i]);
	}
	return 0;
}

/* Every source in the .d was opened by a process we saw. */
static int
check_sources(struct work *w)
{
	const struct depinfo *d = w->l->depinfo;

	for (size_t i = 0; i < d->nfiles; i++) {
		char path[PATH_MAX];

		if (tidy(w->l->cwd, d->files[i], path) < 0 ||
		    (!strset_has(&w->files, path) && !skips(w, path)))
			return refuse(w, ERR_REFUSED, "unseen-source",
				      d->files[i]);
	}
	return 0;
}

static bool
is_plain_object(const char *path)
{
	const char *name = base_name(path);

	for (size_t i = 0; i < sizeof(plain_objects) / sizeof(*plain_objects);
	     i++)
		if (!strncmp(name, plain_objects[i],
			     strlen(plain_objects[i])))
			return true;
	return false;
}

/* Code that ran: an input like any file, seen before main. */
static int
note_object(void *ctx, const char *name)
{
	struct work *w = ctx;
	char path[PATH_MAX];
	struct file_id id;

	if (name[0] != '/' || is_plain_object(name))
		return 0;
	if (tidy("/", name, path) < 0)
		return refuse(w, ERR_REFUSED, "path", name);
	if (skips(w, path) || strset_has(&w->files, path))
		return 0;
	if (file_id_at(AT_FDCWD, path, &id) < 0)
		return refuse(w, ERR_CHANGED, "raced", path);
	if (strset_has(&w->externs, path))
		return 0;
	if (id.mtime >= w->l->started)
		return refuse(w, ERR_CHANGED, "raced-tick", path);
	strset_add(&w->files, path, NULL);
	return 0;
}

/*
 * Tools of a linker look through PATH by testing each place.  What counts is
 * what they find: the places would name somebody's home.
 */
static bool
is_path_search(struct work *w, const struct trace_event *e, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	if (e->process == 0 || !slash || slash == path)
		return false;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	return strset_has(&w->search, dir);
}

static void
split_path(struct work *w)
{
	const char *path = getenv("PATH");
	char dir[PATH_MAX], clean[PATH_MAX];

	while (path && *path) {
		size_t n = strcspn(path, ":");

		if (n > 0 && n < sizeof(dir)) {
			memcpy(dir, path, n);
			dir[n] = '\0';
			if (tidy(w->l->cwd, dir, clean) == 0)
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

	return add_path(w, lstat(path, &st) == 0 ? 'f' : 'a', path);
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

static int
add_program(struct work *w, size_t at)
{
	const struct trace_event *e = &w->l->trace->events[at];
	char path[PATH_MAX];

	if (strchr(e->name, '/')) {
		if (tidy(w->l->cwd, e->name, path) < 0)
			return refuse(w, ERR_REFUSED, "path", e->name);
		/* A shell that walks through PATH by itself. */
		if (is_path_search(w, e, path))
			return shape_add(w->shape, 'p', base_name(path),
					 strlen(base_name(path)));
		if (failed_exec(w->l->trace, at))
			return add_absent_program(w, path);
		return note_object(w, path);
	}
	if (in_toolchain(w->l, e->other) || strset_covers(&w->own, e->other))
		return 0;
	return shape_add(w->shape, 'p', e->name, strlen(e->name));
}

static bool
is_crate_search(const struct learn *l, const char *path, bool *names_matter)
{
	char dir[PATH_MAX];

	*names_matter = false;
	for (size_t i = 0; i < l->args->nsearch; i++) {
		const struct args_search *s = &l->args->search[i];

		if (tidy(l->cwd, s->path, dir) < 0 || strcmp(dir, path))
			continue;
		if (!strncmp(s->kind, "crate", 5) ||
		    !strncmp(s->kind, "all", 3))
			*names_matter = true;
		return true;
	}
	return false;
}

static int
add_listing(struct work *w, const char *name)
{
	char path[PATH_MAX];
	struct file_id id;
	bool matter;

	if (tidy(w->l->cwd, name, path) < 0)
		return refuse(w, ERR_REFUSED, "path", name);
	if (skips(w, path))
		return 0;
	/* rustc lists every -L directory; only crates found by bare name
	 * depend on what is in it. */
	if (is_crate_search(w->l, path, &matter))
		return matter ? add_path(w, 'c', path) : 0;
	if (below(path, "/proc") || below(path, "/sys"))
		return refuse(w, ERR_REFUSED, "lists", path);
	if (file_id_at(AT_FDCWD, path, &id) < 0 || id.mtime >= w->l->started)
		return refuse(w, ERR_CHANGED, "raced", path);
	strset_add_above(&w->implied, path);
	strset_add(&w->implied, path, NULL);
	return add_path(w, 'l', path);
}

/* Of an absent tree only its top is recorded. */
static int
add_absent(struct work *w, const struct trace_event *e)
{
	const char *name = e->name;
	char path[PATH_MAX], up[PATH_MAX];
	struct stat st;

	if (tidy(w->l->cwd, name, path) < 0)
		return refuse(w, ERR_REFUSED, "path", name);
	if (skips(w, path) || strset_has(&w->absent, path) ||
	    is_candidate(w, e, path))
		return 0;
	if (is_path_search(w, e, path))
		return shape_add(w->shape, 'p', base_name(path),
				 strlen(base_name(path)));
	if (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
		return refuse(w, ERR_CHANGED, "raced", path);
	strset_add(&w->absent, path, NULL);
	for (;;) {
		char *slash;

		memcpy(up, path, strlen(path) + 1);
		slash = strrchr(up, '/');
		if (!slash || slash == up)
			break;
		*slash = '\0';
		if (lstat(up, &st) == 0 || errno != ENOENT)
			break;
		memcpy(path, up, strlen(up) + 1);
	}
	strset_add_above(&w->implied, path);
	return add_path(w, 'a', path);
}

static int
add_measured(struct work *w, const char *path, const struct stat *st)
{
	struct file_id id;

	file_id_of(st, &id);
	if (id.mtime >= w->l->started)
		return refuse(w, ERR_CHANGED, "raced-tick", path);
	strset_add(&w->files, path, NULL);
	return add_path(w, 'f', path);
}

static int
add_present(struct work *w, const struct trace_event *e)
{
	bool links = e->how == TRACE_BY_LSTAT || e->how == TRACE_BY_READLINK;
	char path[PATH_MAX];
	struct stat st;

	if (tidy(w->l->cwd, e->name, path) < 0)
		return refuse(w, ERR_REFUSED, "path", e->name);
	if (skips(w, path) || !strcmp(path, "/") || is_candidate(w, e, path))
		return 0;
	if (is_path_search(w, e, path))
		return shape_add(w->shape, 'p', base_name(path),
				 strlen(base_name(path)));
	if ((links ? lstat(path, &st) : stat(path, &st)) < 0)
		return refuse(w, ERR_CHANGED, "raced", path);
	/* Ancestors and recorded files are implied, unless as links. */
	if (!(links && S_ISLNK(st.st_mode)) &&
	    (strset_has(&w->implied, path) || strset_has(&w->files, path) ||
	     strset_has(&w->externs, path)))
		return 0;
	if (links && S_ISLNK(st.st_mode))
		return add_path(w, 'k', path);
	/* Whoever asks for a file's stat may use its size. */
	if (S_ISREG(st.st_mode) && e->how != TRACE_BY_ACCESS)
		return add_measured(w, path, &st);
	return add_path(w, 's', path);
}

static int
add_env(struct work *w, const struct trace_event *e)
{
	/* rustc itself reads PATH to start a linker. */
	if (unit_env_known(e->name) ||
	    (!strcmp(e->name, "PATH") &&
	     (w->l->args->linked || e->process != 0)))
		return 0;
	if (!roots_clean(e->name, strlen(e->name)))
		return refuse(w, ERR_REFUSED, "env", NULL);
	return shape_add(w->shape, 'e', e->name, strlen(e->name));
}

static int
add_declared_env(struct work *w)
{
	const struct depinfo *d = w->l->depinfo;
	int r = 0;

	for (size_t i = 0; i < d->nenvs && r == 0; i++)
		r = shape_add(w->shape, 'e', d->envs[i].name,
			      strlen(d->envs[i].name));
	return r;
}

static void
imply_places(struct work *w)
{
	const struct learn *l = w->l;
	const char *places[] = { l->cwd, l->args->out_dir, l->sysroot };

	for (size_t i = 0; i < 3; i++) {
		strset_add(&w->implied, places[i], NULL);
		strset_add_above(&w->implied, places[i]);
	}
	for (size_t i = 0; i < l->args->nsearch; i++) {
		strset_add(&w->implied, l->args->search[i].path, NULL);
		strset_add_above(&w->implied, l->args->search[i].path);
	}
	for (size_t i = 0; i < w->externs.cap; i++)
		if (w->externs.slots[i].key)
			strset_add_above(&w->implied,
					 w->externs.slots[i].key);
}

/* First what was read: later steps leave out what it implies. */
static int
pass_reads(struct work *w)
{
	const struct trace *t = w->l->trace;
	int r = 0;

	for (size_t i = 0; i < t->nevents && r == 0; i++) {
		const struct trace_event *e = &t->events[i];

		if (e->kind == TRACE_READ)
			r = note_read(w, e);
		else if (e->kind == TRACE_EXEC)
			r = add_program(w, i);
	}
	if (r == 0)
		r = trace_each_object(t, note_object, w);
	return r ? r : check_sources(w);
}

static int
pass_names(struct work *w, enum trace_kind kind)
{
	const struct trace *t = w->l->trace;
	int r = 0;

	for (size_t i = 0; i < t->nevents && r == 0; i++) {
		const struct trace_event *e = &t->events[i];

		if (e->kind != kind)
			continue;
		if (kind == TRACE_LIST)
			r = add_listing(w, e->name);
		else if (kind == TRACE_ABSENT)
			r = add_absent(w, e);
		else if (kind == TRACE_PRESENT)
			r = add_present(w, e);
		else if (kind == TRACE_GETENV)
			r = add_env(w, e);
	}
	return r;
}

static int
run(struct work *w)
{
	const struct trace *t = w->l->trace;
	int r;

	if (t->gap != TRACE_WHOLE) {
		snprintf(w->l->reason, sizeof(w->l->reason),
			 "unseen:%s:%s:%s", trace_gap_word(t->gap),
			 t->gap_reason, t->gap_name);
		return ERR_REFUSED;
	}
	if (t->uses_network)
		return refuse(w, ERR_REFUSED, "network", NULL);
	split_path(w);
	r = note_externs(w);
	r = r ? r : collect_own(w);
	r = r ? r : check_effects(w);
	r = r ? r : pass_reads(w);
	r = r ? r : add_files(w);
	imply_places(w);
	r = r ? r : pass_names(w, TRACE_LIST);
	r = r ? r : pass_names(w, TRACE_ABSENT);
	r = r ? r : pass_names(w, TRACE_PRESENT);
	r = r ? r : pass_names(w, TRACE_GETENV);
	r = r ? r : add_declared_env(w);
	if (r == 0 && (w->own.failed || w->files.failed ||
		       w->implied.failed || w->absent.failed))
		r = -ENOMEM;
	return r ? r : shape_finish(w->shape);
}

int
learn_shape(struct learn *l, struct shape *out)
{
	struct shape shape = { 0 };
	struct work w = { .l = l, .shape = &shape };
	int r;

	l->reason[0] = '\0';
	r = run(&w);
	strset_free(&w.own);
	l->inputs = w.files;
	strset_free(&w.implied);
	strset_free(&w.absent);
	strset_free(&w.externs);
	strset_free(&w.search);
	if (r == ERR_TOOBIG)
		r = refuse(&w, ERR_REFUSED, "too-many-inputs", NULL);
	if (r < 0)
		shape_free(&shape);
	else
		*out = shape;
	return r;
}

int
learn_verify(struct learn *l)
{
	struct work w = { .l = l };
	int r = note_externs(&w);

	strset_free(&w.externs);
	for (size_t i = 0; i < l->inputs.cap && r == 0; i++) {
		const struct strset_slot *slot = &l->inputs.slots[i];
		struct file_id id;

		if (!slot->key)
			continue;
		if (slot->val)
			r = check_race(&w, slot->val, slot->key);
		else if (file_id_at(AT_FDCWD, slot->key, &id) < 0 ||
			 id.mtime >= l->started)
			r = refuse(&w, ERR_CHANGED, "raced", slot->key);
	}
	return r;
}

void
learn_release(struct learn *l)
{
	strset_free(&l->inputs);
}
