/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/exec_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
exec_dir_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int
is_same(const char *a, const char *b)
{
	struct stat x, y;

	return lstat(a, &x) == 0 && lstat(b, &y) == 0 && S_ISREG(y.st_mode) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* D/.kache-B for D/B/FILE.  Its length, or 0. */
static size_t
name_dir(const char *real, char *dir, size_t room)
{
	const char *end = strrchr(real, '/'), *b = end;
	int n;

	while (b && b > real && b[-1] != '/')
		b--;
	if (!end || b == real || b == end)
		return 0;
	n = snprintf(dir, room, "%.*s.kache-%.*s", (int)(b - real), real,
		     (int)(end - b), b);
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

/* By a name of our own: whoever executes OUT meanwhile finds one of the two.
 * A rename among names of one file does nothing, and leaves both. */
static int
make(const char *real, const char *dir, const char *out)
{
	char tmp[8400];

	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return -errno;
	snprintf(tmp, sizeof(tmp), "%s/.%ld", dir, (long)getpid());
	unlink(tmp);
	if (link(real, tmp) < 0)
		return -errno;
	if (rename(tmp, out) < 0) {
		int r = -errno;

		unlink(tmp);
		return r;
	}
	unlink(tmp);
	return 0;
}

void
exec_dir_program(const char *real, const char *name, char *out, size_t room)
{
	char dir[8300];
	size_t n = name_dir(real, dir, sizeof(dir));

	if (n && name[0] && !strchr(name, '/') &&
	    snprintf(out, room, "%s/%s", dir, name) < (int)room &&
	    (is_same(real, out) || make(real, dir, out) == 0))
		return;
	snprintf(out, room, "%s", real);
}
