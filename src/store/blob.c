/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/blob.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int
hash_fd(int fd, struct digest *d, struct file_id *id)
{
	struct stat st;
	struct file_id before;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return ERR_REFUSED;
	file_id_of(&st, &before);
	r = digest_fd(fd, d);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	file_id_of(&st, id);
	return file_id_same(&before, id) ? 0 : ERR_CHANGED;
}

bool
blob_exists(struct store *s, const struct digest *d)
{
	char name[STORE_NAME];

	store_name("blobs", d, name);
	return faccessat(s->dir, name, F_OK, 0) == 0;
}

int
blob_condemn(struct store *s, struct digest_cache *m, const struct digest *d,
	     const struct file_id *id)
{
	char name[STORE_NAME];
	struct file_id now;
	struct stat st;

	store_name("blobs", d, name);
	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	file_id_of(&st, &now);
	if (!file_id_same(&now, id))
		return ERR_CHANGED;
	store_remove(s, name);
	if (m)
		digest_cache_condemn(m, d);
	return faccessat(s->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? -EACCES
								       : 0;
}

int
blob_check(struct store *s, struct digest_cache *m, const struct digest *d,
	   struct file_id *id)
{
	char name[STORE_NAME];
	struct digest have;
	struct stat st;
	int fd, r;

	store_name("blobs", d, name);
	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? ERR_MISS : -errno;
	file_id_of(&st, id);
	if (!S_ISREG(st.st_mode)) {
		blob_condemn(s, m, d, id);
		return ERR_CORRUPT;
	}
	if (!s->always && digest_cache_get_own(m, id, &have) == 0 &&
	    digest_eq(&have, d))
		return 0;
	fd = openat(s->dir, name,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	/* A file of ours that we may not read is of no use to anybody. */
	if (fd < 0 && errno == EACCES) {
		blob_condemn(s, m, d, id);
		return ERR_CORRUPT;
	}
	if (fd < 0)
		return errno == ENOENT ? ERR_MISS : -errno;
	r = hash_fd(fd, &have, id);
	close(fd);
	if (r == 0 && digest_eq(&have, d)) {
		if (!s->always)
			digest_cache_put_own(m, id, d);
		return 0;
	}
	/* A sector that cannot be read any more is as good as a wrong one. */
	if (r == 0 || r == ERR_REFUSED || r == -EIO) {
		blob_condemn(s, m, d, id);
		return ERR_CORRUPT;
	}
	return r;
}

/* FROM below FROMFD becomes the blob NAME, unless a sound one is there. */
static int
publish_blob(struct store *s, struct digest_cache *m, int fromfd,
	     const char *from, const struct digest *d, bool *existed)
{
	char name[STORE_NAME];
	struct file_id id;

	store_name("blobs", d, name);
	for (int tries = 0; tries < 3; tries++) {
		int r = file_link(fromfd, from, s->dir, name);

		if (r == 0)
			return 0;
		if (r != -EEXIST)
			return r;
		/* "Exists" proves nothing after a power cut. */
		r = blob_check(s, m, d, &id);
		if (r == 0) {
			*existed = true;
			return 0;
		}
		if (r != ERR_CORRUPT && r != ERR_MISS)
			return r;
	}
	return ERR_CHANGED;
}

int
blob_adopt(struct store *s, struct digest_cache *m, const char *tmp,
	   const struct digest *d, bool *existed)
{
	struct file_id id;
	bool had = false;
	int r = publish_blob(s, m, s->dir, tmp, d, &had);

	if (r == 0 && !had && file_id_at(s->dir, tmp, &id) == 0)
		digest_cache_put_own(m, &id, d);
	if (r == 0)
		*existed = had;
	return r;
}

/* Hashes the copy, not the original: nobody else can write to it. */
static int
put_copy(struct store *s, struct digest_cache *m, int in, struct digest *out,
	 bool *existed)
{
	char tmp[STORE_NAME];
	struct file_id id, before, after;
	struct stat st;
	int fd, r;

	if (fstat(in, &st) < 0)
		return -errno;
	file_id_of(&st, &before);

	store_tmp(s, tmp);
	fd = openat(s->dir, tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 || (!(st.st_mode & 0400) && fchmod(fd, 0600) < 0)
		    ? -errno
		    : 0;
	if (r == 0)
		r = lseek(in, 0, SEEK_SET) < 0 ? -errno
					       : file_copy_fd(in, fd, NULL);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = hash_fd(fd, out, &id);
	close(fd);
	if (r == 0)
		r = publish_blob(s, m, s->dir, tmp, out, existed);
	if (r == 0 && !*existed)
		digest_cache_put_own(m, &id, out);
	unlinkat(s->dir, tmp, 0);
	/* The original has the same bytes if nobody wrote to it meanwhile:
	 * its consumers need not hash it. */
	if (r == 0 && fstat(in, &st) == 0) {
		file_id_of(&st, &after);
		if (file_id_same(&before, &after) &&
		    after.mtime < file_now_coarse())
			digest_cache_put_own(m, &after, out);
	}
	return r;
}

static int
put_link(struct store *s, struct digest_cache *m, int in, struct blob_put *p,
	 struct digest *out)
{
	struct file_id id;
	int r = hash_fd(in, out, &id);

	if (r < 0)
		return r;
	r = publish_blob(s, m, AT_FDCWD, p->path, out, &p->existed);
	/* The output itself is known as well: its consumers are next. */
	if (r == 0)
		digest_cache_put_own(m, &id, out);
	return r;
}

int
blob_put(struct store *s, struct digest_cache *m, struct blob_put *p,
	 struct digest *out)
{
	int fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct digest d;
	struct stat st;
	int r = -EXDEV;

	if (fd < 0)
		return -errno;
	p->existed = false;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return ERR_REFUSED;
	}
	p->exec = (st.st_mode & 0111) != 0;
	p->size = (uint64_t)st.st_size;
	if (p->link && (st.st_mode & 0400))
		r = put_link(s, m, fd, p, &d);
	if (r == -EXDEV || r == -EMLINK || r == -EPERM)
		r = put_copy(s, m, fd, &d, &p->existed);
	close(fd);
	if (r == 0)
		*out = d;
	return r;
}
