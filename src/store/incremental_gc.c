/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/incremental_gc.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/dir.h"
#include "base/file.h"
#include "store/gc_steps.h"
#include "store/incremental_index.h"
#include "store/store.h"
#include "store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char gone[] = ".kache-gone-";

/* What was found for one note.  Two may name one directory: by other ways. */
struct found {
	char note[INCREMENTAL_INDEX_NAME];
	bool there; /* and is this directory */
	uint64_t dev;
	uint64_t ino;
	int64_t seen;
};

struct hunt {
	struct store *store;
	struct incremental_gc *w;
	struct found *found;
	size_t count;
};

/* One directory that may go. */
struct prey {
	struct store *store;
	struct incremental_gc *w;
	const struct hunt *hunt;
	const struct found *found;
	const char *note; /* its name */
	struct incremental_index n;
	int parent;
	int dir;
	const char *last; /* its name in PARENT */
};

static int
open_lock(int dir, const char *name)
{
	int fd =
		openat(dir, name,
		       O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	/* As cargo and rustc do (seen: cargo and rustc 1.95). */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return -EBUSY;
	}
	return fd;
}

static bool
is_lock(const char *name)
{
	size_t n = strlen(name);

	return n > 7 && !strncmp(name, "s-", 2) &&
	       !strcmp(name + n - 5, ".lock");
}

/* What rustc leaves in a crate's directory: sessions and their locks. */
static bool
session_is_free(int dir, const char *name, const struct stat *st)
{
	int fd;

	if (S_ISDIR(st->st_mode))
		return !strncmp(name, "s-", 2);
	if (!S_ISREG(st->st_mode) || !is_lock(name))
		return false;
	fd = open_lock(dir, name);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Calls TEST for each name in DIR, which stays open, until it says no. */
static bool
all_of(struct prey *p, int dir,
       bool (*test)(struct prey *p, int dir, const char *name,
		    const struct stat *st))
{
	struct dir_names names;
	bool ok = dir_list(dir, ".", DIR_HIDDEN, &names) == 0;
	struct stat st;

	for (size_t i = 0; i < names.count && ok; i++)
		ok = fstatat(dir, names.name[i], &st, AT_SYMLINK_NOFOLLOW) ==
			     0 &&
		     test(p, dir, names.name[i], &st);
	dir_names_free(&names);
	return ok;
}

static bool
test_session(struct prey *p, int dir, const char *name, const struct stat *st)
{
	(void)p;
	return session_is_free(dir, name, st);
}

/* Builds that we do not see (without the wrapper) leave their traces here:
 * each adds a session. */
static bool
is_old(const struct prey *p, const struct stat *st)
{
	return p->n.leaving ||
	       file_ns(&st->st_mtim) < p->w->now - p->w->max_age;
}

static bool
test_crate(struct prey *p, int dir, const char *name, const struct stat *st)
{
	int fd;
	bool ok;

	/* rustc: <crate>-<number in base 36> */
	if (!S_ISDIR(st->st_mode) || !strrchr(name, '-') || !is_old(p, st))
		return false;
	fd = tree_enter(dir, name);
	ok = fd >= 0 && all_of(p, fd, test_session);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool
is_idle(struct prey *p)
{
	struct stat st;

	return fstat(p->dir, &st) == 0 && is_old(p, &st) &&
	       all_of(p, p->dir, test_crate);
}

static bool
is_same_dir(const struct found *a, const struct found *b)
{
	return a == b ||
	       (a->there && b->there && a->dev == b->dev && a->ino == b->ino);
}

/* By any of its notes. */
static bool
used_since(const struct prey *p)
{
	struct incremental_index again;

	for (size_t i = 0; i < p->hunt->count; i++) {
		const struct found *f = &p->hunt->found[i];

		if (is_same_dir(p->found, f) &&
		    (incremental_index_read(p->store, f->note, &again) < 0 ||
		     again.seen != f->seen))
			return true;
	}
	return false;
}

static void
release_prey(struct prey *p)
{
	p->w->notes++;
	if (!p->w->dry_run)
		unlinkat(p->store->dir, p->note, 0);
}

/* What was looked at is what was renamed. */
static bool
is_same(const struct prey *p, const char *name)
{
	struct stat a, b;

	return fstat(p->dir, &a) == 0 &&
	       fstatat(p->parent, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Under its new name nobody can begin to use it. */
static int
remove_renamed(struct prey *p, const char *name, const char *note)
{
	int r = tree_remove(p->parent, name, p->dir, p->w->steps, &p->w->bytes);

	if (r == 0) {
		p->w->dirs++;
		unlinkat(p->store->dir, note, 0);
	}
	return r == -ECANCELED ? r : 0;
}

/* Somebody came while we renamed: as it was. */
static void
put_back(struct prey *p, const char *name, const char *note)
{
	if (tree_rename(p->parent, name, p->last) == 0)
		unlinkat(p->store->dir, note, 0);
}

/* Whether it lies at NAME now, for NOTE to say so. */
static bool
rename_idle(struct prey *p, const char *name, const char *note)
{
	if (used_since(p) || !is_idle(p) ||
	    tree_rename(p->parent, p->last, name) < 0) {
		unlinkat(p->store->dir, note, 0);
		return false;
	}
	if (used_since(p) || !is_same(p, name) || !is_idle(p)) {
		put_back(p, name, note);
		return false;
	}
	unlinkat(p->store->dir, p->note, 0);
	return true;
}

/* No cargo may be at work beside it.  With that lock no other starts, so it
 * is held for a moment only: not while files are deleted. */
static bool
rename_locked(struct prey *p, const char *name, const char *note)
{
	int lock = open_lock(p->parent, ".cargo-lock");
	bool done;

	if (lock < 0 && lock != -ENOENT) {
		unlinkat(p->store->dir, note, 0);
		return false;
	}
	done = rename_idle(p, name, note);
	if (lock >= 0)
		close(lock);
	return done;
}

static int
take_away(struct prey *p)
{
	char name[64], path[INCREMENTAL_INDEX_PATH + 64],
		note[INCREMENTAL_INDEX_NAME];
	struct store *s = p->store;

	snprintf(name, sizeof(name), "%s%016llx%u", gone,
		 (unsigned long long)(s->nonce ^ (uint64_t)p->w->now),
		 __atomic_fetch_add(&s->seq, 1, __ATOMIC_RELAXED));
	snprintf(path, sizeof(path), "%.*s%s", (int)(p->last - p->n.path),
		 p->n.path, name);
	/* First the note: whoever ends us, the next sweep goes on. */
	if (strlen(path) >= INCREMENTAL_INDEX_PATH ||
	    incremental_index_leave(s, path, note) < 0)
		return 0;
	return rename_locked(p, name, note) ? remove_renamed(p, name, note) : 0;
}

/* All of it is ours to remove, or nothing is touched. */
static int
take_if_idle(struct prey *p)
{
	uint64_t bytes;

	return is_idle(p) && tree_size(p->dir, &bytes) == 0 ? take_away(p) : 0;
}

static int
count_only(struct prey *p)
{
	uint64_t bytes = 0;

	if (!is_idle(p) || tree_size(p->dir, &bytes) < 0)
		return 0;
	p->w->dirs++;
	p->w->bytes += bytes;
	return 0;
}

static int
hunt(struct prey *p)
{
	bool renamed = !strncmp(p->last, gone, sizeof(gone) - 1);

	/* A note that says what we would not have written. */
	if (p->n.leaving != renamed)
		return 0;
	if (p->w->dry_run)
		return count_only(p);
	if (!p->n.leaving)
		return take_if_idle(p);
	return is_idle(p) ? remove_renamed(p, p->last, p->note) : 0;
}

/* Used by none of the ways that lead to it. */
static bool
is_due(const struct prey *p)
{
	const struct incremental_gc *w = p->w;

	if (p->n.leaving)
		return true;
	for (size_t i = 0; i < p->hunt->count; i++) {
		const struct found *f = &p->hunt->found[i];

		if (is_same_dir(p->found, f) && f->seen >= w->now - w->max_age)
			return false;
	}
	return w->max_age != 0;
}

/* Another note was asked for the same directory. */
static bool
was_asked(const struct prey *p)
{
	for (const struct found *f = p->hunt->found; f < p->found; f++)
		if (is_same_dir(p->found, f))
			return true;
	return false;
}

static int
one(const struct hunt *h, const struct found *f)
{
	struct incremental_gc *w = h->w;
	struct prey p = { .store = h->store,
			  .w = w,
			  .hunt = h,
			  .found = f,
			  .note = f->note };
	uint64_t before = w->dirs;
	int r = incremental_index_read(p.store, p.note, &p.n), opened;

	if (r == ERR_CORRUPT)
		release_prey(&p);
	if (r < 0)
		return 0;
	opened = tree_open(p.n.path, &p.parent, &p.dir, &p.last);
	if (opened == -ENOENT || opened == -ENOTDIR)
		release_prey(&p);
	else if (is_due(&p) && !was_asked(&p)) {
		r = opened == 0 ? hunt(&p) : 0;
		w->left += w->dirs == before;
	}
	if (opened == 0) {
		close(p.dir);
		close(p.parent);
	}
	return r;
}

static void
find_directory(struct store *s, struct found *f)
{
	const char *last;
	struct incremental_index n;
	struct stat st;
	int parent, dir;

	if (incremental_index_read(s, f->note, &n) < 0)
		return;
	f->seen = n.seen;
	if (tree_open(n.path, &parent, &dir, &last) < 0)
		return;
	if (fstat(dir, &st) == 0) {
		f->there = true;
		f->dev = st.st_dev;
		f->ino = st.st_ino;
	}
	close(dir);
	close(parent);
}

static int
find_all(struct hunt *h, const struct dir_names *names)
{
	h->found = calloc(names->count + 1, sizeof(*h->found));
	if (!h->found)
		return -ENOMEM;
	for (size_t i = 0; i < names->count; i++) {
		struct found *f = &h->found[h->count];
		struct digest d;

		if (digest_parse(names->name[i], strlen(names->name[i]), &d) <
		    0)
			continue;
		if (h->w->steps && !gc_step(h->w->steps))
			return -ECANCELED;
		snprintf(f->note, sizeof(f->note), "incremental/%s",
			 names->name[i]);
		find_directory(h->store, f);
		h->count++;
	}
	return 0;
}

int
incremental_gc(struct store *s, struct incremental_gc *w)
{
	struct hunt h = { .store = s, .w = w };
	struct dir_names names;
	int r;

	dir_list(s->dir, "incremental", DIR_NOFOLLOW, &names);
	if (w->steps)
		gc_steps_expect(w->steps, 2 * names.count);
	r = find_all(&h, &names);
	for (size_t i = 0; i < h.count && r == 0; i++) {
		if (w->steps && !gc_step(w->steps))
			r = -ECANCELED;
		else
			r = one(&h, &h.found[i]);
	}
	free(h.found);
	dir_names_free(&names);
	return r;
}
