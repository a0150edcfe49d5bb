/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc_units.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/record.h"
#include "store/gc_scan.h"
#include "store/gc_steps.h"
#include "store/manifest.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOCK_MS = 2000, INPUT_LISTS = 64 };

static const int64_t young_ns = (int64_t)600 * 1000000000;

/* The entries of one unit: by_unit[from] to by_unit[to - 1]. */
struct unit {
	struct gc_scan *scan;
	size_t from;
	size_t to;
};

static struct gc_entry *
entry_of(const struct unit *u, size_t i)
{
	return &u->scan->entry[u->scan->by_unit[i]];
}

static struct gc_seen *
seen_of(const struct unit *u, size_t i)
{
	return &u->scan->seen[u->scan->by_unit[i]];
}

static const struct digest *
k0_of(const struct unit *u)
{
	return &seen_of(u, u->from)->k0;
}

static int
by_k0(const void *a, const void *b, void *ctx)
{
	const struct gc_seen *seen = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int r = memcmp(seen[x].k0.b, seen[y].k0.b, DIGEST_LEN);

	return r ? r : x < y ? -1 : x > y;
}

/* The unit behind U, in the order of K0.  False: there is none. */
static bool
next_unit(struct unit *u)
{
	const struct gc_scan *scan = u->scan;

	u->from = u->to;
	if (u->from == scan->nentries)
		return false;
	while (u->to < scan->nentries &&
	       digest_eq(&seen_of(u, u->to)->k0, k0_of(u)))
		u->to++;
	return true;
}

/* A store publishes its entry first, its manifest later. */
static void
set_unreachable(const struct unit *u, size_t i, int64_t now)
{
	struct gc_entry *e = entry_of(u, i);

	if (e->used <= now - young_ns && !seen_of(u, i)->newer)
		e->unreachable = true;
}

/*
 * A hit refreshes what the redirect leads to, not the redirect: by its own
 * time it would go first and take the use of the other away.  So it goes
 * right after.
 */
static void
relate_redirects(const struct unit *u, int64_t now)
{
	bool all_purged = true, bound = false;
	int64_t used = 0;

	for (size_t i = u->from; i < u->to; i++) {
		const struct gc_entry *e = entry_of(u, i);

		if (seen_of(u, i)->redirect)
			continue;
		all_purged = all_purged && e->why == GC_PURGED;
		if (seen_of(u, i)->bound) {
			bound = true;
			used = e->used > used ? e->used : used;
		}
	}
	for (size_t i = u->from; i < u->to; i++) {
		struct gc_entry *e = entry_of(u, i);

		if (!seen_of(u, i)->redirect || e->why != GC_STAYS)
			continue;
		if (!bound)
			set_unreachable(u, i, now);
		else if (used >= e->used)
			e->used = used + 1;
		if (bound && all_purged)
			e->why = GC_PURGED;
	}
}

static const struct gc_manifest *
find_manifest(const struct gc_scan *scan, const struct digest *k0)
{
	size_t from = 0, to = scan->nmanifests;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		const struct gc_manifest *m = &scan->manifest[mid];
		int r = memcmp(m->k0.b, k0->b, DIGEST_LEN);

		if (r == 0)
			return m;
		if (r < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

/* Not by manifest_load: that removes what it cannot read. */
static int
load_manifest(struct store *s, const struct digest *k0, struct manifest *m)
{
	char name[STORE_NAME];
	struct buf b = { 0 };
	int r;

	store_name("manifests", k0, name);
	r = file_read(s->dir, name, RECORD_MAX, &b);
	if (r == 0)
		r = manifest_decode(b.p ? b.p : "", b.len, m);
	buf_free(&b);
	return r;
}

static uint64_t
brief_of(const struct inputs *inputs)
{
	struct digest d;

	inputs_digest(inputs, &d);
	return gc_scan_brief(&d);
}

/* More than one input list: only then may the manifest have dropped one. */
static bool
is_mixed(const struct unit *u)
{
	uint64_t first = 0;

	for (size_t i = u->from; i < u->to; i++) {
		uint64_t inputs = seen_of(u, i)->inputs;

		if (first && inputs && inputs != first)
			return true;
		first = first ? first : inputs;
	}
	return false;
}

static void
find_unreachable(struct store *s, const struct unit *u, int64_t now)
{
	const struct gc_manifest *there = find_manifest(u->scan, k0_of(u));
	struct manifest m = { 0 };
	uint64_t inputs[MANIFEST_MAX];

	if (there && (!is_mixed(u) || load_manifest(s, k0_of(u), &m) < 0))
		return;
	for (size_t k = 0; k < m.count; k++)
		inputs[k] = brief_of(&m.rec[k].inputs);
	for (size_t i = u->from; i < u->to; i++) {
		uint64_t own = seen_of(u, i)->inputs;
		bool found = there && own == 0;

		for (size_t k = 0; k < m.count; k++)
			found = found || inputs[k] == own;
		if (!found)
			set_unreachable(u, i, now);
	}
	manifest_release(&m);
}

void
gc_units_relate(struct store *s, struct gc_scan *scan, int64_t now)
{
	struct unit u = { .scan = scan };

	for (size_t i = 0; i < scan->nentries; i++)
		scan->by_unit[i] = (uint32_t)i;
	qsort_r(scan->by_unit, scan->nentries, sizeof(*scan->by_unit), by_k0,
		scan->seen);
	while (next_unit(&u)) {
		relate_redirects(&u, now);
		find_unreachable(s, &u, now);
	}
}

/* --- manifests --- */

struct trimming {
	struct store *s; /* with locks of our own */
	struct gc_scan *scan;
	struct gc_trim *t;
};

/* What of a unit stays. */
struct rest {
	size_t entries;
	size_t gone;
	bool purged; /* by name */
	bool unsure; /* some entry does not say its input list */
	bool mixed;
	size_t ninput_lists;
	uint64_t inputs[INPUT_LISTS];
};

static void
add_rest(struct rest *r, uint64_t inputs)
{
	r->entries++;
	if (!inputs || r->ninput_lists == INPUT_LISTS)
		r->unsure = true;
	else
		r->inputs[r->ninput_lists++] = inputs;
}

static void
find_rest(const struct gc_scan *scan, const struct unit *u,
	  const struct digest *k0, struct rest *r)
{
	memset(r, 0, sizeof(*r));
	for (size_t i = u->from; i < u->to; i++) {
		const struct gc_entry *e = entry_of(u, i);

		if (e->victim) {
			r->gone++;
			r->purged = r->purged || e->why == GC_PURGED;
		} else {
			add_rest(r, seen_of(u, i)->inputs);
		}
	}
	r->mixed = u->from < u->to && is_mixed(u);
	for (size_t i = 0; i < scan->nchanges; i++)
		if (digest_eq(&scan->change[i].k0, k0))
			add_rest(r, scan->change[i].inputs);
}

static bool
leads_somewhere(const struct rest *r, const struct manifest_record *rec)
{
	uint64_t inputs = brief_of(&rec->inputs);

	for (size_t i = 0; i < r->ninput_lists; i++)
		if (r->inputs[i] == inputs)
			return true;
	return r->unsure;
}

/* The entries of its newest record may be on their way, or were published
 * after we looked. */
static bool
is_young(const struct trimming *w, const struct gc_manifest *at,
	 const struct rest *rest, const char *name)
{
	struct file_id id;

	if (file_id_at(w->s->dir, name, &id) < 0)
		return true;
	if (w->t->everything || rest->purged)
		return id.ino != at->ino || id.ctime != at->ctime;
	return id.mtime > w->t->now - young_ns;
}

/* A later version's: by its head, which is enough here. */
static bool
is_newer(const struct trimming *w, const char *name)
{
	static const unsigned char head[8] = { 'k', 'c', 'h', 'm', 1 };
	unsigned char have[sizeof(head)];
	int fd = openat(w->s->dir, name,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : pread(fd, have, sizeof(have), 0);

	if (fd >= 0)
		close(fd);
	return n == sizeof(have) && memcmp(have, head, 4) == 0 &&
	       memcmp(have, head, sizeof(head)) != 0;
}

static void
remove_manifest(struct trimming *w, const struct gc_manifest *m,
		const char *name)
{
	if (!w->t->dry_run && unlinkat(w->s->dir, name, 0) < 0)
		return;
	w->t->manifests++;
	w->t->bytes += m->size;
}

static void
write_rest(struct trimming *w, const struct gc_manifest *m, const char *name,
	   const struct manifest *rest)
{
	char tmp[STORE_NAME];
	struct buf b = { 0 };

	if (rest->count == 0) {
		remove_manifest(w, m, name);
		return;
	}
	manifest_encode(rest, &b);
	store_tmp(w->s, tmp);
	if (!b.failed)
		file_publish(w->s->dir, tmp, name, b.p, b.len);
	buf_free(&b);
}

/* Drops the records that lead nowhere. */
static void
trim_records(struct trimming *w, const struct gc_manifest *at,
	     const struct rest *rest, struct manifest *m, const char *name)
{
	struct manifest left = { 0 };
	size_t all = m->count;

	/* Both share their input lists; M still has them all to release. */
	for (size_t i = 0; i < all; i++)
		if (leads_somewhere(rest, &m->rec[i]))
			left.rec[left.count++] = m->rec[i];
	if (left.count == all)
		return;
	w->t->input_lists += all - left.count;
	write_rest(w, at, name, &left);
}

static void
trim_locked(struct trimming *w, const struct gc_manifest *at,
	    const struct rest *rest)
{
	struct manifest m = { 0 };
	char name[STORE_NAME];
	int r;

	store_name("manifests", &at->k0, name);
	if (is_young(w, at, rest, name))
		return;
	if (!rest->entries) {
		if (!is_newer(w, name))
			remove_manifest(w, at, name);
		return;
	}
	if (w->t->dry_run)
		return;
	r = load_manifest(w->s, &at->k0, &m);
	if (r == ERR_CORRUPT)
		remove_manifest(w, at, name);
	else if (r == 0)
		trim_records(w, at, rest, &m, name);
	manifest_release(&m);
}

static void
trim(struct trimming *w, const struct gc_manifest *at, const struct rest *rest)
{
	if (w->t->dry_run) {
		trim_locked(w, at, rest);
		return;
	}
	if (store_lock(w->s, STORE_LOCK_MANIFEST, &at->k0, LOCK_MS) < 0)
		return;
	trim_locked(w, at, rest);
	store_unlock(w->s, STORE_LOCK_MANIFEST, &at->k0);
}

/* Both lists are sorted by K0. */
static int
trim_all(struct trimming *w)
{
	struct gc_scan *scan = w->scan;
	struct unit u = { .scan = scan };
	bool more = next_unit(&u);

	for (size_t i = 0; i < scan->nmanifests; i++) {
		const struct gc_manifest *m = &scan->manifest[i];
		struct unit none = { .scan = scan };
		struct rest rest;
		bool own;

		if (scan->steps && !gc_step(scan->steps))
			return -ECANCELED;
		while (more && memcmp(k0_of(&u)->b, m->k0.b, DIGEST_LEN) < 0)
			more = next_unit(&u);
		own = more && digest_eq(k0_of(&u), &m->k0);
		find_rest(scan, own ? &u : &none, &m->k0, &rest);
		if (!rest.entries || rest.gone || rest.mixed)
			trim(w, m, &rest);
	}
	return 0;
}

int
gc_units_trim(struct store *s, struct gc_scan *scan, struct gc_trim *t)
{
	struct store own = *s;
	struct trimming w = { .s = &own, .scan = scan, .t = t };
	int r;

	/* Which units a later version's entries are of, we cannot know. */
	if (scan->newer || scan->unknown_changes)
		return 0;
	/* Locks exclude open files: those of the caller's other threads, too,
	 * if this one is our own. */
	own.locks = openat(s->dir, "locks", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (own.locks < 0)
		return 0;
	if (scan->steps)
		gc_steps_expect(scan->steps, scan->nmanifests);
	/* Temporary names that the other S does not make. */
	own.nonce ^= (uint64_t)file_now();
	r = trim_all(&w);
	close(own.locks);
	return r;
}
