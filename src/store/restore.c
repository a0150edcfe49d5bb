/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/restore.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { XFS_MAGIC = 0x58465342, TMP_LEN = 64 };

static const unsigned long btrfs_magic = 0x9123683E;

struct place {
	int dir;
	mode_t mask;
	bool no_mask; /* nobody tells what it is */
	bool clones;  /* this file system has reflinks */
	char tmp[ENTRY_OUTPUTS_MAX][TMP_LEN];
	struct file_id id[ENTRY_OUTPUTS_MAX];
};

static bool
has_suffix(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	return n > k && !strcmp(name + n - k, end);
}

/* rustc gives these a new inode when it rewrites them; other files are
 * written in place by somebody (strip, ar, rustc's own .d). */
static bool
linkable(const struct entry_output *o)
{
	return !o->exec &&
	       (has_suffix(o->name, ".rlib") || has_suffix(o->name, ".rmeta"));
}

static mode_t
mode_of(const struct place *p, const struct entry_output *o)
{
	return (o->exec ? 0777 : 0666) & ~p->mask;
}

/* A sandbox may refuse the question: files that open() makes get it right all
 * the same, and only those. */
static void
learn_mask(struct place *p)
{
	p->mask = umask(0);
	p->no_mask = p->mask > 0777;
	if (p->no_mask)
		p->mask = 0;
	else
		umask(p->mask);
}

/*
 * A second name for the blob.  Looking at the link count first would race:
 * two trees could both see it free.  So link, then look.
 */
static int
take_link(struct restore *r, struct place *p, size_t i, const char *blob)
{
	struct stat st;

	if (linkat(r->store->dir, blob, p->dir, p->tmp[i], 0) < 0)
		return errno == ENOENT ? ERR_MISS : -errno;
	if (fstatat(p->dir, p->tmp[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_nlink == 2 &&
	    (st.st_mode & 0777) == mode_of(p, &r->entry->out[i]) &&
	    utimensat(p->dir, p->tmp[i], NULL, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	unlinkat(p->dir, p->tmp[i], 0);
	return ERR_REFUSED;
}

static int
take_copy(struct restore *r, struct place *p, size_t i, const char *blob)
{
	int in = openat(r->store->dir, blob, O_RDONLY | O_CLOEXEC), out, e;

	if (in < 0)
		return errno == ENOENT ? ERR_MISS : -errno;
	out = openat(p->dir, p->tmp[i],
		     O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		     mode_of(p, &r->entry->out[i]));
	if (out < 0) {
		e = -errno;
		close(in);
		return e;
	}
	e = file_copy_fd(in, out, NULL);
	close(in);
	if (close(out) < 0 && e == 0)
		e = -errno;
	return e;
}

static int
take_blob(struct restore *r, struct place *p, size_t i)
{
	const struct entry_output *o = &r->entry->out[i];
	char blob[STORE_NAME];
	struct file_id id;
	int e = blob_check(r->store, r->memo, &o->blob, &id);

	if (e < 0)
		return e;
	if (id.size != o->size)
		return ERR_CORRUPT;
	store_name("blobs", &o->blob, blob);
	e = ERR_REFUSED;
	if (linkable(o) && !p->clones && !p->no_mask)
		e = take_link(r, p, i, blob);
	if (e != 0 && e != ERR_MISS)
		e = take_copy(r, p, i, blob);
	return e;
}

static int
take_depinfo(struct restore *r, struct place *p, size_t i)
{
	int fd = openat(p->dir, p->tmp[i],
			O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			0666);
	int e;

	if (fd < 0)
		return -errno;
	e = file_write_fd(fd, r->depinfo->p, r->depinfo->len);
	if (close(fd) < 0 && e == 0)
		e = -errno;
	return e;
}

static int
prepare_output(struct restore *r, struct place *p)
{
	int e = 0;

	for (size_t i = 0; i < r->entry->nout && e == 0; i++) {
		const struct entry_output *o = &r->entry->out[i];

		snprintf(p->tmp[i], TMP_LEN, ".kache-%016llx-%zu",
			 (unsigned long long)r->store->nonce, i);
		if (o->role == ENTRY_DEPINFO)
			e = take_depinfo(r, p, i);
		else
			e = take_blob(r, p, i);
		if (e == 0)
			e = file_id_at(p->dir, p->tmp[i], &p->id[i]);
		/* Some file systems end a copy early, and say nothing. */
		if (e == 0 && o->role != ENTRY_DEPINFO &&
		    p->id[i].size != o->size)
			e = -EIO;
	}
	return e;
}

/* What was restored is known by its content: no consumer hashes it. */
static int
commit_output(struct restore *r, struct place *p)
{
	for (size_t i = 0; i < r->entry->nout; i++) {
		const struct entry_output *o = &r->entry->out[i];

		if (renameat(p->dir, p->tmp[i], p->dir, o->name) < 0)
			return -errno;
		r->bytes += p->id[i].size;
		if (o->role != ENTRY_DEPINFO)
			digest_cache_put_own(r->memo, &p->id[i], &o->blob);
	}
	return 0;
}

/* Whatever damaged one blob may have damaged its neighbours, which nobody
 * may ever ask for again. */
static void
check_all(struct restore *r)
{
	struct file_id id;

	for (size_t i = 0; i < r->entry->nout; i++)
		if (r->entry->out[i].role != ENTRY_DEPINFO)
			blob_check(r->store, r->memo, &r->entry->out[i].blob,
				   &id);
}

int
restore_outputs(struct restore *r)
{
	struct place p = { .dir = open(r->dir,
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	struct statfs fs;
	int e;

	if (p.dir < 0)
		return -errno;
	learn_mask(&p);
	p.clones = fstatfs(p.dir, &fs) == 0 &&
		   ((unsigned long)fs.f_type == XFS_MAGIC ||
		    (unsigned long)fs.f_type == btrfs_magic);
	r->bytes = 0;
	e = prepare_output(r, &p);
	if (e == 0)
		e = commit_output(r, &p);
	if (e < 0)
		for (size_t i = 0; i < r->entry->nout && p.tmp[i][0]; i++)
			unlinkat(p.dir, p.tmp[i], 0);
	close(p.dir);
	if (e == ERR_CORRUPT)
		check_all(r);
	return e;
}
