/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc_scan.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/record.h"
#include "base/vec.h"
#include "store/entry.h"
#include "store/gc_steps.h"
#include "store/store.h"
#include "store/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The digests that are names below one of the store's directories, sorted. */
struct digests {
	struct digest *d;
	size_t n;
	bool loose; /* without those in directories that cannot be read */
};

/* Half a list of entries would make orphans of the others' blobs; but what is
 * not known of blobs and manifests is not touched. */
static int
add_digest(void *ctx, const struct store_file *f)
{
	struct digests *l = ctx;
	struct digest *more;

	/* What has another name, or lies elsewhere, is not ours. */
	if (!f->digest)
		return l->loose ? 0 : f->error;
	more = vec_grow(l->d, l->n, 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->d = more;
	l->d[l->n++] = *f->digest;
	return 0;
}

static int
by_digest(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_LEN);
}

static bool
may_go_on(struct gc_scan *scan)
{
	return !scan->steps || gc_step(scan->steps);
}

static void
expect(struct gc_scan *scan, size_t n)
{
	if (scan->steps)
		gc_steps_expect(scan->steps, n);
}

uint64_t
gc_scan_brief(const struct digest *d)
{
	uint64_t v;

	memcpy(&v, d->b, sizeof(v));
	return v ? v : 1;
}

static uint64_t
blocks(const struct stat *st)
{
	return (uint64_t)st->st_blocks * 512;
}

/* --- blobs and manifests --- */

static int
stat_blobs(struct store *s, struct gc_scan *scan, const struct digests *l)
{
	scan->blob = calloc(l->n + 1, sizeof(*scan->blob));
	scan->blob_size = calloc(l->n + 1, sizeof(uint64_t));
	if (!scan->blob || !scan->blob_size)
		return -ENOMEM;
	expect(scan, l->n);
	for (size_t i = 0; i < l->n; i++) {
		struct gc_blob *b = &scan->blob[scan->nblobs];
		char name[STORE_NAME];
		struct stat st;

		if (!may_go_on(scan))
			return -ECANCELED;
		store_name("blobs", &l->d[i], name);
		if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		b->digest = l->d[i];
		b->size = blocks(&st);
		b->linked = st.st_nlink > 1;
		scan->blob_size[scan->nblobs++] = b->size;
		scan->bytes += b->size;
	}
	return 0;
}

static int
list_blobs(struct store *s, struct gc_scan *scan)
{
	struct digests l = { .loose = true };
	int r = store_walk(s->dir, "blobs", add_digest, &l);

	r = r ? r : stat_blobs(s, scan, &l);
	free(l.d);
	return r;
}

static int
stat_manifests(struct store *s, struct gc_scan *scan, const struct digests *l)
{
	scan->manifest = calloc(l->n + 1, sizeof(*scan->manifest));
	if (!scan->manifest)
		return -ENOMEM;
	expect(scan, l->n);
	for (size_t i = 0; i < l->n; i++) {
		struct gc_manifest *m = &scan->manifest[scan->nmanifests];
		char name[STORE_NAME];
		struct stat st;

		if (!may_go_on(scan))
			return -ECANCELED;
		store_name("manifests", &l->d[i], name);
		if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		m->k0 = l->d[i];
		m->size = blocks(&st);
		m->ino = st.st_ino;
		m->ctime = file_ns(&st.st_ctim);
		scan->bytes += m->size;
		scan->nmanifests++;
	}
	return 0;
}

static int
list_manifests(struct store *s, struct gc_scan *scan)
{
	struct digests l = { .loose = true };
	int r = store_walk(s->dir, "manifests", add_digest, &l);

	r = r ? r : stat_manifests(s, scan, &l);
	free(l.d);
	return r;
}

/* --- entries --- */

struct gc_blob *
gc_scan_blob(const struct gc_scan *scan, const struct digest *d)
{
	return scan->nblobs ? bsearch(d, scan->blob, scan->nblobs,
				      sizeof(*scan->blob), by_digest)
			    : NULL;
}

/* What one entry file holds: ENTRY, or, of a later version, only TEXT. */
struct loaded {
	struct entry entry;
	struct stat st;
	bool newer;
};

/* 0, ERR_CORRUPT or -errno.  Not by entry_load: that removes what it cannot
 * read. */
static int
load_entry(struct store *s, struct gc_scan *scan, const struct digest *key,
	   struct loaded *out)
{
	char name[STORE_NAME];
	int r;

	memset(out, 0, sizeof(*out));
	store_name("entries", key, name);
	buf_reset(&scan->text);
	r = file_read_unseen(s->dir, name, RECORD_MAX + RECORD_HEAD,
			     &scan->text, &out->st);
	if (r == 0)
		r = entry_decode(scan->text.p ? scan->text.p : "",
				 scan->text.len, &out->entry);
	if (r == -ELOOP)
		fstatat(s->dir, name, &out->st, AT_SYMLINK_NOFOLLOW);
	/* Nobody can read those; trouble of our own is not its fault. */
	if (r == ERR_TOOBIG || r == -ELOOP || r == -EACCES || r == -EIO)
		r = ERR_CORRUPT;
	out->newer = r == ERR_NEWER;
	return out->newer ? 0 : r;
}

/*
 * The blobs that the bytes of a later version's entry name.  FORMAT promises
 * how a digest stands in every version; one that stands there by chance costs
 * the room of a blob.
 */
static void
each_newer(struct gc_scan *scan, void (*use)(void *, const struct digest *),
	   void *ctx)
{
	const char *p = scan->text.p, *end = p + scan->text.len;

	for (; p && end - p >= 2 + DIGEST_LEN; p++) {
		struct digest d;

		if (p[0] != '\xc4' || p[1] != DIGEST_LEN)
			continue;
		memcpy(d.b, p + 2, DIGEST_LEN);
		use(ctx, &d);
	}
}

static void
each_blob(struct gc_scan *scan, const struct loaded *l,
	  void (*use)(void *, const struct digest *), void *ctx)
{
	if (l->newer)
		each_newer(scan, use, ctx);
	for (size_t i = 0; i < l->entry.nout; i++)
		if (l->entry.out[i].role != ENTRY_DEPINFO)
			use(ctx, &l->entry.out[i].blob);
}

struct adding {
	struct gc_scan *scan;
	struct gc_entry *entry;
	int error;
};

static void
add_blob(void *ctx, const struct digest *d)
{
	struct adding *a = ctx;
	struct gc_scan *scan = a->scan;
	struct gc_blob *b = gc_scan_blob(scan, d);
	uint32_t *more;

	if (!b || a->error)
		return;
	more = vec_grow(scan->pool, scan->npool, 1, sizeof(*more));
	if (!more) {
		a->error = -ENOMEM;
		return;
	}
	scan->pool = more;
	if (b->live)
		scan->shared += b->size;
	b->live = true;
	scan->pool[scan->npool++] = (uint32_t)(b - scan->blob);
	a->entry->nblobs++;
}

static bool
is_crate(const struct gc_scan *scan, const struct entry *e)
{
	size_t n = scan->crate ? strlen(scan->crate) : 0;

	return n && e->crate.len == n && !memcmp(e->crate.p, scan->crate, n);
}

static void
describe(struct gc_scan *scan, const struct loaded *l, struct gc_entry *ge,
	 struct gc_seen *seen)
{
	static const struct digest none;
	const struct entry *e = &l->entry;

	seen->ino = l->st.st_ino;
	seen->ctime = file_ns(&l->st.st_ctim);
	seen->k0 = e->k0;
	if (!digest_eq(&e->inputs, &none))
		seen->inputs = gc_scan_brief(&e->inputs);
	seen->newer = l->newer;
	seen->redirect = e->roots[0] && e->nout == 0;
	seen->bound = e->roots[0] && e->nout > 0;
	ge->used = file_ns(&l->st.st_mtim);
	ge->size = blocks(&l->st);
	/* A later version's is not ours to remove. */
	ge->pinned = l->newer;
	if (!l->newer && (scan->everything || is_crate(scan, e)))
		ge->why = GC_PURGED;
}

static int
add_entry(struct store *s, struct gc_scan *scan, const struct digest *key)
{
	struct gc_entry *ge = &scan->entry[scan->nentries];
	struct adding a = { .scan = scan, .entry = ge };
	struct loaded l;
	int r = load_entry(s, scan, key, &l);

	if (r < 0 && r != ERR_CORRUPT)
		return r == -ENOENT ? 0 : r;
	ge->key = *key;
	ge->first = scan->npool;
	describe(scan, &l, ge, &scan->seen[scan->nentries]);
	if (r == ERR_CORRUPT)
		ge->why = GC_DAMAGED;
	each_blob(scan, &l, add_blob, &a);
	entry_release(&l.entry);
	scan->newer += l.newer;
	scan->bytes += ge->size;
	scan->nentries++;
	return a.error;
}

static int
read_listed(struct store *s, struct gc_scan *scan, const struct digests *l)
{
	int r = 0;

	scan->entry = calloc(l->n + 1, sizeof(*scan->entry));
	scan->seen = calloc(l->n + 1, sizeof(*scan->seen));
	scan->by_unit = calloc(l->n + 1, sizeof(*scan->by_unit));
	if (!scan->entry || !scan->seen || !scan->by_unit)
		return -ENOMEM;
	expect(scan, l->n);
	for (size_t i = 0; i < l->n && r == 0; i++)
		r = may_go_on(scan) ? add_entry(s, scan, &l->d[i]) : -ECANCELED;
	return r;
}

static int
read_entries(struct store *s, struct gc_scan *scan)
{
	struct digests l = { 0 };
	int r = store_walk(s->dir, "entries", add_digest, &l);

	r = r ? r : read_listed(s, scan, &l);
	free(l.d);
	return r;
}

int
gc_scan_read(struct store *s, struct gc_scan *scan)
{
	/* Blobs first: one that is stored behind our back is not in the list
	 * and so is never touched. */
	int r = list_blobs(s, scan);

	/* Manifests before entries: of what one leads to, if it does not
	 * change any more, the entries are all seen. */
	r = r ? r : list_manifests(s, scan);
	return r ? r : read_entries(s, scan);
}

void
gc_scan_mark(struct gc_scan *scan)
{
	for (size_t i = 0; i < scan->nblobs; i++)
		scan->blob[i].live = false;
	for (size_t i = 0; i < scan->nentries; i++) {
		const struct gc_entry *e = &scan->entry[i];

		for (uint32_t k = 0; !e->victim && k < e->nblobs; k++)
			scan->blob[scan->pool[e->first + k]].live = true;
	}
}

struct gc_entry *
gc_scan_find(const struct gc_scan *scan, const struct digest *key)
{
	return scan->nentries ? bsearch(key, scan->entry, scan->nentries,
					sizeof(*scan->entry), by_digest)
			      : NULL;
}

bool
gc_scan_same(struct store *s, const struct gc_scan *scan, size_t i)
{
	char name[STORE_NAME];
	struct stat st;

	store_name("entries", &scan->entry[i].key, name);
	return fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino == scan->seen[i].ino &&
	       file_ns(&st.st_ctim) == scan->seen[i].ctime;
}

static int
note_change(struct gc_scan *scan, const struct loaded *l)
{
	static const struct digest none;
	struct gc_change *c;
	void *more;

	if (l->newer) {
		scan->unknown_changes = true;
		return 0;
	}
	more = vec_grow(scan->change, scan->nchanges, 1, sizeof(*c));
	if (!more)
		return -ENOMEM;
	scan->change = more;
	c = &scan->change[scan->nchanges++];
	c->k0 = l->entry.k0;
	c->inputs = digest_eq(&l->entry.inputs, &none)
			    ? 0
			    : gc_scan_brief(&l->entry.inputs);
	return 0;
}

int
gc_scan_changed(struct store *s, struct gc_scan *scan,
		void (*use)(void *ctx, const struct digest *blob), void *ctx)
{
	struct digests list = { 0 };
	int r = store_walk(s->dir, "entries", add_digest, &list);

	for (size_t i = 0; i < list.n && r == 0; i++) {
		struct gc_entry *e = gc_scan_find(scan, &list.d[i]);
		struct loaded l;

		if (e && gc_scan_same(s, scan, (size_t)(e - scan->entry)))
			continue;
		r = load_entry(s, scan, &list.d[i], &l);
		if (r == 0) {
			each_blob(scan, &l, use, ctx);
			r = note_change(scan, &l);
		} else if (r == -ENOENT || r == ERR_CORRUPT) {
			r = 0;
		}
		entry_release(&l.entry);
	}
	free(list.d);
	return r;
}

void
gc_scan_free(struct gc_scan *scan)
{
	free(scan->entry);
	free(scan->seen);
	free(scan->by_unit);
	free(scan->blob);
	free(scan->blob_size);
	free(scan->manifest);
	free(scan->change);
	free(scan->pool);
	buf_free(&scan->text);
	memset(scan, 0, sizeof(*scan));
}
