/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "rustc/which.h"

#include "rustc/file_states.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What libc takes for PATH where there is none. */
static const char fallback[] = "/bin:/usr/bin";

static bool
note_state(struct file_states *notes, const char *path, enum file_state_how how)
{
	struct file_state *p;

	if (file_states_add(notes, path, how, &p) < 0)
		return false;
	p->hot = true;
	return true;
}

char *
which_real(const char *path, struct file_states *notes)
{
	if (file_states_add_links(notes, path) < 0 ||
	    !note_state(notes, path, FILE_STATE_STAT))
		return NULL;
	return realpath(path, NULL);
}

/* The next place of *PATH, "." for an empty one; *PATH gets to the one behind
 * it, or NULL. */
static void
next_place(const char **path, const char *name, char file[PATH_MAX])
{
	size_t n = strcspn(*path, ":");
	int len = snprintf(file, PATH_MAX, "%.*s/%s", n ? (int)n : 1,
			   n ? *path : ".", name);

	/* Too long a name: nobody can execute it. */
	if (len >= PATH_MAX)
		file[0] = '\0';
	*path = (*path)[n] ? *path + n + 1 : NULL;
}

char *
which_file(const char *compiler, const char *path, struct file_states *notes)
{
	char file[PATH_MAX];

	if (strchr(compiler, '/'))
		return which_real(compiler, notes);
	path = path ? path : fallback;
	while (path) {
		next_place(&path, compiler, file);
		if (!file[0])
			continue;
		if (file_states_runs(file))
			return which_real(file, notes);
		if (!note_state(notes, file, FILE_STATE_VAIN))
			return NULL;
	}
	return NULL;
}

bool
which_is_proxy(const char *file, struct file_states *notes)
{
	const char *slash = strrchr(file, '/');
	char rustup[PATH_MAX];
	struct stat a, b;

	if (!strcmp(slash + 1, "rustup"))
		return true;
	if (snprintf(rustup, sizeof(rustup), "%.*s/rustup", (int)(slash - file),
		     file) >= (int)sizeof(rustup))
		return true;
	if (!note_state(notes, rustup, FILE_STATE_STAT))
		return true;
	return !stat(rustup, &a) && !stat(file, &b) && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

bool
which_is_relative(const char *compiler, const char *path)
{
	if (strchr(compiler, '/'))
		return compiler[0] != '/';
	for (path = path ? path : fallback; *path == '/'; path++) {
		path = strchr(path, ':');
		if (!path)
			return false;
	}
	return true;
}
