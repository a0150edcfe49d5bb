/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/daemon_backoff.h"

#include "base/buf.h"
#include "base/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_S = 30, LAST_S = 600, MARK_MAX = 64 };

/* What the file says. */
struct mark {
	int64_t until_ms; /* wall clock: it is for all boots */
	int64_t step_s;
};

static int64_t
now_ms(void)
{
	return file_now() / 1000000;
}

/* False: no mark that makes sense.  A clock that was set back must not keep
 * the daemon down for longer than a step. */
static bool
read_mark(int fd, struct mark *m)
{
	char text[MARK_MAX];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	if (sscanf(text, "%" SCNd64 " %" SCNd64, &m->until_ms, &m->step_s) != 2)
		return false;
	return m->step_s >= FIRST_S && m->step_s <= LAST_S &&
	       m->until_ms <= now_ms() + m->step_s * 1000;
}

static void
write_mark(int fd, int64_t step)
{
	char text[MARK_MAX];
	int n = snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 "\n",
			 now_ms() + step * 1000, step);

	if (pwrite(fd, text, (size_t)n, 0) == n && ftruncate(fd, n) == 0)
		return;
	/* Half a mark is none. */
	if (ftruncate(fd, 0) < 0)
		return;
}

static int
open_mark(const char *path, int flags)
{
	int fd =
		open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags,
		     0600);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The file may have been removed by a probe between open and lock. */
static bool
is_there(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(path, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

enum daemon_backoff_state
daemon_backoff_look(struct daemon_backoff *d, const char *cache_dir)
{
	struct mark m;

	d->fd = -1;
	if (snprintf(d->path, sizeof(d->path), "%s/daemon.down", cache_dir) >=
	    (int)sizeof(d->path)) {
		d->path[0] = '\0';
		return DAEMON_BACKOFF_NO;
	}
	d->fd = open_mark(d->path, 0);
	if (d->fd < 0)
		return DAEMON_BACKOFF_NO;
	if ((!read_mark(d->fd, &m) || m.until_ms <= now_ms()) &&
	    file_lock(d->fd, 0, true, 0) == 0 && is_there(d->fd, d->path) &&
	    /* It may have been probed and marked again meanwhile. */
	    (!read_mark(d->fd, &m) || m.until_ms <= now_ms()))
		return DAEMON_BACKOFF_PROBE;
	close(d->fd);
	d->fd = -1;
	return DAEMON_BACKOFF_YES;
}

void
daemon_backoff_mark(struct daemon_backoff *d)
{
	struct mark m;
	int64_t step = FIRST_S;
	bool probed = d->fd >= 0;

	if (!d->path[0])
		return;
	if (!probed)
		d->fd = open_mark(d->path, O_CREAT);
	if (d->fd >= 0 && (probed || file_lock(d->fd, 0, true, 0) == 0)) {
		if (!read_mark(d->fd, &m))
			m = (struct mark){ 0, 0 };
		if (probed && m.step_s)
			step = m.step_s * 2 < LAST_S ? m.step_s * 2 : LAST_S;
		if (m.until_ms <= now_ms())
			write_mark(d->fd, step);
	}
	daemon_backoff_end(d, 0);
}

void
daemon_backoff_end(struct daemon_backoff *d, int answered)
{
	if (d->fd < 0)
		return;
	if (answered)
		unlink(d->path);
	close(d->fd);
	d->fd = -1;
}
