/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/on.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "observe/emit.h"
#include "observe/obs.h"
#include "observe/on_syscall.h"
#include "observe/rawsys.h"
#include "observe/realsym.h"
#include "observe/recorder.h"

char *__secure_getenv(const char *name);
int __connect(int fd, const struct sockaddr *to, socklen_t size);

static void
asked(const char *name, const char *value)
{
	struct emit e = { .type = OBS_GETENV, .n = 1 };

	if (!recorder_on())
		return;
	e.flags = value ? OBS_IS_SET : 0;
	e.names[0].dirfd = EMIT_PLAIN;
	e.names[0].name = name;
	emit_once(&e);
}

/* The observation begins first: it takes our variables away. */
#define ON_GETENV(fn) \
	EXPORT char *fn(const char *name) \
	{ \
		char *value; \
		recorder_on(); \
		value = REAL(fn)(name); \
		asked(name, value); \
		return value; \
	}

ON_GETENV(getenv)
ON_GETENV(secure_getenv)
ON_GETENV(__secure_getenv)

extern char **__environ __attribute__((weak));

void
on_call_getenv(const char *name)
{
	size_t n = rawsys_strlen(name);
	char **e = &__environ ? __environ : NULL;

	for (; e && *e; e++)
		if (rawsys_starts(*e, name) && (*e)[n] == '=') {
			asked(name, *e);
			return;
		}
	asked(name, NULL);
}

static void
networked(int family)
{
	struct emit e = { .type = OBS_SOCKET, .aux = (uint32_t)family };

	emit_once(&e);
}

EXPORT int
socket(int family, int type, int protocol)
{
	networked(family);
	return REAL(socket)(family, type, protocol);
}

/* A local address names its peer. */
static void
connected(const struct sockaddr *to, socklen_t size)
{
	struct emit e = { .type = OBS_SOCKET, .flags = OBS_CONNECTS };
	const struct sockaddr_un *local = (const struct sockaddr_un *)to;
	char name[sizeof(local->sun_path) + 2] = "";
	size_t n = 0;

	e.aux = to->sa_family;
	if (to->sa_family == AF_UNIX &&
	    size > offsetof(struct sockaddr_un, sun_path)) {
		n = size - offsetof(struct sockaddr_un, sun_path);
		if (n > sizeof(local->sun_path))
			n = sizeof(local->sun_path);
		*rawsys_put(name, local->sun_path, n) = '\0';
		if (name[0] == '\0')
			name[0] = '@';
		e.n = 1;
		e.names[0].dirfd = name[0] == '@' ? EMIT_PLAIN : AT_FDCWD;
		e.names[0].name = name;
	}
	emit_once(&e);
}

/* The socket may be an inherited one. */
#define ON_CONNECT(fn) \
	EXPORT int fn(int fd, const struct sockaddr *to, socklen_t size) \
	{ \
		int rc = REAL(fn)(fd, to, size); \
		if (to && size >= sizeof(to->sa_family) && \
		    (rc == 0 || on_errno() != EFAULT)) \
			connected(to, size); \
		return rc; \
	}

ON_CONNECT(connect)
ON_CONNECT(__connect)
