/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/outdir_archive.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "rustc/relocatable.h"
#include "rustc/roots.h"
#include "store/outdir_archive_format.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 18 };

struct record {
	enum outdir_type type;
	mode_t mode;
	int64_t time; /* ns; 0: now */
	char name[OUTDIR_NAME_MAX + 1];
	uint64_t size;
	struct digest digest;
};

struct unpacker {
	int fd;
	const struct roots *roots;
	struct digest_cache *memo;
	int dirs[OUTDIR_DEPTH_MAX + 1]; /* the way down to where we are */
	unsigned depth;
	mode_t mask; /* what the user takes from every new file's mode */
	size_t files;
	uint64_t bytes;
	struct buf text;
};

static int
take_bytes(struct unpacker *u, void *to, size_t n)
{
	char *p = to;

	while (n > 0) {
		ssize_t k = read(u->fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : ERR_CORRUPT;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static uint64_t
read_number(const unsigned char *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

/* One component; nothing that leads elsewhere. */
static bool
name_ok(const char *name, size_t n)
{
	return n > 0 && strcmp(name, ".") && strcmp(name, "..") &&
	       !memchr(name, '/', n) && roots_clean(name, n);
}

static int
take_record(struct unpacker *u, struct record *rec)
{
	unsigned char head[OUTDIR_HEAD];
	size_t n;
	int r = take_bytes(u, head, sizeof(head));

	if (r < 0)
		return r;
	rec->type = (enum outdir_type)head[0];
	rec->mode = (mode_t)read_number(head + 2, 2);
	rec->time = (int64_t)read_number(head + 48, 8);
	n = (size_t)read_number(head + 4, 2);
	rec->size = read_number(head + 8, 8);
	memcpy(rec->digest.b, head + 16, DIGEST_LEN);
	if (n > OUTDIR_NAME_MAX || rec->mode > 0777 ||
	    head[1] & ~OUTDIR_PLAIN_MODE || rec->time < 0)
		return ERR_CORRUPT;
	if (head[1] & OUTDIR_PLAIN_MODE)
		rec->mode &= ~u->mask;
	r = take_bytes(u, rec->name, n);
	rec->name[n] = '\0';
	if (r == 0 && rec->type != OUTDIR_UP && rec->type != OUTDIR_END &&
	    !name_ok(rec->name, n))
		r = ERR_CORRUPT;
	if (++u->files > OUTDIR_FILES_MAX || rec->size > OUTDIR_BYTES_MAX ||
	    u->bytes + rec->size > 2 * OUTDIR_BYTES_MAX)
		return ERR_TOOBIG;
	u->bytes += rec->size;
	return r;
}

/* copy_file_range(2) shares blocks where a file system can. */
static int
copy_bytes(struct unpacker *u, int to, uint64_t n)
{
	while (n > 0) {
		ssize_t k =
			copy_file_range(u->fd, NULL, to, NULL, (size_t)n, 0);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		n -= (uint64_t)k;
	}
	while (n > 0) {
		size_t want = n < PIECE ? (size_t)n : PIECE;
		int r;

		buf_reset(&u->text);
		if (!buf_room(&u->text, want))
			return -ENOMEM;
		r = take_bytes(u, u->text.p, want);
		r = r ? r : file_write_fd(to, u->text.p, want);
		if (r < 0)
			return r;
		n -= want;
	}
	return 0;
}

/* Appends N bytes of neutral text, as they are spelled here, to OUT. */
static int
take_text(struct unpacker *u, uint64_t n, struct buf *out)
{
	int r;

	if (n > 2 * (uint64_t)OUTDIR_TEXT_MAX)
		return ERR_TOOBIG;
	buf_reset(&u->text);
	if (!buf_room(&u->text, (size_t)n + 1))
		return -ENOMEM;
	r = take_bytes(u, u->text.p, (size_t)n);
	r = r ? r : relocatable_expand(u->roots, u->text.p, (size_t)n, out);
	return r == 0 && out->failed ? -ENOMEM : r;
}

static int
set_time(int fd, int64_t ns)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT } };

	t[1].tv_sec = (time_t)(ns / 1000000000);
	t[1].tv_nsec = (long)(ns % 1000000000);
	return futimens(fd, t) < 0 ? -errno : 0;
}

static int
make_file(struct unpacker *u, const struct record *rec)
{
	int dir = u->dirs[u->depth], r;
	int fd = openat(dir, rec->name,
			O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			0600);
	struct buf text = { 0 };
	struct file_id id;

	if (fd < 0)
		return -errno;
	if (rec->type == OUTDIR_FILE) {
		r = copy_bytes(u, fd, rec->size);
	} else {
		r = take_text(u, rec->size, &text);
		if (r == 0 && text.len)
			r = file_write_fd(fd, text.p, text.len);
	}
	if (r == 0 && fchmod(fd, rec->mode) < 0)
		r = -errno;
	if (r == 0 && rec->time)
		r = set_time(fd, rec->time);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rec->type == OUTDIR_FILE && u->memo &&
	    file_id_at(dir, rec->name, &id) == 0)
		digest_cache_put_own(u->memo, &id, &rec->digest);
	buf_free(&text);
	return r;
}

static int
make_link(struct unpacker *u, const struct record *rec)
{
	struct buf to = { 0 };
	int r = rec->size > OUTDIR_LINK_MAX ? ERR_CORRUPT
					    : take_text(u, rec->size, &to);

	if (r == 0 && (!to.len || strlen(to.p) != to.len))
		r = ERR_CORRUPT;
	if (r == 0 && symlinkat(to.p, u->dirs[u->depth], rec->name) < 0)
		r = -errno;
	buf_free(&to);
	return r;
}

static int
make_dir(struct unpacker *u, const struct record *rec)
{
	int dir = u->dirs[u->depth], fd;

	if (u->depth == OUTDIR_DEPTH_MAX)
		return ERR_TOOBIG;
	/* We must be able to fill it. */
	if (mkdirat(dir, rec->name, rec->mode | 0700) < 0)
		return -errno;
	fd = openat(dir, rec->name,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	/* mkdirat left the umask's bits away. */
	if (fchmod(fd, rec->mode | 0700) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	u->dirs[++u->depth] = fd;
	return 0;
}

static int
make_member(struct unpacker *u, const struct record *rec)
{
	switch (rec->type) {
	case OUTDIR_DIR:
		return make_dir(u, rec);
	case OUTDIR_UP:
		if (u->depth == 0)
			return ERR_CORRUPT;
		close(u->dirs[u->depth--]);
		return 0;
	case OUTDIR_FILE:
	case OUTDIR_TEXT:
		return make_file(u, rec);
	case OUTDIR_LINK:
		return make_link(u, rec);
	default:
		return ERR_CORRUPT;
	}
}

/* Fills the empty directory STAGE. */
static int
fill_stage(struct unpacker *u, int stage)
{
	char magic[OUTDIR_MAGIC_LEN];
	struct record rec;
	int r = take_bytes(u, magic, sizeof(magic));

	if (r == 0 && memcmp(magic, OUTDIR_MAGIC, sizeof(magic)))
		r = ERR_CORRUPT;
	u->dirs[0] = stage;
	while (r == 0) {
		r = take_record(u, &rec);
		if (r == 0 && rec.type == OUTDIR_END)
			break;
		r = r ? r : make_member(u, &rec);
	}
	if (r == 0 && u->depth)
		r = ERR_CORRUPT;
	while (u->depth)
		close(u->dirs[u->depth--]);
	return r;
}

/* What is in our own private directory, and only that. */
static void
clear(int parent, const char *name)
{
	int fd = openat(parent, name,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct dir_names names;

	if (fd < 0) {
		unlinkat(parent, name, 0);
		return;
	}
	if (dir_list(fd, ".", DIR_HIDDEN, &names) == 0) {
		for (size_t i = 0; i < names.count; i++)
			clear(fd, names.name[i]);
		dir_names_free(&names);
	}
	close(fd);
	unlinkat(parent, name, AT_REMOVEDIR);
}

static bool
is_dir(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static int move_all(int from, int to);

/* A directory that is there already keeps what else it holds. */
static int
move_one(int from, int to, const char *name)
{
	int a, b, r;

	if (!is_dir(from, name)) {
		if (is_dir(to, name))
			clear(to, name);
		return renameat(from, name, to, name) < 0 ? -errno : 0;
	}
	if (!is_dir(to, name)) {
		unlinkat(to, name, 0);
		return renameat(from, name, to, name) < 0 ? -errno : 0;
	}
	a = openat(from, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	b = openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	r = a < 0 || b < 0 ? -errno : move_all(a, b);
	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	return r;
}

static int
move_all(int from, int to)
{
	struct dir_names names;
	int r = dir_list(from, ".", DIR_HIDDEN, &names);

	for (size_t i = 0; i < names.count && r == 0; i++)
		r = move_one(from, to, names.name[i]);
	dir_names_free(&names);
	return r;
}

/* An empty directory is replaced in one step. */
static int
put_in_place(int parent, const char *tmp, int stage, const char *dir)
{
	int to, r;

	if (renameat(parent, tmp, AT_FDCWD, dir) == 0)
		return 0;
	to = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return -errno;
	r = move_all(stage, to);
	close(to);
	return r;
}

static int
open_parent(const char *dir)
{
	struct buf up = { 0 };
	int fd;

	buf_fmt(&up, "%s/..", dir);
	fd = up.failed ? -1 : open(up.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fd = up.failed ? -ENOMEM : -errno;
	buf_free(&up);
	return fd;
}

int
outdir_unpack(int fd, const struct roots *roots, const char *dir,
	      const char *tmp, struct digest_cache *memo, uint64_t *bytes)
{
	struct unpacker u = { .fd = fd, .roots = roots, .memo = memo };
	int parent = open_parent(dir), stage = -1, r = 0;
	sigset_t all, old;

	if (parent < 0)
		return parent;
	u.mask = umask(0);
	/* A sandbox that does not tell has none of its own. */
	if (u.mask > 0777)
		u.mask = 022;
	else
		umask(u.mask);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	if (mkdirat(parent, tmp, 0777) < 0)
		r = -errno;
	if (r == 0) {
		stage = openat(parent, tmp,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		r = stage < 0 ? -errno : fill_stage(&u, stage);
		r = r ? r : put_in_place(parent, tmp, stage, dir);
		clear(parent, tmp);
	}
	if (stage >= 0)
		close(stage);
	close(parent);
	buf_free(&u.text);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		*bytes = u.bytes;
	return r;
}

bool
outdir_is_empty(const char *dir)
{
	struct dir_names names;
	bool empty;
	int r = dir_list(AT_FDCWD, dir, DIR_HIDDEN, &names);

	if (r < 0)
		return r == -ENOENT;
	empty = names.count == 0;
	dir_names_free(&names);
	return empty;
}
