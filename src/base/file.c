/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/file.h"

#include "base/buf.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* linux/fs.h does not mix with musl's headers; the number is ABI. */
enum { FILE_FICLONE = 0x40049409 };

#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

int64_t
file_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

void
file_id_of(const struct stat *st, struct file_id *id)
{
	memset(id, 0, sizeof(*id));
	id->dev = st->st_dev;
	id->ino = st->st_ino;
	id->size = (uint64_t)st->st_size;
	id->mtime = file_ns(&st->st_mtim);
	id->ctime = file_ns(&st->st_ctim);
	id->mode = st->st_mode;
}

int
file_id_at(int dirfd, const char *path, struct file_id *id)
{
	struct stat st;

	if (fstatat(dirfd, path, &st, 0) < 0)
		return -errno;
	file_id_of(&st, id);
	return 0;
}

bool
file_id_same(const struct file_id *a, const struct file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime == b->mtime;
}

int
file_open_unseen(int dirfd, const char *name)
{
	enum {
		FLAGS = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
			O_NOCTTY
	};
	int fd = openat(dirfd, name, FLAGS | O_NOATIME);

	/* Of others' files the time moves. */
	if (fd < 0 && errno == EPERM)
		fd = openat(dirfd, name, FLAGS);
	return fd < 0 ? -errno : fd;
}

int
file_read_unseen(int dirfd, const char *name, size_t max, struct buf *out,
		 struct stat *st)
{
	int fd = file_open_unseen(dirfd, name), r;

	if (fd < 0)
		return fd;
	if (fstat(fd, st) < 0)
		r = -errno;
	else
		r = S_ISREG(st->st_mode) ? file_read_fd(fd, max, out)
					 : ERR_CORRUPT;
	close(fd);
	return r;
}

int
file_read_fd(int fd, size_t max, struct buf *out)
{
	size_t start = out->len;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > 0 && (uint64_t)st.st_size > max)
		return ERR_TOOBIG;
	for (;;) {
		size_t want = out->len - start < (size_t)st.st_size
				      ? (size_t)st.st_size - (out->len - start)
				      : 4096;
		char *to = buf_room(out, want);
		ssize_t n;

		if (!to)
			return -ENOMEM;
		n = read(fd, to, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		out->len += (size_t)n;
		out->p[out->len] = '\0';
		if (n == 0)
			return 0;
		if (out->len - start > max)
			return ERR_TOOBIG;
		if (st.st_size > 0 && out->len - start == (size_t)st.st_size)
			return 0;
	}
}

int
file_read(int dirfd, const char *path, size_t max, struct buf *out)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = openat(dirfd, path, flags), r;
	struct stat st;

	if (fd < 0)
		return -errno;
	/* A FIFO or a device in a file's place must not stop a build. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		r = ERR_CORRUPT;
	else
		r = file_read_fd(fd, max, out);
	close(fd);
	return r;
}

/* Standard output may be a pipe that somebody made non-blocking. */
static bool
has_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

int
file_write_fd(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t w = write(fd, at, n);

		if (w < 0 &&
		    (errno == EINTR || (errno == EAGAIN && has_room(fd))))
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

int
file_open_own(int dirfd, const char *name, int flags)
{
	int fd;

	flags |= O_CLOEXEC | O_NOFOLLOW;
	fd = openat(dirfd, name, flags);
	if (fd < 0 && errno == ENOENT) {
		fd = openat(dirfd, name, flags | O_CREAT, 0600);
		if (fd >= 0)
			(void)!fchmod(fd, 0600);
	}
	return fd < 0 ? -errno : fd;
}

/* The build's umask may be one for files that nobody is to read. */
static int
make_own_dir(int dirfd, const char *dir)
{
	if (mkdirat(dirfd, dir, 0700) == 0)
		return fchmodat(dirfd, dir, 0700, 0) < 0 ? -errno : 0;
	return errno == EEXIST ? 0 : -errno;
}

static int
make_parent(int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[4096];
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (n == 0 || n >= sizeof(dir))
		return -ENOENT;
	memcpy(dir, path, n);
	dir[n] = '\0';
	return make_own_dir(dirfd, dir);
}

int
file_rename(int dirfd, const char *from, const char *to)
{
	if (renameat(dirfd, from, dirfd, to) == 0)
		return 0;
	if (errno != ENOENT || make_parent(dirfd, to) < 0)
		return -errno;
	return renameat(dirfd, from, dirfd, to) < 0 ? -errno : 0;
}

int
file_link(int fromfd, const char *from, int tofd, const char *to)
{
	if (linkat(fromfd, from, tofd, to, 0) == 0)
		return 0;
	if (errno != ENOENT || make_parent(tofd, to) < 0)
		return -errno;
	return linkat(fromfd, from, tofd, to, 0) < 0 ? -errno : 0;
}

int
file_publish(int dirfd, const char *tmp, const char *to, const void *p,
	     size_t n)
{
	int fd = openat(dirfd, tmp,
			O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			0600);
	int r;

	if (fd < 0)
		return -errno;
	r = fchmod(fd, 0600) < 0 && errno != EPERM ? -errno : 0;
	r = r ? r : file_write_fd(fd, p, n);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		r = file_rename(dirfd, tmp, to);
	if (r < 0)
		unlinkat(dirfd, tmp, 0);
	return r;
}

static int
copy_by_hand(int in, int out)
{
	static _Thread_local char chunk[128 * 1024];

	for (;;) {
		ssize_t n = read(in, chunk, sizeof(chunk));
		int r;

		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		r = file_write_fd(out, chunk, (size_t)n);
		if (r < 0)
			return r;
	}
}

int
file_copy_fd(int in, int out, bool *cloned)
{
	if (cloned)
		*cloned = false;
	if (ioctl(out, FILE_FICLONE, in) == 0) {
		if (cloned)
			*cloned = true;
		return 0;
	}
	for (;;) {
		ssize_t n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0);

		if (n == 0)
			return 0;
		if (n < 0 &&
		    (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
		     errno == EOPNOTSUPP || errno == EPERM || errno == ETXTBSY))
			return copy_by_hand(in, out);
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

int
file_mkdirs(const char *path, mode_t mode)
{
	char part[4096];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, n + 1);
	if (mkdir(part, mode) == 0 || errno == EEXIST)
		return 0;
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -errno;
		part[i] = path[i];
	}
	return 0;
}

static int
lock_once(int fd, uint64_t off, short type)
{
	struct flock fl = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)(off & 0x3fffffffffffffff),
		.l_len = 1,
	};

	while (fcntl(fd, F_OFD_SETLK, &fl) < 0) {
		if (errno == EINTR)
			continue;
		return errno == EACCES ? -EAGAIN : -errno;
	}
	return 0;
}

int
file_lock(int fd, uint64_t off, bool exclusive, int timeout_ms)
{
	int64_t end = file_monotonic() + (int64_t)timeout_ms * 1000000;
	long pause_us = 500;

	/* Polled with a growing pause: a blocking wait cannot be bounded
	 * without signals, which belong to the build. */
	for (;;) {
		int r = lock_once(fd, off, exclusive ? F_WRLCK : F_RDLCK);
		struct timespec t;

		if (r != -EAGAIN)
			return r;
		if (timeout_ms >= 0 && file_monotonic() >= end)
			return ERR_TIMEOUT;
		t = (struct timespec){ 0, pause_us * 1000 };
		nanosleep(&t, NULL);
		if (pause_us < 20000)
			pause_us *= 2;
	}
}

int
file_unlock(int fd, uint64_t off)
{
	return lock_once(fd, off, F_UNLCK);
}

bool
file_is_locked(int fd, uint64_t off)
{
	struct flock fl = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)(off & 0x3fffffffffffffff),
		.l_len = 1,
	};

	return fcntl(fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
}

static int64_t
clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return file_ns(&t);
}

int64_t
file_now(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t
file_now_coarse(void)
{
	return clock_ns(CLOCK_REALTIME_COARSE);
}

int64_t
file_monotonic(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}
