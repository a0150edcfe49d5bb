/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/disk_usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens the directory NAME below FD; takes nothing, gives a DIR or NULL. */
static DIR *
open_below(int fd, const char *name)
{
	int sub = openat(fd, name,
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = sub >= 0 ? fdopendir(sub) : NULL;

	if (sub >= 0 && !d)
		close(sub);
	return d;
}

static void
count_files(DIR *d, uint64_t *files, uint64_t *bytes)
{
	struct dirent *e;
	struct stat st;

	for (e = readdir(d); e; e = readdir(d)) {
		if (e->d_name[0] == '.')
			continue;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISREG(st.st_mode))
			continue;
		*files += 1;
		*bytes += (uint64_t)st.st_size;
	}
}

/* The two levels NAME/ab/<file>. */
static void
count_tree(int fd, const char *name, uint64_t *files, uint64_t *bytes)
{
	DIR *top = open_below(fd, name);
	struct dirent *e;
	DIR *d;

	if (!top)
		return;
	for (e = readdir(top); e; e = readdir(top)) {
		if (e->d_name[0] == '.')
			continue;
		d = open_below(dirfd(top), e->d_name);
		if (!d)
			continue;
		count_files(d, files, bytes);
		closedir(d);
	}
	closedir(top);
}

int
disk_usage(const char *dir, struct disk_usage *u)
{
	struct disk_usage sum = { 0 };
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	count_tree(fd, "manifests", &sum.manifests, &sum.bytes);
	count_tree(fd, "entries", &sum.entries, &sum.bytes);
	count_tree(fd, "blobs", &sum.blobs, &sum.bytes);
	close(fd);
	*u = sum;
	return 0;
}
