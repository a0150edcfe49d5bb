/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "base/err.h"
#include "base/file.h"
#include "key/derive.h"
#include "key/input_kind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Inputs that the user declares because the observer cannot see them. */

enum { DEPTH_MAX = 32 };

static int declare_path(struct work *w, const char *path, unsigned depth);

static int
declare_names(struct work *w, DIR *d, const char *path, unsigned depth)
{
	char below[PATH_MAX];
	struct dirent *e;
	int r = 0;

	for (e = readdir(d); e && r == 0; e = readdir(d)) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    !strcmp(e->d_name, ".git"))
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, e->d_name) >=
		    (int)sizeof(below))
			return derive_refuse(w, ERR_REFUSED, "path", path);
		r = declare_path(w, below, depth + 1);
	}
	return r;
}

static int
declare_directory(struct work *w, const char *path, unsigned depth)
{
	DIR *d = depth < DEPTH_MAX ? opendir(path) : NULL;
	int r;

	if (!d)
		return derive_refuse(w, ERR_CHANGED, "declared", path);
	r = derive_add_path(w, INPUT_NAMES, path);
	r = r ? r : declare_names(w, d, path, depth);
	closedir(d);
	return r;
}

static int
declare_path(struct work *w, const char *path, unsigned depth)
{
	struct file_id id;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? derive_add_path(w, INPUT_ABSENT, path)
			       : -errno;
	if (S_ISLNK(st.st_mode) && depth > 0)
		return derive_add_path(w, INPUT_LINK, path);
	if (stat(path, &st) < 0)
		return derive_add_path(w, INPUT_LINK, path);
	if (S_ISDIR(st.st_mode))
		return declare_directory(w, path, depth);
	file_id_of(&st, &id);
	if (!S_ISREG(st.st_mode))
		return derive_add_path(w, INPUT_PRESENT, path);
	if (!derive_settled(w, path, &id, w->l->started))
		return derive_refuse(w, ERR_CHANGED, "raced-tick", path);
	strset_add(&w->files, path, NULL);
	return derive_add_path(w, INPUT_FILE, path);
}

int
derive_declared(struct work *w)
{
	const char *list = w->l->declared;
	char path[PATH_MAX], word[PATH_MAX];
	int r = 0;

	while (list && *list && r == 0) {
		size_t n = strcspn(list, ":");

		if (n >= sizeof(word))
			return derive_refuse(w, ERR_REFUSED, "path",
					     "declared");
		memcpy(word, list, n);
		word[n] = '\0';
		if (n > 0 && derive_tidy(w->l->cwd, word, path) < 0)
			return derive_refuse(w, ERR_REFUSED, "path", word);
		if (n > 0)
			r = declare_path(w, path, 0);
		list += n + (list[n] == ':');
	}
	return r;
}
