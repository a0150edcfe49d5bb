/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/store.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const rooms[] = { "manifests", "entries", "blobs",
				     "ids",       "tmp",     "trash" };
static const char version[] = "kache store 1\n";

static int
check_version(struct store *s)
{
	struct buf b = { 0 };
	char tmp[STORE_NAME];
	int r = file_read(s->dir, "VERSION", 4096, &b);

	if (r == -ENOENT) {
		for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++)
			if (mkdirat(s->dir, rooms[i], 0700) < 0 &&
			    errno != EEXIST)
				return -errno;
		store_tmp(s, tmp);
		return file_publish(s->dir, tmp, "VERSION", version,
				    sizeof(version) - 1);
	}
	if (r == 0 && strcmp(b.p ? b.p : "", version) != 0)
		r = ERR_NEWER;
	buf_free(&b);
	return r;
}

/* A symbolic link to a directory of ours is fine; to another user's not. */
static int
open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		int r = file_mkdirs(path, 0700);

		if (r < 0)
			return r;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    (st.st_mode & 0022)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

int
store_open(struct store *s, const char *path)
{
	struct store n = { .dir = open_dir(path), .locks = -1 };
	int r;

	if (n.dir < 0)
		return n.dir;
	if (getrandom(&n.nonce, sizeof(n.nonce), GRND_NONBLOCK) < 0)
		n.nonce = (uint64_t)file_now() ^ (uint64_t)getpid() << 40;
	r = check_version(&n);
	if (r == 0) {
		n.locks =
			openat(n.dir, "locks",
			       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (n.locks < 0)
			r = -errno;
	}
	if (r < 0)
		store_close(&n);
	else
		*s = n;
	return r;
}

void
store_close(struct store *s)
{
	if (s->locks >= 0)
		close(s->locks);
	if (s->dir >= 0)
		close(s->dir);
	s->locks = s->dir = -1;
}

void
store_name(const char *kind, const struct digest *d, char name[STORE_NAME])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(d, hex);
	snprintf(name, STORE_NAME, "%s/%.2s/%s", kind, hex, hex);
}

void
store_tmp(struct store *s, char name[STORE_NAME])
{
	snprintf(name, STORE_NAME, "tmp/%016llx.%u",
		 (unsigned long long)s->nonce,
		 __atomic_fetch_add(&s->seq, 1, __ATOMIC_RELAXED));
}

void
store_remove(struct store *s, const char *name)
{
	char tmp[STORE_NAME];

	if (unlinkat(s->dir, name, 0) == 0 || errno != EISDIR ||
	    unlinkat(s->dir, name, AT_REMOVEDIR) == 0)
		return;
	store_tmp(s, tmp);
	renameat(s->dir, name, s->dir, tmp);
}

static uint64_t
lock_at(enum store_lock kind, const struct digest *key)
{
	uint64_t off = 0;

	for (int i = 0; i < 7; i++)
		off = off << 8 | key->b[i];
	return (uint64_t)kind << 56 | off;
}

int
store_lock(struct store *s, enum store_lock kind, const struct digest *key,
	   int timeout_ms)
{
	return file_lock(s->locks, lock_at(kind, key), true, timeout_ms);
}

void
store_unlock(struct store *s, enum store_lock kind, const struct digest *key)
{
	file_unlock(s->locks, lock_at(kind, key));
}
