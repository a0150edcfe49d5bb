/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "base/err.h"
#include "base/file.h"
#include "key/derive.h"
#include "key/input_kind.h"
#include "key/inputs.h"
#include "key/trace.h"
#include "rustc/args.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_crate_search(const struct derive *l, const char *path, bool *names_matter)
{
	char dir[PATH_MAX];

	*names_matter = false;
	for (size_t i = 0; i < l->args->nsearch; i++) {
		const struct args_search *s = &l->args->search[i];

		if (derive_tidy(l->cwd, s->path, dir) < 0 || strcmp(dir, path))
			continue;
		if (!strncmp(s->kind, "crate", 5) ||
		    !strncmp(s->kind, "all", 3))
			*names_matter = true;
		return true;
	}
	return false;
}

int
derive_listing(struct work *w, const struct trace_event *e)
{
	const char *name = e->name;
	char path[PATH_MAX];
	struct file_id id;
	bool matter;

	if (derive_tidy(w->l->cwd, name, path) < 0)
		return derive_refuse(w, ERR_REFUSED, "path", name);
	if (derive_skips(w, path))
		return 0;
	/* rustc lists every -L directory; only crates found by bare name
	 * depend on what is in it. */
	if (is_crate_search(w->l, path, &matter))
		return matter ? derive_add_path(w, INPUT_CRATES, path) : 0;
	if (w->l->rules->skips_listing &&
	    w->l->rules->skips_listing(w, e, path))
		return 0;
	if (derive_below(path, "/proc") || derive_below(path, "/sys"))
		return derive_refuse(w, ERR_REFUSED, "lists", path);
	if (file_id_at(AT_FDCWD, path, &id) < 0 ||
	    !derive_settled(w, path, &id, w->l->started))
		return derive_refuse(w, ERR_CHANGED, "raced", path);
	strset_add_above(&w->implied, path);
	strset_add(&w->implied, path, NULL);
	strset_add(&w->listed, path, NULL);
	return derive_add_path(w, INPUT_NAMES, path);
}

enum { LINKS_MAX = 16 };

static int add_absent(struct work *, char *, int);

/* A link that leads nowhere: it is there, what it names is not. */
static int
add_dangling(struct work *w, const char *path, int links)
{
	char to[PATH_MAX], up[PATH_MAX], target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	int r;

	if (n <= 0 || links >= LINKS_MAX)
		return derive_refuse(w, ERR_CHANGED, "raced", path);
	target[n] = '\0';
	memcpy(up, path, strlen(path) + 1);
	up[strrchr(up, '/') == up ? 1 : strrchr(up, '/') - up] = '\0';
	if (derive_tidy(up, target, to) < 0)
		return derive_refuse(w, ERR_REFUSED, "path", path);
	r = derive_add_path(w, INPUT_LINK, path);
	return r < 0 ? r : add_absent(w, to, links + 1);
}

/* Of an absent tree only its top is recorded. PATH is changed. */
static int
add_absent(struct work *w, char *path, int links)
{
	char up[PATH_MAX];
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
	    stat(path, &st) < 0 && errno == ENOENT)
		return add_dangling(w, path, links);
	if (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
		return derive_refuse(w, ERR_CHANGED, "raced", path);
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
	return derive_add_path(w, INPUT_ABSENT, path);
}

/* A file that may not be executed, where somebody asked whether it may: since
 * all else is allowed, that must have been the question. */
static bool
is_no_program(const struct trace_event *e, const char *path)
{
	struct stat st;

	return e->number == EACCES && stat(path, &st) == 0 &&
	       S_ISREG(st.st_mode) && !(st.st_mode & 0111) &&
	       access(path, R_OK | W_OK) == 0;
}

int
derive_absent(struct work *w, const struct trace_event *e)
{
	const char *name = e->name;
	char path[PATH_MAX];

	if (derive_tidy(w->l->cwd, name, path) < 0)
		return derive_refuse(w, ERR_REFUSED, "path", name);
	if (derive_skips(w, path) || strset_has(&w->absent, path) ||
	    derive_candidate(w, e, path) ||
	    (w->l->rules->knows_absent && w->l->rules->knows_absent(w, path)))
		return 0;
	if (derive_path_search(w, e, path))
		return inputs_add(w->inputs, INPUT_PROGRAM,
				  derive_base_name(path),
				  strlen(derive_base_name(path)));
	if (is_no_program(e, path))
		return derive_add_path(w, INPUT_PRESENT, path);
	return add_absent(w, path, 0);
}

static int
add_measured(struct work *w, const char *path, const struct stat *st)
{
	struct file_id id;

	file_id_of(st, &id);
	if (!derive_settled(w, path, &id, w->l->started))
		return derive_refuse(w, ERR_CHANGED, "raced-tick", path);
	strset_add(&w->files, path, NULL);
	return derive_add_path(w, INPUT_FILE, path);
}

/* Where a name really leads depends on every link on the way. */
int
derive_links(struct work *w, const char *path)
{
	char up[PATH_MAX];
	struct stat st;
	int r = 0;

	for (size_t n = 1; path[n] && r == 0; n++) {
		if (path[n] != '/' || n >= sizeof(up))
			continue;
		memcpy(up, path, n);
		up[n] = '\0';
		if (!derive_skips(w, up) && lstat(up, &st) == 0 &&
		    S_ISLNK(st.st_mode))
			r = derive_add_path(w, INPUT_LINK, up);
	}
	return r;
}

static bool
tests_links(const struct trace_event *e)
{
	return e->how == OBS_BY_LSTAT || e->how == OBS_BY_READLINK;
}

/* A descriptor of a directory tells where its name really led. */
static bool
is_behind_link(const struct trace_event *e, const char *path)
{
	char real[PATH_MAX];

	return e->how == OBS_BY_OPEN && S_ISDIR(e->st.mode) &&
	       realpath(path, real) && strcmp(real, path) != 0;
}

int
derive_where(struct work *w, const struct trace_event *e, const char *path)
{
	if (e->how == OBS_BY_REALPATH || is_behind_link(e, path))
		return derive_real(w, path);
	return 0;
}

static int
add_tested(struct work *w, const struct trace_event *e, const char *path)
{
	bool links = tests_links(e);
	struct stat st;

	if ((links ? lstat(path, &st) : stat(path, &st)) < 0)
		return derive_refuse(w, ERR_CHANGED, "raced", path);
	if (links && S_ISLNK(st.st_mode))
		return derive_add_path(w, INPUT_LINK, path);
	if (links && w->l->rules->tells_links(w, e, path)) {
		int r = derive_no_link(w, path);

		if (r < 0)
			return r;
	}
	/* Ancestors and recorded files are implied. */
	if (strset_has(&w->implied, path) || strset_has(&w->files, path) ||
	    strset_has(&w->externs, path))
		return 0;
	/* Whoever asks for a file's stat may use its size. */
	if (S_ISREG(st.st_mode) && e->how != OBS_BY_ACCESS)
		return add_measured(w, path, &st);
	return derive_add_path(w, INPUT_PRESENT, path);
}

int
derive_present(struct work *w, const struct trace_event *e)
{
	char path[PATH_MAX];
	int r;

	if (derive_tidy(w->l->cwd, e->name, path) < 0)
		return derive_refuse(w, ERR_REFUSED, "path", e->name);
	if (derive_skips(w, path) || !strcmp(path, "/") ||
	    derive_candidate(w, e, path))
		return 0;
	if (derive_path_search(w, e, path))
		return inputs_add(w->inputs, INPUT_PROGRAM,
				  derive_base_name(path),
				  strlen(derive_base_name(path)));
	r = w->l->rules->resolved(w, e, path);
	r = r ? r : derive_attributes(w, e, path);
	return r ? r : add_tested(w, e, path);
}
