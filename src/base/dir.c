/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/dir.h"

#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
add_name(struct dir_names *n, const char *name)
{
	char **more = vec_grow(n->name, n->count, 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	n->name = more;
	more[n->count] = strdup(name);
	return more[n->count] ? (n->count++, 0) : -ENOMEM;
}

static bool
is_wanted(const char *name, int flags)
{
	if (name[0] != '.')
		return true;
	return (flags & DIR_HIDDEN) && strcmp(name, ".") && strcmp(name, "..");
}

static int
read_names(DIR *d, int flags, struct dir_names *out)
{
	struct dirent *e;
	int r = 0;

	for (errno = 0, e = readdir(d); e && r == 0; errno = 0, e = readdir(d))
		if (is_wanted(e->d_name, flags))
			r = add_name(out, e->d_name);
	return r || e ? r : -errno;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
dir_list(int dirfd, const char *path, int flags, struct dir_names *out)
{
	int fd = openat(dirfd, path,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC |
				(flags & DIR_NOFOLLOW ? O_NOFOLLOW : 0));
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int r = d ? 0 : -errno;

	*out = (struct dir_names){ 0 };
	if (d) {
		r = read_names(d, flags, out);
		closedir(d);
	} else if (fd >= 0) {
		close(fd);
	}
	if (r < 0)
		dir_names_free(out);
	else if (out->count)
		qsort(out->name, out->count, sizeof(*out->name), by_name);
	return r;
}

void
dir_names_free(struct dir_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->name[i]);
	free(n->name);
	*n = (struct dir_names){ 0 };
}
