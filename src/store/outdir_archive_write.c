/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/outdir_archive.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/file.h"
#include "rustc/relocatable.h"
#include "rustc/roots.h"
#include "store/outdir_archive_format.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLUSH = 1 << 18 };

struct packer {
	const struct outdir_in *in;
	int fd;
	struct buf out;
	struct buf path; /* of the directory we are in */
	unsigned depth;
	mode_t mask;
	size_t files;
	uint64_t bytes;
};

static void
put_number(unsigned char *to, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (unsigned char)(v >> (8 * i));
}

static int
flush_archive(struct packer *p)
{
	int r = p->out.failed ? -ENOMEM : 0;

	if (r == 0 && p->out.len)
		r = file_write_fd(p->fd, p->out.p, p->out.len);
	buf_reset(&p->out);
	return r;
}

/* As open and mkdir make it under this umask; two users may have two. */
static void
put_mode(const struct packer *p, unsigned char *head, mode_t mode)
{
	const mode_t all[] = { 0666, 0777 };

	mode &= 0777;
	for (size_t i = 0; i < 2; i++)
		if (mode == (all[i] & ~p->mask)) {
			mode = all[i];
			head[1] |= OUTDIR_PLAIN_MODE;
			break;
		}
	put_number(head + 2, mode, 2);
}

static int64_t
time_of(const struct packer *p, const struct stat *st)
{
	struct file_id id;

	file_id_of(st, &id);
	if (!S_ISREG(st->st_mode) || id.mtime >= p->in->since)
		return 0;
	return id.mtime > 0 ? id.mtime : 1;
}

static int
put_head(struct packer *p, enum outdir_type type, const struct stat *st,
	 const char *name, uint64_t size, const struct digest *d)
{
	unsigned char head[OUTDIR_HEAD] = { 0 };
	size_t n = strlen(name);

	head[0] = (unsigned char)type;
	if (st && !S_ISLNK(st->st_mode))
		put_mode(p, head, st->st_mode);
	put_number(head + 4, n, 2);
	put_number(head + 8, size, 8);
	if (d)
		memcpy(head + 16, d->b, DIGEST_LEN);
	if (st)
		put_number(head + 48, (uint64_t)time_of(p, st), 8);
	buf_add(&p->out, head, sizeof(head));
	buf_add(&p->out, name, n);
	p->bytes += size;
	if (p->bytes > OUTDIR_BYTES_MAX || ++p->files > OUTDIR_FILES_MAX)
		return ERR_TOOBIG;
	return p->out.len > FLUSH ? flush_archive(p) : 0;
}

/* Its bytes twice, first for the digest, which stands before them. */
static int
put_large(struct packer *p, int fd, const struct stat *st, const char *name)
{
	struct digest d;
	int r = digest_fd(fd, &d);

	if (r == 0)
		r = put_head(p, OUTDIR_FILE, st, name, (uint64_t)st->st_size,
			     &d);
	r = r ? r : flush_archive(p);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	for (off_t left = st->st_size; r == 0 && left > 0;) {
		ssize_t n;

		if (!buf_room(&p->out, FLUSH))
			return -ENOMEM;
		n = read(fd, p->out.p, left < FLUSH ? (size_t)left : FLUSH);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : ERR_CHANGED;
		r = file_write_fd(p->fd, p->out.p, (size_t)n);
		left -= n;
	}
	return r;
}

static int
put_small(struct packer *p, int fd, const struct stat *st, const char *name)
{
	struct buf raw = { 0 }, text = { 0 };
	enum outdir_type type = OUTDIR_FILE;
	const struct buf *use = &raw;
	struct digest d;
	int r = file_read_fd(fd, OUTDIR_TEXT_MAX, &raw);

	if (r == 0 && raw.len != (size_t)st->st_size)
		r = ERR_CHANGED;
	if (r == 0 && raw.len && relocatable_is_text(raw.p, raw.len)) {
		if (p->in->see)
			p->in->see(p->in->ctx, raw.p, raw.len);
		relocatable_text(p->in->roots, raw.p, raw.len, &text);
		if (text.failed)
			r = -ENOMEM;
		else if (memchr(text.p, '\1', text.len)) {
			type = OUTDIR_TEXT;
			use = &text;
		}
	}
	if (r == 0 && type == OUTDIR_FILE)
		digest_bytes(raw.p ? raw.p : "", raw.len, &d);
	if (r == 0)
		r = put_head(p, type, st, name, use->len,
			     type == OUTDIR_FILE ? &d : NULL);
	if (r == 0)
		buf_add(&p->out, use->p ? use->p : "", use->len);
	buf_free(&raw);
	buf_free(&text);
	return r;
}

static int
put_file(struct packer *p, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct file_id before, after;
	struct stat st;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0) {
		file_id_of(&st, &before);
		r = st.st_size > OUTDIR_TEXT_MAX ? put_large(p, fd, &st, name)
						 : put_small(p, fd, &st, name);
	}
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	if (r == 0) {
		file_id_of(&st, &after);
		r = file_id_same(&before, &after) ? 0 : ERR_CHANGED;
	}
	return r;
}

static int
put_link(struct packer *p, int dir, const char *name, const struct stat *st)
{
	char to[PATH_MAX];
	ssize_t n = readlinkat(dir, name, to, sizeof(to));
	struct buf text = { 0 };
	int r;

	if (n < 0)
		return -errno;
	if (n >= OUTDIR_LINK_MAX || !roots_clean(to, (size_t)n))
		return ERR_REFUSED;
	relocatable_text(p->in->roots, to, (size_t)n, &text);
	r = text.failed ? -ENOMEM
			: put_head(p, OUTDIR_LINK, st, name, text.len, NULL);
	if (r == 0)
		buf_add(&p->out, text.p, text.len);
	buf_free(&text);
	return r;
}

static int pack_dir(struct packer *p, int dir);

static int
put_dir(struct packer *p, int dir, const char *name, const struct stat *st)
{
	int fd = openat(dir, name,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (fd < 0)
		return -errno;
	/* Such a one could not be filled again. */
	if ((st->st_mode & 0700) != 0700) {
		close(fd);
		return ERR_REFUSED;
	}
	if (++p->depth > OUTDIR_DEPTH_MAX) {
		close(fd);
		return ERR_TOOBIG;
	}
	r = put_head(p, OUTDIR_DIR, st, name, 0, NULL);
	r = r ? r : pack_dir(p, fd);
	p->depth--;
	return r ? r : put_head(p, OUTDIR_UP, NULL, "", 0, NULL);
}

/* A directory that was there before is taken for what the run put in it. */
static bool
is_wanted(const struct packer *p, const struct stat *st)
{
	return !p->in->is_own || S_ISDIR(st->st_mode) ||
	       p->in->is_own(p->in->ctx, p->path.p);
}

/* The innermost is told. */
static int
tell_refused(const struct packer *p, int r, const char *name)
{
	const char *dir = p->path.p + strlen(p->in->dir);

	if (r < 0 && p->in->bad && p->in->bad_room && !p->in->bad[0])
		snprintf(p->in->bad, p->in->bad_room, "%s%s%s",
			 dir + (*dir == '/'), *dir ? "/" : "", name);
	return r;
}

static int
put_entry(struct packer *p, int dir, const char *name)
{
	size_t keep = p->path.len;
	struct stat st;
	int r = 0;

	if (strlen(name) > OUTDIR_NAME_MAX || !roots_clean(name, strlen(name)))
		return tell_refused(p, ERR_REFUSED, name);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return tell_refused(p, -errno, name);
	buf_fmt(&p->path, "/%s", name);
	if (p->path.failed)
		return -ENOMEM;
	if (!is_wanted(p, &st))
		r = 0;
	else if (S_ISDIR(st.st_mode))
		r = put_dir(p, dir, name, &st);
	else if (st.st_mode & (S_ISUID | S_ISGID | S_ISVTX))
		r = ERR_REFUSED;
	else if (S_ISREG(st.st_mode))
		r = put_file(p, dir, name);
	else if (S_ISLNK(st.st_mode))
		r = put_link(p, dir, name, &st);
	else
		r = ERR_REFUSED;
	p->path.len = keep;
	p->path.p[keep] = '\0';
	return tell_refused(p, r, name);
}

/* Takes the descriptor.  Sorted: equal trees give equal archives. */
static int
pack_dir(struct packer *p, int dir)
{
	struct dir_names names;
	int r = dir_list(dir, ".", DIR_HIDDEN, &names);

	for (size_t i = 0; i < names.count && r == 0; i++)
		r = put_entry(p, dir, names.name[i]);
	dir_names_free(&names);
	close(dir);
	return r;
}

int
outdir_pack(const struct outdir_in *in, int fd)
{
	struct packer p = { .in = in, .fd = fd };
	int dir = open(in->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (dir < 0 && errno != ENOENT)
		return -errno;
	p.mask = umask(0);
	umask(p.mask);
	buf_add(&p.out, OUTDIR_MAGIC, OUTDIR_MAGIC_LEN);
	buf_str(&p.path, in->dir);
	if (p.path.failed)
		r = -ENOMEM;
	if (dir >= 0 && r < 0)
		close(dir);
	else if (dir >= 0)
		r = pack_dir(&p, dir);
	r = r ? r : put_head(&p, OUTDIR_END, NULL, "", 0, NULL);
	r = r ? r : flush_archive(&p);
	buf_free(&p.out);
	buf_free(&p.path);
	return r;
}
