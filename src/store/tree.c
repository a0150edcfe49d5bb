/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/tree.h"

#include "base/dir.h"
#include "store/gc_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DEPTH_MAX = 64 };

/* linux/openat2.h is not among musl's headers; the numbers are ABI. */
enum { TREE_OPENAT2 = 437, NO_REPLACE = 1 };
enum { NO_XDEV = 1, NO_MAGICLINKS = 2, NO_SYMLINKS = 4, BENEATH = 8 };

struct how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

static int
open_with(int dir, const char *name, uint64_t resolve)
{
	struct how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = resolve | NO_SYMLINKS | NO_MAGICLINKS,
	};
	long fd = syscall(TREE_OPENAT2, dir, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static bool
is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

int
tree_enter(int dir, const char *name)
{
	int fd = open_with(dir, name, NO_XDEV | BENEATH);

	if (fd >= 0 && !is_ours(fd)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

/* Nothing that a kernel would resolve in another way than we read it. */
static bool
is_plain(const char *path)
{
	size_t n = strlen(path);

	if (path[0] != '/' || n < 2 || n >= 4096 || path[n - 1] == '/' ||
	    strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../"))
		return false;
	return strcmp(path + n - 2, "/.") != 0 &&
	       (n < 3 || strcmp(path + n - 3, "/..") != 0);
}

int
tree_open(const char *path, int *parent, int *dir, const char **last)
{
	char above[4096];
	const char *name;
	int up, down;

	if (!is_plain(path))
		return -EINVAL;
	name = strrchr(path, '/') + 1;
	memcpy(above, path, (size_t)(name - path));
	above[name - path] = '\0';
	up = open_with(AT_FDCWD, above, 0);
	if (up < 0)
		return up;
	down = tree_enter(up, name);
	if (down < 0) {
		close(up);
		return down;
	}
	*parent = up;
	*dir = down;
	*last = name;
	return 0;
}

int
tree_rename(int dir, const char *from, const char *to)
{
	/* Some libraries have no function for it. */
	return syscall(SYS_renameat2, dir, from, dir, to, NO_REPLACE) < 0
		       ? -errno
		       : 0;
}

/* --- what is below --- */

struct work {
	bool remove;
	struct gc_steps *steps;
	uint64_t bytes;
};

static int in_directory(struct work *w, int fd, int depth);

static int
visit_file(struct work *w, int dir, const char *name, const struct stat *st)
{
	uint64_t size = (uint64_t)st->st_blocks * 512;
	unsigned long links = st->st_nlink ? st->st_nlink : 1;

	if (w->remove && unlinkat(dir, name, 0) < 0)
		return -errno;
	/* The last link is what frees a file. */
	if (w->remove)
		w->bytes += links == 1 ? size : 0;
	else
		w->bytes += size / links;
	return 0;
}

static int
visit(struct work *w, int dir, const char *name, int depth)
{
	struct stat st;
	int fd, r;

	if (w->steps && !gc_step(w->steps))
		return -ECANCELED;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode))
		return visit_file(w, dir, name, &st);
	fd = depth == DEPTH_MAX ? -ELOOP : tree_enter(dir, name);
	r = fd < 0 ? fd : in_directory(w, fd, depth + 1);
	if (fd >= 0)
		close(fd);
	if (r == 0 && w->remove && unlinkat(dir, name, AT_REMOVEDIR) < 0)
		r = -errno;
	if (r == 0)
		w->bytes += (uint64_t)st.st_blocks * 512;
	return r;
}

/* All below DIR, which stays open. */
static int
in_directory(struct work *w, int dir, int depth)
{
	struct dir_names names;
	int r = dir_list(dir, ".", DIR_HIDDEN, &names);

	for (size_t i = 0; i < names.count && r == 0; i++)
		r = visit(w, dir, names.name[i], depth);
	dir_names_free(&names);
	return r;
}

int
tree_size(int dir, uint64_t *bytes)
{
	struct work w = { 0 };
	int r = in_directory(&w, dir, 0);

	if (r == 0)
		*bytes = w.bytes;
	return r;
}

/* By the descriptor: whoever puts another directory at its name meanwhile
 * keeps that one. */
static int
remove_top(struct work *w, int parent, const char *name, int dir)
{
	struct stat a, b;
	int r = in_directory(w, dir, 0);

	if (r < 0)
		return r;
	if (fstat(dir, &a) < 0 ||
	    fstatat(parent, name, &b, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return -ESTALE;
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
		return -errno;
	w->bytes += (uint64_t)b.st_blocks * 512;
	return 0;
}

int
tree_remove(int parent, const char *name, int dir, struct gc_steps *steps,
	    uint64_t *bytes)
{
	struct work w = { .remove = true, .steps = steps };
	int r = remove_top(&w, parent, name, dir);

	*bytes += w.bytes;
	return r;
}
