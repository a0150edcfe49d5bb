/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc.h"

#include "base/err.h"
#include "base/file.h"
#include "key/memo.h"
#include "store/entry.h"
#include "store/gc_scan.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t spare_ns = (int64_t)1800 * 1000000000;
static const int64_t temp_ns = (int64_t)86400 * 1000000000;
static const int64_t young_ns = (int64_t)600 * 1000000000;

static int
older(const void *a, const void *b)
{
	const struct gc_entry *x = a, *y = b;

	if (x->used != y->used)
		return x->used < y->used ? -1 : 1;
	return memcmp(x->key.b, y->key.b, DIGEST_LEN);
}

/* What goes with an entry: itself and the blobs that only it names. */
static uint64_t
drop(struct gc_entry *e, uint32_t *refs, const struct gc_blobs *blobs)
{
	const uint32_t *b = blobs->pool + e->first;
	uint64_t gone = e->size;

	e->victim = true;
	for (uint32_t i = 0; i < e->nblobs; i++)
		if (--refs[b[i]] == 0)
			gone += blobs->size[b[i]];
	return gone;
}

uint64_t
gc_plan(struct gc_entry *e, size_t n, const struct gc_blobs *blobs,
	uint64_t total, const struct gc_limits *l)
{
	uint32_t *refs = calloc(blobs->count + 1, sizeof(*refs));
	const uint64_t *size = blobs->size;
	bool over = l->max_size && total > l->max_size;

	if (!refs)
		return total;
	for (size_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < e[i].nblobs; k++)
			refs[blobs->pool[e[i].first + k]]++;
	/* Blobs that nobody names go in any case. */
	for (size_t i = 0; i < blobs->count; i++)
		if (refs[i] == 0)
			total -= size[i] < total ? size[i] : total;
	qsort(e, n, sizeof(*e), older);
	for (size_t i = 0; i < n; i++) {
		bool old = l->max_age && e[i].used < l->now - l->max_age;
		bool spared = l->spare && e[i].used > l->now - l->spare;

		if (old || (over && total > l->target && !spared))
			total -= drop(&e[i], refs, blobs);
	}
	free(refs);
	return total;
}

static int
take_lock(struct store *s)
{
	int fd = openat(s->dir, "gc.lock",
			O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = file_lock(fd, 0, true, 0);
	if (r < 0) {
		close(fd);
		return r == ERR_TIMEOUT ? -EAGAIN : r;
	}
	return fd;
}

/* An earlier sweep died between renaming and deleting: everything goes back,
 * this sweep decides anew. */
static void
empty_trash(struct store *s)
{
	struct gc_names names = { 0 };

	gc_scan_flat(s, "trash", &names);
	for (size_t i = 0; i < names.count; i++) {
		char from[STORE_NAME], to[STORE_NAME];
		struct digest d;

		snprintf(from, sizeof(from), "trash/%s", names.name[i]);
		if (digest_parse(names.name[i], strlen(names.name[i]), &d) <
		    0) {
			unlinkat(s->dir, from, 0);
			continue;
		}
		store_name("blobs", &d, to);
		file_link(s->dir, from, s->dir, to);
		unlinkat(s->dir, from, 0);
	}
	gc_names_free(&names);
}

static bool
go_on(const struct gc_options *o, struct gc_report *rep, uint64_t done,
      uint64_t total)
{
	if (!rep->cut_short && o->go_on && !o->go_on(o->ctx, done, total))
		rep->cut_short = true;
	return !rep->cut_short;
}

static void
remove_victims(struct store *s, struct gc_scan *scan,
	       const struct gc_options *o, struct gc_report *rep)
{
	for (size_t i = 0; i < scan->nentries; i++) {
		const struct gc_entry *e = &scan->entry[i];
		char name[STORE_NAME];

		if (!e->victim)
			continue;
		if (!go_on(o, rep, rep->victims, scan->nentries))
			return;
		rep->victims++;
		store_name("entries", &e->key, name);
		if (!o->dry_run)
			unlinkat(s->dir, name, 0);
	}
}

static void
trash_name(const struct digest *d, char name[STORE_NAME])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(d, hex);
	snprintf(name, STORE_NAME, "trash/%s", hex);
}

/* Unreferenced blobs leave their place by rename: what stores meanwhile
 * finds them gone and makes them again. */
static void
trash_blobs(struct store *s, struct gc_scan *scan, const struct gc_options *o,
	    struct gc_report *rep)
{
	gc_scan_mark(scan);
	for (size_t i = 0; i < scan->nblobs && !rep->cut_short; i++) {
		char from[STORE_NAME], to[STORE_NAME];

		if (scan->blob[i].live || !go_on(o, rep, i, scan->nblobs))
			continue;
		store_name("blobs", &scan->blob[i].digest, from);
		trash_name(&scan->blob[i].digest, to);
		scan->blob[i].trashed = renameat(s->dir, from, s->dir, to) == 0;
	}
}

/* Entries that appeared while we renamed: what they name comes back. */
static void
rescue(void *ctx, const struct entry *e)
{
	struct store *s = ctx;

	for (size_t i = 0; i < e->nout; i++) {
		char from[STORE_NAME], to[STORE_NAME];

		if (e->out[i].role == ENTRY_DEPINFO)
			continue;
		trash_name(&e->out[i].blob, from);
		store_name("blobs", &e->out[i].blob, to);
		file_link(s->dir, from, s->dir, to);
	}
}

static void
delete_trash(struct store *s, struct gc_scan *scan, struct gc_report *rep)
{
	for (size_t i = 0; i < scan->nblobs; i++) {
		struct gc_blob *b = &scan->blob[i];
		char name[STORE_NAME], back[STORE_NAME];
		struct stat st;

		if (!b->trashed)
			continue;
		trash_name(&b->digest, name);
		store_name("blobs", &b->digest, back);
		if (fstatat(s->dir, name, &st, 0) < 0)
			continue;
		unlinkat(s->dir, name, 0);
		if (faccessat(s->dir, back, F_OK, 0) == 0)
			continue;
		rep->orphans++;
		if (st.st_nlink > 1)
			rep->held += b->size;
		else
			rep->freed += b->size;
	}
}

static void
remove_manifests(struct store *s, struct gc_scan *scan, int64_t now,
		 struct gc_report *rep)
{
	struct gc_names names = { 0 };

	gc_scan_tree(s, "manifests", &names);
	for (size_t i = 0; i < names.count; i++) {
		char name[STORE_NAME];
		struct file_id id;
		struct digest d;

		if (digest_parse(names.name[i], strlen(names.name[i]), &d) < 0)
			continue;
		store_name("manifests", &d, name);
		/* A store publishes its entry first, its manifest later. */
		if (gc_scan_has_unit(scan, &d) ||
		    file_id_at(s->dir, name, &id) < 0 ||
		    id.mtime > now - young_ns)
			continue;
		if (unlinkat(s->dir, name, 0) == 0)
			rep->manifests++;
	}
	gc_names_free(&names);
}

static void
remove_temps(struct store *s, int64_t now, struct gc_report *rep)
{
	struct gc_names names = { 0 };

	gc_scan_flat(s, "tmp", &names);
	for (size_t i = 0; i < names.count; i++) {
		char name[STORE_NAME + 8];
		struct file_id id;

		snprintf(name, sizeof(name), "tmp/%s", names.name[i]);
		if (file_id_at(s->dir, name, &id) == 0 &&
		    id.mtime < now - temp_ns && unlinkat(s->dir, name, 0) == 0)
			rep->temps++;
	}
	gc_names_free(&names);
}

static void
make_plan(struct gc_scan *scan, const struct gc_options *o,
	  struct gc_report *rep)
{
	struct gc_limits l = {
		.max_size = o->max_size,
		.target = o->max_size / 10 * 9,
		.max_age = o->max_age,
		.now = file_now(),
	};
	struct gc_blobs blobs = { scan->blob_size, scan->nblobs, scan->pool };

	if (o->automatic && rep->bytes < o->max_size / 2 * 3)
		l.spare = spare_ns;
	rep->bytes_after =
		gc_plan(scan->entry, scan->nentries, &blobs, rep->bytes, &l);
}

static void
sweep(struct store *s, struct memo *m, struct gc_scan *scan,
      const struct gc_options *o, struct gc_report *rep)
{
	int64_t now = file_now();

	remove_victims(s, scan, o, rep);
	if (o->dry_run)
		return;
	trash_blobs(s, scan, o, rep);
	gc_scan_changed(s, scan, rescue, s);
	delete_trash(s, scan, rep);
	/* What is in the store now only a whole sweep knows. */
	if (rep->cut_short)
		return;
	remove_manifests(s, scan, now, rep);
	remove_temps(s, now, rep);
	memo_swept(m, rep->bytes_after);
}

int
gc_run(struct store *s, struct memo *m, const struct gc_options *o,
       struct gc_report *report)
{
	struct gc_scan scan = { 0 };
	struct gc_report rep = { 0 };
	int lock = take_lock(s), r;

	if (lock < 0)
		return lock;
	empty_trash(s);
	r = gc_scan_read(s, &scan);
	if (r == 0) {
		rep.entries = scan.nentries;
		rep.blobs = scan.nblobs;
		rep.bytes = scan.bytes;
		rep.shared = scan.shared;
		make_plan(&scan, o, &rep);
		sweep(s, m, &scan, o, &rep);
		*report = rep;
	}
	gc_scan_free(&scan);
	close(lock);
	return r;
}
