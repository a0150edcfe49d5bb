/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/listen.h"

#include "base/err.h"
#include "base/file.h"
#include "wire/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_FD = 3, LOCK_RUN = 0 };

/* What an exec of ourselves hands over, besides the socket's kind. */
#define OURS "socket:lock"
#define OURS_ACTIVATED "activated:lock"

/* How many descriptors are meant for us, and whether the second is the lock.
 * All others are somebody else's and are closed: a build waits for the ends
 * of its pipes. */
static int
count_inherited(struct listen *l)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	int count = 0;

	if (pid && n && strtol(pid, NULL, 10) == (long)getpid())
		count = (int)strtol(n, NULL, 10);
	if (count < 0 || count > 16)
		count = 0;
	l->activated = count == 1 || (names && !strcmp(names, OURS_ACTIVATED));
	if (count >= 2 &&
	    (!names || (strcmp(names, OURS) && strcmp(names, OURS_ACTIVATED))))
		count = 1;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	close_range((unsigned)(FIRST_FD + count), ~0U, 0);
	return count;
}

static int
is_listening(int fd)
{
	int on = 0;
	socklen_t n = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on;
}

static int
adopt(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static int
take_lock(struct listen *l, const char *dir)
{
	char path[4200];
	int r, fd;

	if (snprintf(path, sizeof(path), "%s/daemon.lock", dir) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = file_lock(fd, LOCK_RUN, true, 0);
	if (r < 0) {
		close(fd);
		return r == ERR_TIMEOUT ? ERR_BUSY : r;
	}
	l->lock = fd;
	return 0;
}

/* With the lock held, a socket in our place is a dead daemon's. */
static int
clear_place(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return -EPERM;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int
make_parent(const char *path)
{
	char dir[4200];
	char *slash;

	if (snprintf(dir, sizeof(dir), "%s", path) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return file_mkdirs(dir, 0700);
}

/* Others can connect from the moment of bind: the mode must be right then. */
static int
bind_private(int fd, const char *path)
{
	struct sockaddr_un sa;
	mode_t old;
	int dir, r = dial_address(path, &sa, &dir);

	if (r < 0)
		return r;
	old = umask(0177);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		r = -errno;
	umask(old);
	if (dir >= 0)
		close(dir);
	if (r == 0 && listen(fd, SOMAXCONN) < 0)
		r = -errno;
	return r;
}

static int
make_socket(struct listen *l, const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 ? -errno : 0;

	r = r ? r : make_parent(path);
	r = r ? r : clear_place(path);
	r = r ? r : bind_private(fd, path);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	l->fd = fd;
	return 0;
}

/* Both lie where an exec hands them over, so that it moves nothing. */
static int
place(struct listen *l)
{
	int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 16);
	int lock = fcntl(l->lock, F_DUPFD_CLOEXEC, 16);
	int r = fd < 0 || lock < 0 ? -errno : 0;

	if (r == 0 && (dup3(fd, FIRST_FD, O_CLOEXEC) < 0 ||
		       dup3(lock, FIRST_FD + 1, O_CLOEXEC) < 0))
		r = -errno;
	if (fd >= 0)
		close(fd);
	if (lock >= 0)
		close(lock);
	if (r == 0) {
		l->fd = FIRST_FD;
		l->lock = FIRST_FD + 1;
	}
	return r;
}

int
listen_open(struct listen *l, const char *dir, const char *path)
{
	int n, r = 0;

	*l = (struct listen){ .fd = -1, .lock = -1 };
	n = count_inherited(l);
	if (n >= 2)
		l->lock = FIRST_FD + 1;
	else
		r = take_lock(l, dir);
	if (r == 0 && n >= 1 && is_listening(FIRST_FD)) {
		l->fd = FIRST_FD;
		r = adopt(l->fd);
	} else if (r == 0) {
		l->activated = 0;
		r = make_socket(l, path);
	}
	r = r ? r : place(l);
	if (r < 0)
		listen_close(l, NULL);
	return r;
}

void
listen_close(struct listen *l, const char *path)
{
	if (path && !l->activated)
		unlink(path);
	if (l->fd >= 0)
		close(l->fd);
	if (l->lock >= 0)
		close(l->lock);
	l->fd = l->lock = -1;
}

int
listen_lost(const struct listen *l, const char *dir)
{
	char path[4200];
	struct stat ours, there;

	snprintf(path, sizeof(path), "%s/daemon.lock", dir);
	return fstat(l->lock, &ours) < 0 || stat(path, &there) < 0 ||
	       ours.st_dev != there.st_dev || ours.st_ino != there.st_ino;
}

static void
keep_over_exec(struct listen *l, int keep)
{
	fcntl(l->fd, F_SETFD, keep ? 0 : FD_CLOEXEC);
	fcntl(l->lock, F_SETFD, keep ? 0 : FD_CLOEXEC);
}

int
listen_exec(struct listen *l, const char *program, char *const *argv)
{
	char pid[24];
	int r;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", l->activated ? OURS_ACTIVATED : OURS, 1);
	keep_over_exec(l, 1);
	execv(program, argv);
	r = -errno;
	keep_over_exec(l, 0);
	return r;
}
