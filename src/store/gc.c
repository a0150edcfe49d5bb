/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc.h"

#include "base/err.h"
#include "base/dir.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "store/gc_lock.h"
#include "store/gc_plan.h"
#include "store/gc_rest.h"
#include "store/gc_scan.h"
#include "store/gc_steps.h"
#include "store/gc_units.h"
#include "store/incremental_gc.h"
#include "store/upload_intent.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MS = 200 };

static const int64_t spare_ns = (int64_t)1800 * 1000000000;

/* A remote that is down for longer, or that nobody has any more, must not
 * keep the store from ever shrinking. */
static const int64_t wait_ns = (int64_t)30 * 86400 * 1000000000;

struct sweep {
	struct store *s;
	const struct gc_options *o;
	struct gc_report rep;
	struct gc_steps steps;
	struct gc_scan scan;
	int64_t now;
	int lock;
	int trash;    /* its directory; -1 in a dry run */
	bool unsaved; /* a blob that is needed is still there */
};

static bool
may_wait(const struct gc_options *o)
{
	return !o->go_on || o->go_on(o->ctx, 0, 0);
}

static int
take_lock(struct sweep *w)
{
	int fd = file_open_own(w->s->dir, "gc.lock", O_RDWR);
	int r;

	if (fd < 0)
		return fd;
	do
		r = file_lock(fd, LOCK_STORE, true, w->o->wait ? WAIT_MS : 0);
	while (r == ERR_TIMEOUT && w->o->wait && may_wait(w->o));
	if (r < 0) {
		close(fd);
		return r == ERR_TIMEOUT ? -EAGAIN : r;
	}
	return fd;
}

/* Not by a link: what lies behind it is not ours. */
static int
open_trash(struct sweep *w)
{
	if (mkdirat(w->s->dir, "trash", 0700) < 0 && errno != EEXIST)
		return -errno;
	w->trash = openat(w->s->dir, "trash",
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return w->trash < 0 ? -errno : 0;
}

/* Every blob in the trash goes back: an earlier sweep died between renaming
 * and deleting, or we cannot tell what is needed. */
static void
empty_trash(struct sweep *w)
{
	struct dir_names names;

	if (dir_list(w->trash, ".", 0, &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++) {
		const char *from = names.name[i];
		char to[STORE_NAME];
		struct digest d;
		int r;

		if (digest_parse(from, strlen(from), &d) < 0)
			continue;
		store_name("blobs", &d, to);
		r = file_link(w->trash, from, w->s->dir, to);
		if (r == 0 || r == -EEXIST)
			unlinkat(w->trash, from, 0);
	}
	dir_names_free(&names);
}

/* --- entries --- */

/* Given up, and said so. */
static bool
has_expired(struct sweep *w, const struct digest *at)
{
	return upload_intent_is_older(w->s, at, w->now - wait_ns) &&
	       (w->o->dry_run ||
		upload_intent_bury(w->s, at, "not uploaded for 30 days") == 0);
}

static int
pin(void *ctx, const struct digest *at, const char *reason)
{
	struct sweep *w = ctx;
	struct gc_entry *e = gc_scan_find(&w->scan, at);

	(void)reason;
	if (has_expired(w, at))
		w->rep.expired++;
	else if (e && !e->pinned && e->why != GC_DAMAGED) {
		e->pinned = true;
		w->rep.waiting++;
	}
	return 0;
}

static bool
is_waiting(struct store *s, const struct digest *at)
{
	char name[STORE_NAME];

	store_name("spool", at, name);
	return faccessat(s->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
make_plan(struct sweep *w)
{
	const struct gc_options *o = w->o;
	struct gc_scan *scan = &w->scan;
	struct gc_blobs blobs = { scan->blob_size, scan->nblobs, scan->pool };
	struct gc_limits l = {
		.max_size = o->max_size,
		.target = o->max_size / 10 * 9,
		.max_age = o->max_age,
		.now = w->now,
	};

	if (o->automatic && w->rep.bytes < o->max_size / 2 * 3)
		l.spare = spare_ns;
	gc_plan(scan->entry, scan->nentries, &blobs, w->rep.bytes, &l);
}

static void
count_victim(struct gc_report *r, enum gc_why why)
{
	uint64_t *const by[] = {
		[GC_DAMAGED] = &r->damaged, [GC_PURGED] = &r->purged,
		[GC_BY_AGE] = &r->by_age,   [GC_UNREACHABLE] = &r->unreachable,
		[GC_BY_SIZE] = &r->by_size,
	};

	if (why == GC_STAYS)
		return;
	r->victims++;
	++*by[why];
}

/* It was used, replaced or offered since we looked. */
static bool
stays_after_all(struct sweep *w, size_t i)
{
	const struct gc_entry *e = &w->scan.entry[i];

	if (!gc_scan_same(w->s, &w->scan, i))
		return true;
	if (!is_waiting(w->s, &e->key))
		return false;
	if (w->o->waiting && e->why == GC_PURGED) {
		upload_intent_retire(w->s, &e->key);
		return false;
	}
	return e->why != GC_DAMAGED;
}

static void
remove_victim(struct sweep *w, size_t i)
{
	struct gc_entry *e = &w->scan.entry[i];
	char name[STORE_NAME];

	if (!w->o->dry_run) {
		if (!gc_step(&w->steps) || stays_after_all(w, i)) {
			e->victim = false;
			return;
		}
		store_name("entries", &e->key, name);
		store_remove(w->s, name);
		/* Then it needs its blobs. */
		if (gc_scan_same(w->s, &w->scan, i)) {
			e->victim = false;
			w->rep.stuck++;
			return;
		}
	}
	count_victim(&w->rep, (enum gc_why)e->why);
	w->rep.bytes_after -= e->size;
}

static void
remove_victims(struct sweep *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->scan.nentries; i++)
		n += w->scan.entry[i].victim;
	gc_steps_expect(&w->steps, n);
	for (size_t i = 0; i < w->scan.nentries; i++)
		if (w->scan.entry[i].victim)
			remove_victim(w, i);
}

/* --- blobs --- */

static void
count_blob(struct gc_report *rep, const struct gc_blob *b)
{
	rep->orphans++;
	rep->bytes_after -= b->size;
	if (b->linked)
		rep->held += b->size;
	else
		rep->freed += b->size;
}

/* Unreferenced blobs leave their place by rename: what stores meanwhile
 * finds them gone and makes them again. */
static size_t
trash_blobs(struct sweep *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->scan.nblobs; i++) {
		struct gc_blob *b = &w->scan.blob[i];
		char from[STORE_NAME], to[DIGEST_HEX + 1];

		if (b->live)
			continue;
		if (!gc_step(&w->steps))
			break;
		store_name("blobs", &b->digest, from);
		digest_hex(&b->digest, to);
		b->trashed = renameat(w->s->dir, from, w->trash, to) == 0;
		w->rep.stuck += !b->trashed && errno != ENOENT;
		n += b->trashed;
	}
	return n;
}

static void
rescue(void *ctx, const struct digest *digest)
{
	struct sweep *w = ctx;
	struct gc_blob *b = gc_scan_blob(&w->scan, digest);
	char from[DIGEST_HEX + 1], to[STORE_NAME];
	int r;

	if (!b || !b->trashed)
		return;
	digest_hex(digest, from);
	store_name("blobs", digest, to);
	r = file_link(w->trash, from, w->s->dir, to);
	b->live = true;
	/* No space, perhaps: it must not be deleted. */
	if (r < 0 && r != -EEXIST) {
		b->trashed = false;
		w->unsaved = true;
	}
}

/* One that a store made again meanwhile was counted there. */
static void
delete_trashed(struct sweep *w, const struct gc_blob *b)
{
	char name[DIGEST_HEX + 1];

	digest_hex(&b->digest, name);
	if (unlinkat(w->trash, name, 0) < 0)
		w->rep.stuck += errno != ENOENT;
	else if (!b->live)
		count_blob(&w->rep, b);
}

/* 0, or -errno: nothing was removed. */
static int
sweep_blobs(struct sweep *w)
{
	struct gc_scan *scan = &w->scan;
	int r;

	if (trash_blobs(w) == 0 && w->steps.stopped)
		return 0;
	/* Entries that appeared while we renamed: what they name comes
	 * back. */
	r = gc_scan_changed(w->s, scan, rescue, w);
	if (r < 0) {
		empty_trash(w);
		return r;
	}
	/* What we leave there, the next sweep puts back and looks at anew. */
	for (size_t i = 0; i < scan->nblobs; i++)
		if (scan->blob[i].trashed && gc_step(&w->steps))
			delete_trashed(w, &scan->blob[i]);
	/* Now there may be space. */
	if (w->unsaved)
		empty_trash(w);
	return 0;
}

static void
count_orphans(struct sweep *w)
{
	for (size_t i = 0; i < w->scan.nblobs; i++) {
		const struct gc_blob *b = &w->scan.blob[i];

		if (!b->live)
			count_blob(&w->rep, b);
	}
}

/* --- the whole --- */

static void
sweep_manifests(struct sweep *w)
{
	struct gc_trim t = {
		.now = w->now,
		.everything = w->o->everything,
		.dry_run = w->o->dry_run,
	};

	gc_units_trim(w->s, &w->scan, &t);
	w->rep.manifests = t.manifests;
	w->rep.input_lists = t.input_lists;
	w->rep.bytes_after -= t.bytes;
}

/* Outside of the store, where a file system may be dead and its files keep
 * whoever asks: nobody else's sweep must wait for that. */
static void
sweep_incremental(struct sweep *w)
{
	struct incremental_gc inc = {
		.steps = &w->steps,
		.now = w->now,
		.max_age = w->o->incremental_max_age,
		.dry_run = w->o->dry_run,
	};

	if (file_lock(w->lock, LOCK_INCREMENTAL, true, 0) < 0)
		return;
	file_unlock(w->lock, LOCK_STORE);
	incremental_gc(w->s, &inc);
	w->rep.incremental = inc.dirs;
	w->rep.incremental_bytes = inc.bytes;
	w->rep.incremental_left = inc.left;
}

static void
sweep_rest(struct sweep *w)
{
	struct gc_rest rest = {
		.steps = &w->steps,
		.now = w->now,
		.dry_run = w->o->dry_run,
	};
	int r = gc_rest(w->s, &rest);

	w->rep.temps = rest.temps;
	w->rep.letters = rest.letters;
	w->rep.sessions = rest.sessions;
	w->rep.ids = rest.ids;
	if (r == 0)
		sweep_incremental(w);
}

/* 0, -ECANCELED (nothing is changed yet), or -errno. */
static int
scan_store(struct sweep *w)
{
	struct gc_scan *scan = &w->scan;
	struct gc_report *rep = &w->rep;
	int r = gc_scan_read(w->s, scan);

	rep->entries = scan->nentries;
	rep->blobs = scan->nblobs;
	rep->bytes = rep->bytes_after = scan->bytes;
	rep->shared = scan->shared;
	rep->newer = scan->newer;
	if (r < 0)
		return r;
	gc_units_relate(w->s, scan, w->now);
	/* After the entries: what was offered before we read them is seen;
	 * what is offered later is looked for once more at the end. */
	if (!w->o->waiting)
		upload_intent_each(w->s, 0, pin, w);
	make_plan(w);
	return 0;
}

static int
sweep_store(struct sweep *w, struct digest_cache *m)
{
	int r = scan_store(w);

	if (r < 0)
		return r;
	remove_victims(w);
	gc_scan_mark(&w->scan);
	if (w->o->dry_run) {
		count_orphans(w);
		sweep_manifests(w);
		sweep_rest(w);
		return 0;
	}
	r = sweep_blobs(w);
	if (r < 0)
		return r;
	sweep_manifests(w);
	/* What is in the store only a whole sweep knows. */
	if (!w->steps.stopped)
		digest_cache_swept(m, w->rep.bytes_after);
	sweep_rest(w);
	return 0;
}

/* 0, also if it was ended, or -errno. */
static int
sweep(struct sweep *w, struct digest_cache *m)
{
	int r = w->o->locked ? w->o->locked(w->o->ctx) : 0;

	if (r >= 0 && !w->o->dry_run)
		r = open_trash(w);
	if (r < 0)
		return r;
	if (!w->o->dry_run)
		empty_trash(w);
	r = sweep_store(w, m);
	w->rep.cut_short = w->steps.stopped;
	return r == -ECANCELED && w->steps.stopped ? 0 : r;
}

int
gc_run(struct store *s, struct digest_cache *m, const struct gc_options *o,
       struct gc_report *report)
{
	struct gc_options own = *o;
	struct sweep w = {
		.s = s,
		.o = &own,
		.steps = { .go_on = o->go_on, .ctx = o->ctx },
		.now = file_now(),
		.trash = -1,
	};
	int r;

	/* A product that overflowed must not be an age. */
	own.max_age = o->max_age < 0 ? 0 : o->max_age;
	own.incremental_max_age =
		o->incremental_max_age < 0 ? 0 : o->incremental_max_age;
	w.lock = take_lock(&w);
	if (w.lock < 0)
		return w.lock;
	w.scan.steps = &w.steps;
	w.scan.crate = o->crate;
	w.scan.everything = o->everything;
	r = sweep(&w, m);
	if (r == 0)
		*report = w.rep;
	gc_scan_free(&w.scan);
	if (w.trash >= 0)
		close(w.trash);
	close(w.lock);
	return r;
}
