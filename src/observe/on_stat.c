/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/on.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "observe/emit.h"
#include "observe/note.h"
#include "observe/on_stat.h"
#include "observe/rawsys.h"
#include "observe/realsym.h"
#include "observe/recorder.h"

#define TARGET_MAX 4096

int __statfs(const char *name, struct statfs *st);
int __xstat(int version, const char *name, struct stat *st);
int __xstat64(int version, const char *name, struct stat64 *st);
int __lxstat(int version, const char *name, struct stat *st);
int __lxstat64(int version, const char *name, struct stat64 *st);
int __fxstatat(int version, int dirfd, const char *name, struct stat *st,
	       int flags);
int __fxstatat64(int version, int dirfd, const char *name, struct stat64 *st,
		 int flags);
ssize_t __readlink_chk(const char *name, char *buf, size_t size, size_t room);
ssize_t __readlinkat_chk(int dirfd, const char *name, char *buf, size_t size,
			 size_t room);
char *__realpath_chk(const char *name, char *buf, size_t room);

static void
record_flagged(int how, unsigned flags, int dirfd, const char *name,
	       const struct stat *st, const char *target)
{
	struct emit e = { .type = OBS_PRESENT,
			  .flags = (uint16_t)flags,
			  .aux = (uint32_t)how };
	struct obs_stat seen = { .mode = 0 };

	if (st)
		emit_stat(&seen, st);
	e.names[0].dirfd = dirfd;
	e.names[0].name = name;
	e.names[1].dirfd = EMIT_PLAIN;
	e.names[1].name = target;
	e.n = target ? 2 : 1;
	e.st = &seen;
	emit_once(&e);
}

static void
record_present(int how, int dirfd, const char *name, const struct stat *st,
	       const char *target)
{
	record_flagged(how, 0, dirfd, name, st, target);
}

/* Apart, for its large frame. */
__attribute__((noinline)) static void
record_link(int how, int dirfd, const char *name, const struct stat *st)
{
	char target[TARGET_MAX];
	long n;

	n = rawsys4(SYS_readlinkat, dirfd, (long)name, (long)target,
		    sizeof(target) - 1);
	if (n < 0 || n >= TARGET_MAX - 1) {
		recorder_lost();
		return;
	}
	target[n] = '\0';
	record_present(how, dirfd, name, st, target);
}

void
on_tested(int how, int dirfd, const char *name, int rc, const struct stat *st)
{
	if (!recorder_on() || !name)
		return;
	if (rc < 0)
		on_failed(dirfd, name);
	else if (name[0] == '\0')
		return;
	else if (how == OBS_BY_LSTAT && st && S_ISLNK(st->st_mode))
		record_link(how, dirfd, name, st);
	else
		record_present(how, dirfd, name, st, NULL);
}

#define ON_STAT(fn, type, how) \
	EXPORT int fn(const char *restrict name, struct type *restrict st) \
	{ \
		int rc = REAL(fn)(name, st); \
		on_tested(how, AT_FDCWD, name, rc, (struct stat *)st); \
		return rc; \
	}

ON_STAT(stat, stat, OBS_BY_STAT)
ON_STAT(stat64, stat64, OBS_BY_STAT)
ON_STAT(lstat, stat, OBS_BY_LSTAT)
ON_STAT(lstat64, stat64, OBS_BY_LSTAT)

#define HOW(flags) ((flags)&AT_SYMLINK_NOFOLLOW ? OBS_BY_LSTAT : OBS_BY_STAT)

#define ON_FSTATAT(fn, type) \
	EXPORT int fn(int dirfd, const char *restrict name, \
		      struct type *restrict st, int flags) \
	{ \
		int rc = REAL(fn)(dirfd, name, st, flags); \
		on_tested(HOW(flags), dirfd, name, rc, (struct stat *)st); \
		return rc; \
	}

ON_FSTATAT(fstatat, stat)
ON_FSTATAT(fstatat64, stat64)

#define ON_XSTAT(fn, type, how) \
	EXPORT int fn(int version, const char *name, struct type *st) \
	{ \
		int rc = REAL(fn)(version, name, st); \
		on_tested(how, AT_FDCWD, name, rc, (struct stat *)st); \
		return rc; \
	}

ON_XSTAT(__xstat, stat, OBS_BY_STAT)
ON_XSTAT(__xstat64, stat64, OBS_BY_STAT)
ON_XSTAT(__lxstat, stat, OBS_BY_LSTAT)
ON_XSTAT(__lxstat64, stat64, OBS_BY_LSTAT)

#define ON_FXSTATAT(fn, type) \
	EXPORT int fn(int version, int dirfd, const char *name, \
		      struct type *st, int flags) \
	{ \
		int rc = REAL(fn)(version, dirfd, name, st, flags); \
		on_tested(HOW(flags), dirfd, name, rc, (struct stat *)st); \
		return rc; \
	}

ON_FXSTATAT(__fxstatat, stat)
ON_FXSTATAT(__fxstatat64, stat64)

/* A caller may have asked for few fields; what is missing stays 0. */
void
on_statx(int dirfd, const char *name, int flags, unsigned mask, int rc,
	 const struct statx *x)
{
	struct stat st = { .st_mode = 0 };

	unsigned times = STATX_MTIME | STATX_ATIME | STATX_CTIME | STATX_BTIME;

	if (rc == 0) {
		st.st_dev = makedev(x->stx_dev_major, x->stx_dev_minor);
		st.st_ino = x->stx_mask & STATX_INO ? x->stx_ino : 0;
		st.st_mode = x->stx_mask & STATX_TYPE ? x->stx_mode : 0;
		st.st_size = (off_t)x->stx_size;
		st.st_mtim.tv_sec = x->stx_mtime.tv_sec;
		st.st_mtim.tv_nsec = x->stx_mtime.tv_nsec;
		st.st_ctim.tv_sec = x->stx_ctime.tv_sec;
		st.st_ctim.tv_nsec = x->stx_ctime.tv_nsec;
	}
	/* A link's target is worth more than what the caller left out. */
	if (rc == 0 && !(mask & times) && !S_ISLNK(st.st_mode) &&
	    recorder_on() && name && name[0] != '\0')
		record_flagged(HOW(flags), OBS_NO_TIMES, dirfd, name, &st,
			       NULL);
	else
		on_tested(HOW(flags), dirfd, name, rc, &st);
}

EXPORT int
statx(int dirfd, const char *restrict name, int flags, unsigned mask,
      struct statx *restrict x)
{
	int rc = REAL(statx)(dirfd, name, flags, mask, x);

	on_statx(dirfd, name, flags, mask, rc, x);
	return rc;
}

void
on_access(int dirfd, const char *name, int mode, int rc)
{
	if (rc == 0 && mode & W_OK && recorder_on() && name && name[0] != '\0')
		record_flagged(OBS_BY_ACCESS, OBS_ASKS_WRITE, dirfd, name, NULL,
			       NULL);
	else
		on_tested(OBS_BY_ACCESS, dirfd, name, rc, NULL);
}

#define ON_ACCESS(fn) \
	EXPORT int fn(const char *name, int mode) \
	{ \
		int rc = REAL(fn)(name, mode); \
		on_access(AT_FDCWD, name, mode, rc); \
		return rc; \
	}

ON_ACCESS(access)
ON_ACCESS(eaccess)
ON_ACCESS(euidaccess)

EXPORT int
faccessat(int dirfd, const char *name, int mode, int flags)
{
	int rc = REAL(faccessat)(dirfd, name, mode, flags);

	on_access(dirfd, name, mode, rc);
	return rc;
}

static void
on_statfs(const char *name, int rc)
{
	on_tested(OBS_BY_ACCESS, AT_FDCWD, name, rc, NULL);
	if (rc == 0)
		note_ask(OBS_ASK_FILE_SYSTEM, AT_FDCWD, name);
}

/* They describe the file system, but tell too whether the name is there. */
#define ON_STATFS(fn, type) \
	EXPORT int fn(const char *name, struct type *st) \
	{ \
		int rc = REAL(fn)(name, st); \
		on_statfs(name, rc); \
		return rc; \
	}

ON_STATFS(statfs, statfs)
ON_STATFS(statfs64, statfs64)
ON_STATFS(__statfs, statfs)
ON_STATFS(statvfs, statvfs)
ON_STATFS(statvfs64, statvfs64)

/* EINVAL: the name is there and no link. */
void
on_readlink(int dirfd, const char *name, long n)
{
	if (!recorder_on() || !name || name[0] == '\0')
		return;
	if (n >= 0)
		record_link(OBS_BY_READLINK, dirfd, name, NULL);
	else if (on_errno() == EINVAL)
		record_present(OBS_BY_READLINK, dirfd, name, NULL, NULL);
	else
		on_failed(dirfd, name);
}

EXPORT ssize_t
readlink(const char *restrict name, char *restrict buf, size_t size)
{
	ssize_t n = REAL(readlink)(name, buf, size);

	on_readlink(AT_FDCWD, name, n);
	return n;
}

EXPORT ssize_t
readlinkat(int dirfd, const char *restrict name, char *restrict buf,
	   size_t size)
{
	ssize_t n = REAL(readlinkat)(dirfd, name, buf, size);

	on_readlink(dirfd, name, n);
	return n;
}

EXPORT ssize_t
__readlink_chk(const char *name, char *buf, size_t size, size_t space)
{
	ssize_t n = REAL(__readlink_chk)(name, buf, size, space);

	on_readlink(AT_FDCWD, name, n);
	return n;
}

EXPORT ssize_t
__readlinkat_chk(int dirfd, const char *name, char *buf, size_t size,
		 size_t space)
{
	ssize_t n = REAL(__readlinkat_chk)(dirfd, name, buf, size, space);

	on_readlink(dirfd, name, n);
	return n;
}

static void
resolved(const char *name, const char *answer)
{
	if (!recorder_on() || !name)
		return;
	if (answer)
		record_present(OBS_BY_REALPATH, AT_FDCWD, name, NULL, answer);
	else
		on_failed(AT_FDCWD, name);
}

EXPORT char *
realpath(const char *restrict name, char *restrict buf)
{
	char *answer = REAL(realpath)(name, buf);

	resolved(name, answer);
	return answer;
}

EXPORT char *
__realpath_chk(const char *name, char *buf, size_t space)
{
	char *answer = REAL(__realpath_chk)(name, buf, space);

	resolved(name, answer);
	return answer;
}

EXPORT char *
canonicalize_file_name(const char *name)
{
	char *answer = REAL(canonicalize_file_name)(name);

	resolved(name, answer);
	return answer;
}

/* From there getcwd tells where the name really leads.  Apart, for its large
 * frame. */
__attribute__((noinline)) static void
record_moved(int dirfd, const char *name)
{
	char link[sizeof "/proc/self/fd/" + 12] = "/proc/self/fd/";
	size_t at = sizeof "/proc/self/fd/" - 1, digits = 1;
	char real[TARGET_MAX];
	long fd, n, rest;

	fd = rawsys4(SYS_openat, dirfd, (long)name, O_PATH | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	for (rest = fd; rest >= 10; rest /= 10)
		digits++;
	link[at + digits] = '\0';
	for (rest = fd; digits > 0; rest /= 10)
		link[at + --digits] = (char)('0' + rest % 10);
	n = rawsys4(SYS_readlinkat, AT_FDCWD, (long)link, (long)real,
		    sizeof(real) - 1);
	rawsys2(SYS_close, fd, 0);
	if (n <= 0 || n >= TARGET_MAX - 1) {
		recorder_lost();
		return;
	}
	real[n] = '\0';
	record_present(OBS_BY_REALPATH, dirfd, name, NULL, real);
}

void
on_moving(int dirfd, const char *name)
{
	if (recorder_on() && name)
		record_moved(dirfd, name);
}

EXPORT int
chdir(const char *name)
{
	int rc;

	on_moving(AT_FDCWD, name);
	rc = REAL(chdir)(name);
	if (rc < 0)
		on_failed(AT_FDCWD, name);
	return rc;
}
