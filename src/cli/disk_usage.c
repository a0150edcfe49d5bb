/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/disk_usage.h"

#include "store/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct count {
	int store;
	uint64_t *files;
	uint64_t *bytes;
};

static int
count_file(void *ctx, const struct store_file *f)
{
	struct count *c = ctx;
	struct stat st;

	if (f->digest &&
	    fstatat(c->store, f->path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode)) {
		++*c->files;
		*c->bytes += (uint64_t)st.st_size;
	}
	return 0;
}

static void
count_files(int store, const char *kind, uint64_t *files, uint64_t *bytes)
{
	struct count c = { store, files, bytes };

	store_walk(store, kind, count_file, &c);
}

int
disk_usage(const char *dir, struct disk_usage *u)
{
	struct disk_usage sum = { 0 };
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	count_files(fd, "manifests", &sum.manifests, &sum.bytes);
	count_files(fd, "entries", &sum.entries, &sum.bytes);
	count_files(fd, "blobs", &sum.blobs, &sum.bytes);
	close(fd);
	*u = sum;
	return 0;
}
