/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/on.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "observe/emit.h"
#include "observe/on_open.h"
#include "observe/rawsys.h"
#include "observe/realsym.h"
#include "observe/recorder.h"

extern __typeof__(fileno) fileno __attribute__((weak));

int __open_2(const char *name, int flags);
int __open64_2(const char *name, int flags);
int __openat_2(int dirfd, const char *name, int flags);
int __openat64_2(int dirfd, const char *name, int flags);
int __open(const char *name, int flags, ...);
int __open64(const char *name, int flags, ...);
FILE *_IO_fopen(const char *name, const char *mode);

void
on_failed(int dirfd, const char *name)
{
	int err = on_errno();

	if (!recorder_on() || !name)
		return;
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case EACCES:
	case EPERM:
	case ELOOP:
		/* The empty name is nowhere, whatever there is: it is not the
		 * current directory's. */
		if (name[0] != '\0')
			emit_path(OBS_ABSENT, (uint32_t)err, dirfd, name);
		break;
	case EEXIST:
	case EISDIR:
		emit_path(OBS_PRESENT, OBS_BY_OPEN, dirfd, name);
		break;
	}
}

static void
record_write(int dirfd, const char *name, int creates)
{
	struct emit e = { .type = OBS_WRITE, .n = 1 };

	e.flags = creates ? OBS_CREATES : 0;
	e.names[0].dirfd = dirfd;
	e.names[0].name = name;
	emit_once(&e);
}

/* The clock is read before fstat: a later write shows in one of the two. */
static void
record_read(int dirfd, const char *name, int flags, int fd)
{
	struct emit e = { .type = OBS_READ, .n = 1 };
	struct timespec now = { 0, 0 };
	struct obs_stat seen;
	struct stat st;

	/* libc's own: it needs no system call. */
	REAL(clock_gettime)(CLOCK_REALTIME_COARSE, &now);
	if (rawsys2(SYS_fstat, fd, (long)&st) != 0) {
		recorder_lost();
		return;
	}
	if ((flags & (O_ACCMODE | O_CREAT)) != O_RDONLY && st.st_size == 0)
		return;
	emit_stat(&seen, &st);
	e.value = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	e.names[0].dirfd = dirfd;
	e.names[0].name = name;
	e.st = &seen;
	if (flags & O_PATH || S_ISDIR(st.st_mode)) {
		e.type = OBS_PRESENT;
		e.aux = OBS_BY_OPEN;
	}
	emit_once(&e);
}

void
on_opened(int dirfd, const char *name, int flags, int fd)
{
	int mode = flags & O_ACCMODE;

	if (!recorder_on() || !name)
		return;
	if (fd < 0) {
		on_failed(dirfd, name);
		return;
	}
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return;
	if (flags & O_PATH) {
		record_read(dirfd, name, O_PATH, fd);
		return;
	}
	if (mode != O_RDONLY || flags & (O_CREAT | O_TRUNC))
		record_write(dirfd, name, flags & (O_TRUNC | O_EXCL));
	if (mode != O_WRONLY && !(flags & (O_TRUNC | O_EXCL)))
		record_read(dirfd, name, flags, fd);
}

#define WITH_MODE(flags, mode) \
	do { \
		if ((flags)&O_CREAT || ((flags)&O_TMPFILE) == O_TMPFILE) { \
			va_list args; \
			va_start(args, flags); \
			mode = va_arg(args, unsigned); \
			va_end(args); \
		} \
	} while (0)

#define ON_OPEN(fn) \
	EXPORT int fn(const char *name, int flags, ...) \
	{ \
		unsigned mode = 0; \
		int fd; \
		WITH_MODE(flags, mode); \
		fd = REAL(fn)(name, flags, mode); \
		on_opened(AT_FDCWD, name, flags, fd); \
		return fd; \
	}

ON_OPEN(open)
ON_OPEN(open64)
ON_OPEN(__open)
ON_OPEN(__open64)

#define ON_OPENAT(fn) \
	EXPORT int fn(int dirfd, const char *name, int flags, ...) \
	{ \
		unsigned mode = 0; \
		int fd; \
		WITH_MODE(flags, mode); \
		fd = REAL(fn)(dirfd, name, flags, mode); \
		on_opened(dirfd, name, flags, fd); \
		return fd; \
	}

ON_OPENAT(openat)
ON_OPENAT(openat64)

#define ON_OPEN_2(fn) \
	EXPORT int fn(const char *name, int flags) \
	{ \
		int fd = REAL(fn)(name, flags); \
		on_opened(AT_FDCWD, name, flags, fd); \
		return fd; \
	}

ON_OPEN_2(__open_2)
ON_OPEN_2(__open64_2)

#define ON_OPENAT_2(fn) \
	EXPORT int fn(int dirfd, const char *name, int flags) \
	{ \
		int fd = REAL(fn)(dirfd, name, flags); \
		on_opened(dirfd, name, flags, fd); \
		return fd; \
	}

ON_OPENAT_2(__openat_2)
ON_OPENAT_2(__openat64_2)

#define ON_CREAT(fn) \
	EXPORT int fn(const char *name, mode_t mode) \
	{ \
		int fd = REAL(fn)(name, mode); \
		on_opened(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, fd); \
		return fd; \
	}

ON_CREAT(creat)
ON_CREAT(creat64)

/* What open flags a mode of fopen stands for. */
static int
mode_flags(const char *mode)
{
	int flags = mode[0] == 'r'   ? O_RDONLY
		    : mode[0] == 'w' ? O_WRONLY | O_CREAT | O_TRUNC
				     : O_WRONLY | O_CREAT | O_APPEND;

	for (mode++; *mode != '\0' && *mode != ','; mode++) {
		if (*mode == '+')
			flags = (flags & ~O_ACCMODE) | O_RDWR;
		if (*mode == 'x')
			flags |= O_EXCL;
	}
	return flags;
}

static void
stream_opened(const char *name, const char *mode, FILE *f)
{
	if (!name || (f && !fileno))
		return;
	on_opened(AT_FDCWD, name, f ? mode_flags(mode) : 0, f ? fileno(f) : -1);
}

#define ON_FOPEN(fn) \
	EXPORT FILE *fn(const char *restrict name, const char *restrict mode) \
	{ \
		FILE *f = REAL(fn)(name, mode); \
		stream_opened(name, mode, f); \
		return f; \
	}

ON_FOPEN(fopen)
ON_FOPEN(fopen64)
ON_FOPEN(_IO_fopen)

#define ON_FREOPEN(fn) \
	EXPORT FILE *fn(const char *restrict name, const char *restrict mode, \
			FILE *restrict old) \
	{ \
		FILE *f = REAL(fn)(name, mode, old); \
		stream_opened(name, mode, f); \
		return f; \
	}

ON_FREOPEN(freopen)
ON_FREOPEN(freopen64)

EXPORT DIR *
opendir(const char *name)
{
	DIR *d = REAL(opendir)(name);

	if (d)
		emit_path(OBS_LIST, 0, AT_FDCWD, name);
	else
		on_failed(AT_FDCWD, name);
	return d;
}

EXPORT DIR *
fdopendir(int fd)
{
	DIR *d = REAL(fdopendir)(fd);

	if (d)
		emit_path(OBS_LIST, 0, fd, NULL);
	return d;
}

EXPORT ssize_t
getdents64(int fd, void *buf, size_t size)
{
	ssize_t n = REAL(getdents64)(fd, buf, size);

	if (n >= 0)
		emit_path(OBS_LIST, 0, fd, NULL);
	return n;
}

static void
listed(int dirfd, const char *name, int n)
{
	if (n >= 0)
		emit_path(OBS_LIST, 0, dirfd, name);
	else
		on_failed(dirfd, name);
}

#define ON_SCANDIR(fn, entry) \
	EXPORT int fn( \
		const char *restrict name, struct entry ***restrict list, \
		int (*keep)(const struct entry *), \
		int (*order)(const struct entry **, const struct entry **)) \
	{ \
		int n = REAL(fn)(name, list, keep, order); \
		listed(AT_FDCWD, name, n); \
		return n; \
	}

ON_SCANDIR(scandir, dirent)
ON_SCANDIR(scandir64, dirent64)

#define ON_SCANDIRAT(fn, entry) \
	EXPORT int fn( \
		int dirfd, const char *restrict name, \
		struct entry ***restrict list, \
		int (*keep)(const struct entry *), \
		int (*order)(const struct entry **, const struct entry **)) \
	{ \
		int n = REAL(fn)(dirfd, name, list, keep, order); \
		listed(dirfd, name, n); \
		return n; \
	}

ON_SCANDIRAT(scandirat, dirent)
ON_SCANDIRAT(scandirat64, dirent64)

static void
made(const char *name, int fd)
{
	if (fd >= 0)
		record_write(AT_FDCWD, name, 1);
}

#define ON_MKSTEMP(fn, params, args) \
	EXPORT int fn params \
	{ \
		int fd = REAL(fn) args; \
		made(name, fd); \
		return fd; \
	}

ON_MKSTEMP(mkstemp, (char *name), (name))
ON_MKSTEMP(mkstemp64, (char *name), (name))
ON_MKSTEMP(mkostemp, (char *name, int flags), (name, flags))
ON_MKSTEMP(mkostemp64, (char *name, int flags), (name, flags))
ON_MKSTEMP(mkstemps, (char *name, int tail), (name, tail))
ON_MKSTEMP(mkstemps64, (char *name, int tail), (name, tail))
ON_MKSTEMP(mkostemps, (char *name, int tail, int flags), (name, tail, flags))
ON_MKSTEMP(mkostemps64, (char *name, int tail, int flags), (name, tail, flags))
