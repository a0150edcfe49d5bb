/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/dirfile.h"

#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, NAME_LEN = 320 };

/* O_NONBLOCK: a FIFO in the place of a pack must not hold us. */
static int
open_below(int root, const char *name, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | O_NONBLOCK),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* The same without openat2 (Linux before 5.6, or a filter): one component
 * after the other. */
static int
open_steps(int root, const char *name, int flags)
{
	int at = fcntl(root, F_DUPFD_CLOEXEC, 3), fd = -1;
	char part[NAME_LEN];

	while (at >= 0) {
		size_t n = strcspn(name, "/");
		bool last = name[n] == '\0';

		if (n == 0 || n >= sizeof(part)) {
			close(at);
			return -EINVAL;
		}
		memcpy(part, name, n);
		part[n] = '\0';
		fd = openat(at, part,
			    O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
				    (last ? flags : O_RDONLY | O_DIRECTORY));
		if (fd < 0)
			fd = -errno;
		close(at);
		if (last || fd < 0)
			return fd;
		at = fd;
		name += n + 1;
	}
	return -errno;
}

static int
open_safely(int root, const char *name, int flags)
{
	int fd = open_below(root, name, flags);

	return fd == -ENOSYS || fd == -EPERM ? open_steps(root, name, flags)
					     : fd;
}

int
dirfile_open(int root, const char *name, uint64_t max, uint64_t *size)
{
	int fd = open_safely(root, name, O_RDONLY);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return fd == -ENOENT ? ERR_MISS : fd;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = ERR_CORRUPT;
	else if ((uint64_t)st.st_size > max)
		r = ERR_TOOBIG;
	if (r < 0) {
		close(fd);
		return r;
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

/* Opens, and makes, the directory that NAME lies in. */
static int
open_parent(int root, const char *name)
{
	char part[NAME_LEN];
	const char *slash;
	int fd;

	if (strlen(name) >= sizeof(part))
		return -ENAMETOOLONG;
	for (slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(part, name, (size_t)(slash - name));
		part[slash - name] = '\0';
		if (mkdirat(root, part, 0777) < 0 && errno != EEXIST)
			return -errno;
	}
	slash = strrchr(name, '/');
	if (!slash) {
		fd = fcntl(root, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : fd;
	}
	memcpy(part, name, (size_t)(slash - name));
	part[slash - name] = '\0';
	return open_safely(root, part, O_RDONLY | O_DIRECTORY);
}

static int
copy_content(struct dirfile_put *p, int to)
{
	char *chunk = malloc(CHUNK);
	uint64_t done = 0;
	int r = chunk ? 0 : -ENOMEM;

	while (r == 0 && done < p->size) {
		size_t want = p->size - done < CHUNK ? p->size - done : CHUNK;
		ssize_t n = pread(p->fd, chunk, want, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			r = n < 0 ? -errno : -EIO;
		else if (!p->goes_on(p->ctx))
			r = -ECANCELED;
		else
			r = file_write_fd(to, chunk, (size_t)n);
		done += n > 0 ? (uint64_t)n : 0;
	}
	free(chunk);
	/* A torn pack could not be replaced: it exists. */
	if (r == 0 && fdatasync(to) < 0)
		r = -errno;
	return r;
}

static void
temp_name(char name[NAME_LEN])
{
	static atomic_uint count;
	char host[64] = "";

	gethostname(host, sizeof(host) - 1);
	snprintf(name, NAME_LEN, ".tmp-%s-%d-%u-%lld", host, (int)getpid(),
		 atomic_fetch_add(&count, 1), (long long)file_now());
}

/* By a name of our own, which every file system has. */
static int
write_named(struct dirfile_put *p, int dir, const char *leaf)
{
	char tmp[NAME_LEN];
	int fd, r;

	temp_name(tmp);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	r = copy_content(p, fd);
	close(fd);
	if (r == 0 && p->if_absent) {
		if (linkat(dir, tmp, dir, leaf, 0) < 0)
			r = -errno;
	} else if (r == 0 && renameat(dir, tmp, dir, leaf) < 0) {
		r = -errno;
	} else if (r == 0) {
		return 0;
	}
	unlinkat(dir, tmp, 0);
	return r;
}

/* Without a name until it is whole: a kill leaves nothing behind. */
static int
write_nameless(struct dirfile_put *p, int dir, const char *leaf)
{
	char self[64];
	int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	int r;

	if (fd < 0)
		return -errno;
	r = copy_content(p, fd);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (r == 0 && linkat(AT_FDCWD, self, dir, leaf, AT_SYMLINK_FOLLOW) < 0)
		r = -errno;
	close(fd);
	return r;
}

int
dirfile_write(struct dirfile_put *p)
{
	const char *slash = strrchr(p->name, '/');
	const char *leaf = slash ? slash + 1 : p->name;
	int dir = open_parent(p->root, p->name), r;

	p->existed = false;
	if (dir < 0)
		return dir;
	if (p->if_absent &&
	    faccessat(dir, leaf, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		r = -EEXIST;
	else
		r = p->if_absent ? write_nameless(p, dir, leaf)
				 : write_named(p, dir, leaf);
	if (p->if_absent && (r == -EOPNOTSUPP || r == -EISDIR || r == -EINVAL ||
			     r == -ENOENT || r == -EXDEV))
		r = write_named(p, dir, leaf);
	close(dir);
	if (r == -EEXIST && p->if_absent) {
		p->existed = true;
		r = 0;
	}
	return r;
}
