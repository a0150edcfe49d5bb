/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/store.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/file.h"
#include "base/record_type.h"

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

static bool
is_among(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, list[i]))
			return true;
	return false;
}

/* What processes of ours make at the top, with what may follow: ".1". */
static bool
is_known(const char *name)
{
	/* VERSION may appear while we look: another of us made it. */
	static const char *const others[] = { "VERSION", "sessions",
					      "spool",   "incremental",
					      "reruns",  "memo",
					      "locks",   "lost+found" };
	static const char *const starts[] = { "daemon.", "events.log",
					      "shim.log", "gc.lock", "." };

	if (is_among(name, rooms, sizeof(rooms) / sizeof(*rooms)) ||
	    is_among(name, others, sizeof(others) / sizeof(*others)))
		return true;
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (!strncmp(name, starts[i], strlen(starts[i])))
			return true;
	return false;
}

/*
 * A directory where others' files lie beside a tmp/ or trash/ of theirs is no
 * store whose VERSION was lost: we would keep files there, and sweep them.
 * One that holds other things only may become one.
 */
static int
check_foreign(struct store *s)
{
	bool room = false, foreign = false;
	struct dir_names names;
	int r = dir_list(s->dir, ".", DIR_HIDDEN, &names);

	if (r < 0)
		return r;
	for (size_t i = 0; i < names.count; i++) {
		foreign = foreign || !is_known(names.name[i]);
		room = room || is_among(names.name[i], rooms,
					sizeof(rooms) / sizeof(*rooms));
	}
	dir_names_free(&names);
	return room && foreign ? ERR_FOREIGN : 0;
}

static int
make_version(struct store *s)
{
	char tmp[STORE_NAME];
	int r = check_foreign(s);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++)
		if (mkdirat(s->dir, rooms[i], 0700) < 0
			    ? errno != EEXIST
			    : fchmodat(s->dir, rooms[i], 0700, 0) < 0)
			return -errno;
	store_tmp(s, tmp);
	return file_publish(s->dir, tmp, "VERSION", version,
			    sizeof(version) - 1);
}

static int
check_version(struct store *s)
{
	struct buf b = { 0 };
	int r = file_read(s->dir, "VERSION", 4096, &b);

	if (r == -ENOENT)
		return make_version(s);
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
		(void)!chmod(path, 0700);
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
		n.locks = file_open_own(n.dir, "locks", O_RDWR);
		r = n.locks < 0 ? n.locks : 0;
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

bool
store_is_tmp(const char *name)
{
	size_t hex = strspn(name, "0123456789abcdef");
	const char *seq = name + hex + 1;

	return hex == 16 && name[hex] == '.' && *seq &&
	       seq[strspn(seq, "0123456789")] == '\0';
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

int
store_save(struct store *s, const char *name, const struct record_type *t,
	   const void *value)
{
	char tmp[STORE_NAME];

	store_tmp(s, tmp);
	return record_save(s->dir, tmp, name, t, value);
}

int
store_load(struct store *s, const char *name, const struct record_type *t,
	   void *value)
{
	int r = record_load(s->dir, name, t, value);

	if (r == ERR_CORRUPT)
		store_remove(s, name);
	return r == -ENOENT ? ERR_MISS : r;
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
