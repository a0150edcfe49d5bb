/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/on.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/emit.h"
#include "observe/on_change.h"
#include "observe/realsym.h"
#include "observe/recorder.h"

int __xmknod(int version, const char *name, mode_t mode, dev_t *dev);
int __xmknodat(int version, int dirfd, const char *name, mode_t mode,
	       dev_t *dev);

void
on_pair(unsigned type, int fromfd, const char *from, int tofd, const char *to,
	int rc)
{
	struct emit_name a = { fromfd, from }, b = { tofd, to };

	if (!recorder_on() || !from || !to)
		return;
	if (rc == 0)
		emit_pair(type, &a, &b);
	else if (type != OBS_SYMLINK)
		on_failed(fromfd, from);
}

void
on_changed(unsigned type, int dirfd, const char *name, int rc)
{
	if (!recorder_on() || !name)
		return;
	if (rc == 0)
		emit_path(type, 0, dirfd, name);
	else
		on_failed(dirfd, name);
}

EXPORT int
rename(const char *from, const char *to)
{
	int rc = REAL(rename)(from, to);

	on_pair(OBS_RENAME, AT_FDCWD, from, AT_FDCWD, to, rc);
	return rc;
}

EXPORT int
renameat(int fromfd, const char *from, int tofd, const char *to)
{
	int rc = REAL(renameat)(fromfd, from, tofd, to);

	on_pair(OBS_RENAME, fromfd, from, tofd, to, rc);
	return rc;
}

EXPORT int
renameat2(int fromfd, const char *from, int tofd, const char *to,
	  unsigned flags)
{
	int rc = REAL(renameat2)(fromfd, from, tofd, to, flags);

	on_pair(OBS_RENAME, fromfd, from, tofd, to, rc);
	return rc;
}

EXPORT int
link(const char *from, const char *to)
{
	int rc = REAL(link)(from, to);

	on_pair(OBS_LINK, AT_FDCWD, from, AT_FDCWD, to, rc);
	return rc;
}

EXPORT int
linkat(int fromfd, const char *from, int tofd, const char *to, int flags)
{
	int rc = REAL(linkat)(fromfd, from, tofd, to, flags);

	on_pair(OBS_LINK, fromfd, from, tofd, to, rc);
	return rc;
}

EXPORT int
symlink(const char *target, const char *name)
{
	int rc = REAL(symlink)(target, name);

	on_pair(OBS_SYMLINK, EMIT_PLAIN, target, AT_FDCWD, name, rc);
	return rc;
}

EXPORT int
symlinkat(const char *target, int dirfd, const char *name)
{
	int rc = REAL(symlinkat)(target, dirfd, name);

	on_pair(OBS_SYMLINK, EMIT_PLAIN, target, dirfd, name, rc);
	return rc;
}

#define ON_CHANGE(fn, type, params, args, dirfd) \
	EXPORT int fn params \
	{ \
		int rc = REAL(fn) args; \
		on_changed(type, dirfd, name, rc); \
		return rc; \
	}

ON_CHANGE(unlink, OBS_UNLINK, (const char *name), (name), AT_FDCWD)
ON_CHANGE(remove, OBS_UNLINK, (const char *name), (name), AT_FDCWD)
ON_CHANGE(rmdir, OBS_UNLINK, (const char *name), (name), AT_FDCWD)
ON_CHANGE(unlinkat, OBS_UNLINK, (int fd, const char *name, int flags),
	  (fd, name, flags), fd)
ON_CHANGE(mkdir, OBS_MKDIR, (const char *name, mode_t mode), (name, mode),
	  AT_FDCWD)
ON_CHANGE(mkdirat, OBS_MKDIR, (int fd, const char *name, mode_t mode),
	  (fd, name, mode), fd)
ON_CHANGE(truncate, OBS_WRITE, (const char *name, off_t size), (name, size),
	  AT_FDCWD)
ON_CHANGE(truncate64, OBS_WRITE, (const char *name, off64_t size), (name, size),
	  AT_FDCWD)
ON_CHANGE(mkfifo, OBS_WRITE, (const char *name, mode_t mode), (name, mode),
	  AT_FDCWD)
ON_CHANGE(mkfifoat, OBS_WRITE, (int fd, const char *name, mode_t mode),
	  (fd, name, mode), fd)
ON_CHANGE(mknod, OBS_WRITE, (const char *name, mode_t mode, dev_t dev),
	  (name, mode, dev), AT_FDCWD)
ON_CHANGE(mknodat, OBS_WRITE,
	  (int fd, const char *name, mode_t mode, dev_t dev),
	  (fd, name, mode, dev), fd)
ON_CHANGE(__xmknod, OBS_WRITE,
	  (int version, const char *name, mode_t mode, dev_t *dev),
	  (version, name, mode, dev), AT_FDCWD)
ON_CHANGE(__xmknodat, OBS_WRITE,
	  (int version, int fd, const char *name, mode_t mode, dev_t *dev),
	  (version, fd, name, mode, dev), fd)

EXPORT char *
mkdtemp(char *name)
{
	char *answer = REAL(mkdtemp)(name);

	if (answer)
		emit_path(OBS_MKDIR, 0, AT_FDCWD, name);
	return answer;
}
