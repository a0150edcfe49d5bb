/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/tail.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 65536, LOOK_MS = 250 };

/* Where the last LINES lines begin. */
static off_t
find_start(int fd, off_t size, int lines)
{
	char block[BLOCK];
	off_t at = size;

	while (at > 0) {
		size_t n = at < BLOCK ? (size_t)at : BLOCK;
		ssize_t got = pread(fd, block, n, at - (off_t)n);

		if (got != (ssize_t)n)
			return 0;
		while (n > 0) {
			n--;
			at--;
			/* The last line's own end is not counted. */
			if (block[n] == '\n' && at + 1 < size && lines-- == 1)
				return at + 1;
		}
	}
	return 0;
}

/* Copies what is there from *AT.  0 or -errno. */
static int
copy_rest(int fd, off_t *at)
{
	char block[BLOCK];
	ssize_t n;
	int r = 0;

	for (;;) {
		n = pread(fd, block, sizeof(block), *at);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = file_write_fd(1, block, (size_t)n);
		if (r < 0)
			return r;
		*at += n;
	}
}

/* True if PATH is another file than FD by now, or one that was cut. */
static bool
has_moved(int fd, const char *path, off_t at)
{
	struct stat a, b;

	if (fstat(fd, &a) < 0 || stat(path, &b) < 0)
		return false;
	return a.st_ino != b.st_ino || a.st_dev != b.st_dev || b.st_size < at;
}

/* Nobody reads any more: a pipe says so without being written to. */
static bool
is_read(void)
{
	struct pollfd p = { .fd = 1 };

	poll(&p, 1, LOOK_MS);
	if (!(p.revents & (POLLERR | POLLHUP)))
		return true;
	return false;
}

int
tail_show(const char *path, int lines, int follow)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;
	off_t at, size;

	if (fd < 0)
		return -errno;
	size = lseek(fd, 0, SEEK_END);
	at = lines ? find_start(fd, size, lines) : size;
	r = copy_rest(fd, &at);
	while (r == 0 && follow && is_read()) {
		if (has_moved(fd, path, at)) {
			int next =
				open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

			if (next >= 0) {
				close(fd);
				fd = next;
				at = 0;
			}
		}
		r = copy_rest(fd, &at);
	}
	close(fd);
	return r;
}
