/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "wire/dial.h"

#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
open_parent(const char *path, size_t n)
{
	char *parent = strndup(path, n ? n : 1);
	int fd;

	if (!parent)
		return -ENOMEM;
	fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	free(parent);
	return fd;
}

int
dial_address(const char *path, struct sockaddr_un *sa, int *dir)
{
	struct sockaddr_un got = { .sun_family = AF_UNIX };
	const char *slash = strrchr(path, '/');
	size_t n = strlen(path);
	int fd = -1;

	if (n == 0)
		return -EINVAL;
	if (n < sizeof(got.sun_path)) {
		memcpy(got.sun_path, path, n);
	} else if (!slash) {
		return -ENAMETOOLONG;
	} else {
		fd = open_parent(path, (size_t)(slash - path));
		if (fd < 0)
			return fd;
		if (snprintf(got.sun_path, sizeof(got.sun_path),
			     "/proc/self/fd/%d%s", fd,
			     slash) >= (int)sizeof(got.sun_path)) {
			close(fd);
			return -ENAMETOOLONG;
		}
	}
	*sa = got;
	*dir = fd;
	return 0;
}

int
dial_peer(int fd, uid_t uid)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return -errno;
	return peer.uid == uid ? 0 : ERR_REFUSED;
}

/* What the errno of connect means to one who could do without. */
static int
connect_error(int e)
{
	switch (e) {
	case EAGAIN:
		return ERR_BUSY;
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		return ERR_MISS;
	default:
		return -e;
	}
}

int
dial_connect(const char *path, int *fd)
{
	struct sockaddr_un sa;
	int dir, sock, r;

	r = dial_address(path, &sa, &dir);
	if (r < 0)
		return connect_error(-r);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		r = -errno;
	else if (connect(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		r = connect_error(errno);
	else
		r = dial_peer(sock, geteuid());
	if (dir >= 0)
		close(dir);
	if (r == 0)
		*fd = sock;
	else if (sock >= 0)
		close(sock);
	return r;
}

int
dial_wait(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline - file_monotonic();
		int64_t ms = left > 0 ? (left + 999999) / 1000000 : 0;
		int r = poll(&p, 1, ms < INT_MAX ? (int)ms : INT_MAX);

		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0 && ms < INT_MAX)
			return ERR_TIMEOUT;
	}
}
