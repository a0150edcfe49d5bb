/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/digest_cache.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	TAG_LEN = 16,
	CHECK_LEN = 8,
	WAYS = 4,
	QUIET_NS = 2000000000,
	HEAD_LOCK = 0
};

/* The lock of a byte keeps out other processes, not our own threads. */
static pthread_mutex_t own_threads = PTHREAD_MUTEX_INITIALIZER;

/* Between two sweeps, or tries, that do not help. */
static const int64_t pause_ns = (int64_t)300 * 1000000000;

struct row {
	uint8_t tag[TAG_LEN];
	uint8_t digest[DIGEST_LEN];
	int64_t when;
	uint8_t check[CHECK_LEN];
};

struct head {
	char magic[8];
	char boot[40];
	int64_t doubt_from;
	int64_t doubt_to;
	int64_t synced;
	uint64_t stored;
	uint64_t left; /* these are 0 where the first release wrote */
	int64_t swept;
	int64_t added; /* when something was stored last */
	/* 0 where an older version wrote: */
	int64_t scrub_began;
	int64_t scrub_whole;
	uint64_t scrub_at;
	uint64_t bad;
};

_Static_assert(sizeof(struct row) == DIGEST_CACHE_ROW, "a row is 64 bytes");

static const char magic[8] = "kchmem1";
enum { MAGIC_VERSION = 6 };

/* st_dev and times mean what we need them to mean only on these. */
static const long local_types[] = {
	0xEF53,     /* ext2, ext3, ext4 */
	0x58465342, /* xfs */
	0x9123683E, /* btrfs */
	0xF2F52010, /* f2fs */
	0x01021994, /* tmpfs */
	0x794C7630, /* overlayfs */
	0x2FC12FC1, /* zfs */
};

static bool
local_fs(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(local_types) / sizeof(long); i++)
		if ((long)fs.f_type == local_types[i])
			return true;
	return false;
}

static void
boot_id(char id[40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(id, 0, 40);
	if (fd < 0)
		return;
	if (read(fd, id, 36) != 36)
		memset(id, 0, 40);
	close(fd);
}

static bool
read_head(int fd, struct head *h)
{
	return pread(fd, h, sizeof(*h), 0) == sizeof(*h) &&
	       !memcmp(h->magic, magic, sizeof(magic));
}

/* A later version's: its rows may mean something else. */
static bool
is_newer(int fd)
{
	struct head h;

	return pread(fd, &h, sizeof(h), 0) == sizeof(h) &&
	       !memcmp(h.magic, magic, MAGIC_VERSION) &&
	       h.magic[MAGIC_VERSION] > magic[MAGIC_VERSION] &&
	       h.magic[MAGIC_VERSION] <= '9';
}

/* The first process after a boot widens the span of doubt to everything
 * between the last sync and now; the others find it done. */
static int
enter_boot(int fd, const char boot[40])
{
	struct head h;
	int r = file_lock(fd, HEAD_LOCK, true, 1000);

	if (r < 0)
		return r;
	if (read_head(fd, &h) && memcmp(h.boot, boot, 40)) {
		h.doubt_from = h.doubt_from && h.doubt_from < h.synced
				       ? h.doubt_from
				       : h.synced;
		h.doubt_to = file_now();
		memcpy(h.boot, boot, 40);
		/* A head of two boots would be believed. */
		if (pwrite(fd, &h, sizeof(h), 0) != sizeof(h) &&
		    ftruncate(fd, 0) < 0)
			r = -errno;
	}
	file_unlock(fd, HEAD_LOCK);
	return r;
}

/* Preallocated, so that a full disk shows here and never at a row. */
static int
make_file(int fd, const char boot[40])
{
	struct head h = { .synced = file_now() };
	off_t len =
		DIGEST_CACHE_HEAD + (off_t)DIGEST_CACHE_ROWS * DIGEST_CACHE_ROW;
	int r = file_lock(fd, HEAD_LOCK, true, 5000);

	if (r < 0)
		return r;
	if (is_newer(fd)) {
		r = ERR_NEWER;
	} else if (!read_head(fd, &h)) {
		h = (struct head){ .synced = file_now() };
		memcpy(h.magic, magic, sizeof(magic));
		memcpy(h.boot, boot, 40);
		r = posix_fallocate(fd, 0, len) ? -ENOSPC : 0;
		if (r == 0 && pwrite(fd, &h, sizeof(h), 0) != sizeof(h))
			r = -EIO;
		if (r < 0 && ftruncate(fd, 0) < 0)
			r = -errno;
	}
	file_unlock(fd, HEAD_LOCK);
	return r;
}

void
digest_cache_open(struct digest_cache *m, int dirfd)
{
	char boot[40];
	struct head h;

	*m = (struct digest_cache){ .now = file_now() };
	m->fd = file_open_own(dirfd, "memo", O_RDWR);
	if (m->fd < 0)
		return;
	boot_id(boot);
	if (!read_head(m->fd, &h) && make_file(m->fd, boot) < 0) {
		digest_cache_close(m);
		return;
	}
	if (!read_head(m->fd, &h) || memcmp(h.boot, boot, 40)) {
		if (enter_boot(m->fd, boot) < 0 || !read_head(m->fd, &h)) {
			digest_cache_close(m);
			return;
		}
	}
	m->doubt_from = h.doubt_from;
	m->doubt_to = h.doubt_to;
}

void
digest_cache_close(struct digest_cache *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

static void
tag_of(const struct file_id *id, bool own, uint8_t tag[TAG_LEN])
{
	uint64_t v[6] = { id->dev,
			  id->ino,
			  id->size,
			  (uint64_t)id->mtime,
			  own ? 0 : (uint64_t)id->ctime,
			  (uint64_t)id->mode << 1 | own };
	struct digest d;

	digest_bytes(v, sizeof(v), &d);
	memcpy(tag, d.b, TAG_LEN);
}

static off_t
bucket_offset(const uint8_t tag[TAG_LEN])
{
	uint32_t n = (uint32_t)tag[0] | (uint32_t)tag[1] << 8 |
		     (uint32_t)tag[2] << 16;

	return DIGEST_CACHE_HEAD + (off_t)(n % (DIGEST_CACHE_ROWS / WAYS)) *
					   (WAYS * DIGEST_CACHE_ROW);
}

static void
seal_row(const struct row *r, uint8_t check[CHECK_LEN])
{
	struct digest d;

	digest_bytes(r, sizeof(*r) - CHECK_LEN, &d);
	memcpy(check, d.b, CHECK_LEN);
}

static int
find_row(struct digest_cache *m, const struct file_id *id, bool own,
	 struct digest *d)
{
	struct row rows[WAYS];
	uint8_t tag[TAG_LEN], check[CHECK_LEN];

	if (m->fd < 0)
		return ERR_MISS;
	tag_of(id, own, tag);
	if (pread(m->fd, rows, sizeof(rows), bucket_offset(tag)) !=
	    sizeof(rows))
		return ERR_MISS;
	for (int i = 0; i < WAYS; i++) {
		const struct row *r = &rows[i];

		if (memcmp(r->tag, tag, TAG_LEN))
			continue;
		if (r->when >= m->doubt_from && r->when <= m->doubt_to)
			continue;
		seal_row(r, check);
		if (memcmp(check, r->check, CHECK_LEN))
			continue;
		memcpy(d->b, r->digest, DIGEST_LEN);
		return 0;
	}
	return ERR_MISS;
}

int
digest_cache_get_own(struct digest_cache *m, const struct file_id *id,
		     struct digest *d)
{
	return find_row(m, id, true, d);
}

int
digest_cache_get(struct digest_cache *m, const struct file_id *id,
		 struct digest *d)
{
	int r = find_row(m, id, true, d);

	return r < 0 ? find_row(m, id, false, d) : r;
}

static void
put_row(struct digest_cache *m, const struct file_id *id, bool own,
	const struct digest *d)
{
	struct row rows[WAYS], new = { .when = file_now() };
	off_t at;
	int slot = 0;

	if (m->fd < 0)
		return;
	tag_of(id, own, new.tag);
	memcpy(new.digest, d->b, DIGEST_LEN);
	seal_row(&new, new.check);
	at = bucket_offset(new.tag);
	if (pread(m->fd, rows, sizeof(rows), at) != sizeof(rows))
		return;
	/* The same file, else the row that is oldest (empty ones are 0). */
	for (int i = 0; i < WAYS; i++) {
		if (!memcmp(rows[i].tag, new.tag, TAG_LEN)) {
			slot = i;
			break;
		}
		if (rows[i].when < rows[slot].when)
			slot = i;
	}
	/* A short write leaves a row whose check fails: a miss. */
	if (pwrite(m->fd, &new, sizeof(new), at + slot * DIGEST_CACHE_ROW) < 0)
		digest_cache_close(m);
}

void
digest_cache_put_own(struct digest_cache *m, const struct file_id *id,
		     const struct digest *d)
{
	put_row(m, id, true, d);
}

static bool
is_quiet(const struct file_id *id)
{
	int64_t now = file_now();

	return id->mtime < now - QUIET_NS && id->ctime < now - QUIET_NS;
}

int
digest_cache_digest(struct digest_cache *m, int dirfd, const char *path,
		    struct digest *d, struct file_id *id)
{
	return digest_cache_digest_max(m, dirfd, path, 0, d, id);
}

int
digest_cache_digest_max(struct digest_cache *m, int dirfd, const char *path,
			uint64_t max, struct digest *d, struct file_id *id)
{
	struct file_id before, after;
	struct stat st;
	int fd, r;

	r = file_id_at(dirfd, path, &before);
	if (r < 0)
		return r;
	if (!S_ISREG(before.mode))
		return ERR_REFUSED;
	*id = before;
	if (digest_cache_get(m, &before, d) == 0)
		return 0;
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 ? -errno : 0;
	/* What was a file a moment ago may be a pipe now. */
	if (r == 0 && !S_ISREG(st.st_mode))
		r = ERR_REFUSED;
	if (r == 0 && max && (uint64_t)st.st_size > max)
		r = ERR_TOOBIG;
	file_id_of(&st, &before);
	if (r == 0)
		r = digest_fd(fd, d);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	file_id_of(&st, &after);
	if (r == 0 && !file_id_same(&before, &after))
		r = ERR_CHANGED;
	if (r == 0) {
		*id = after;
		if (is_quiet(&after) && local_fs(fd))
			put_row(m, &after, false, d);
	}
	close(fd);
	return r;
}

static bool
change_head(struct digest_cache *m, struct head *h)
{
	if (m->fd < 0)
		return false;
	pthread_mutex_lock(&own_threads);
	if (file_lock(m->fd, HEAD_LOCK, true, 1000) == 0) {
		if (read_head(m->fd, h))
			return true;
		file_unlock(m->fd, HEAD_LOCK);
	}
	pthread_mutex_unlock(&own_threads);
	return false;
}

static void
end_change(struct digest_cache *m, const struct head *h)
{
	if (pwrite(m->fd, h, sizeof(*h), 0) != sizeof(*h))
		m->doubt_to = INT64_MAX;
	file_unlock(m->fd, HEAD_LOCK);
	pthread_mutex_unlock(&own_threads);
}

uint64_t
digest_cache_add_stored(struct digest_cache *m, uint64_t bytes)
{
	struct head h;

	if (!change_head(m, &h))
		return 0;
	h.stored += bytes;
	h.added = file_now();
	end_change(m, &h);
	return h.stored;
}

void
digest_cache_sweep_begins(struct digest_cache *m)
{
	struct head h;

	m->sweeping = m->fd >= 0 && read_head(m->fd, &h);
	m->before = m->sweeping ? h.stored : 0;
}

/* The collection may have counted what was stored meanwhile: better twice than
 * not at all. */
void
digest_cache_swept(struct digest_cache *m, uint64_t total)
{
	struct head h;

	if (!change_head(m, &h))
		return;
	h.stored = m->sweeping && h.stored > m->before
			   ? total + (h.stored - m->before)
			   : total;
	h.left = total;
	h.swept = file_now();
	m->sweeping = false;
	end_change(m, &h);
}

void
digest_cache_sweep_failed(struct digest_cache *m)
{
	struct head h;

	if (!change_head(m, &h))
		return;
	h.left = h.stored;
	h.swept = file_now();
	m->sweeping = false;
	end_change(m, &h);
}

void
digest_cache_look(struct digest_cache *m, struct digest_cache_state *out)
{
	struct head h;

	*out = (struct digest_cache_state){ 0 };
	if (m->fd < 0 || !read_head(m->fd, &h))
		return;
	*out = (struct digest_cache_state){ .stored = h.stored,
					    .left = h.left,
					    .swept = h.swept,
					    .synced = h.synced,
					    .unsynced = h.added > h.synced };
}

bool
digest_cache_over(const struct digest_cache_state *s, uint64_t max,
		  unsigned percent)
{
	if (!max || s->stored <= max / 100 * percent)
		return false;
	return s->stored > s->left + max / 10 ||
	       file_now() - s->swept > pause_ns;
}

bool
digest_cache_late(const struct digest_cache_state *s, int64_t seconds)
{
	int64_t now = file_now();

	return s->synced && now - s->synced > seconds * 1000000000 &&
	       now - s->swept > pause_ns;
}

void
digest_cache_set_synced(struct digest_cache *m, int64_t when)
{
	struct head h;

	if (!change_head(m, &h))
		return;
	h.synced = when;
	end_change(m, &h);
}

int
digest_cache_get_scrub(struct digest_cache *m, struct digest_cache_scrub *out)
{
	struct head h;

	if (m->fd < 0 || !read_head(m->fd, &h))
		return ERR_MISS;
	*out = (struct digest_cache_scrub){ .began = h.scrub_began,
					    .whole = h.scrub_whole,
					    .at = h.scrub_at,
					    .bad = h.bad };
	return 0;
}

void
digest_cache_set_scrub(struct digest_cache *m,
		       const struct digest_cache_scrub *s)
{
	struct head h;

	if (!change_head(m, &h))
		return;
	h.scrub_began = s->began;
	h.scrub_whole = s->whole;
	h.scrub_at = s->at;
	end_change(m, &h);
}

/* Rows that others write meanwhile are of what they read meanwhile. */
static void
forget_in(int fd, off_t at, struct row *rows, size_t n, const struct digest *d)
{
	static const struct row none;

	for (size_t i = 0; i < n; i++)
		if (!memcmp(rows[i].digest, d->b, DIGEST_LEN) &&
		    pwrite(fd, &none, sizeof(none),
			   at + (off_t)(i * sizeof(none))) < 0)
			return;
}

void
digest_cache_condemn(struct digest_cache *m, const struct digest *d)
{
	enum { ROWS = 1024 };
	static _Thread_local struct row rows[ROWS];
	struct head h;

	for (off_t i = 0; m->fd >= 0 && i < DIGEST_CACHE_ROWS; i += ROWS) {
		off_t at = DIGEST_CACHE_HEAD + i * DIGEST_CACHE_ROW;
		ssize_t n = pread(m->fd, rows, sizeof(rows), at);

		if (n <= 0)
			break;
		forget_in(m->fd, at, rows, (size_t)n / DIGEST_CACHE_ROW, d);
	}
	if (!change_head(m, &h))
		return;
	h.bad++;
	end_change(m, &h);
}
