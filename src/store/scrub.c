/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/scrub.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "store/blob.h"
#include "store/gc_lock.h"
#include "store/store.h"
#include "store/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)

enum { PARTS = 256, CHUNK = 128 * 1024 };

static const uint64_t all_done = (uint64_t)1 << 32;

struct walk {
	struct scrub *s;
	struct digest_cache_scrub at;
	uint64_t due;
	int64_t end;  /* monotonic ns */
	int64_t from; /* when reading began, for the rate */
	bool stopped;
};

/* The digests in one of the 256 directories, in their order. */
struct file_state {
	struct digest *d;
	size_t n;
};

uint64_t
scrub_due(struct digest_cache_scrub *s, int64_t now)
{
	int64_t done;

	if (s->began <= 0 || s->began > now) {
		s->began = now;
		s->at = 0;
	}
	if (s->at >= all_done) {
		s->whole = s->began = now;
		s->at = 0;
	}
	done = (now - s->began) / SECOND;
	if (done >= SCRUB_PERIOD_S)
		return all_done;
	return (uint64_t)done * PARTS / SCRUB_PERIOD_S * (all_done / PARTS);
}

bool
scrub_is_due(struct digest_cache *m)
{
	struct digest_cache_scrub s;
	uint64_t due;
	int64_t began;

	if (digest_cache_get_scrub(m, &s) < 0)
		return false;
	began = s.began;
	due = scrub_due(&s, file_now());
	/* A round that begins is noted, else it never would. */
	return due > s.at || s.began != began;
}

static bool
goes_on(struct walk *w)
{
	struct scrub *s = w->s;

	if (!w->stopped)
		w->stopped = file_monotonic() >= w->end ||
			     (s->go_on && !s->go_on(s->ctx));
	return !w->stopped;
}

/* As long as what was read so far takes at the rate. */
static void
keep_rate(const struct walk *w)
{
	int64_t want = (int64_t)(w->s->bytes * 1000 / SCRUB_RATE) * 1000000;
	int64_t early = want - (file_monotonic() - w->from);
	struct timespec t = { early / SECOND, early % SECOND };

	if (early > 0)
		nanosleep(&t, NULL);
}

/* 0; -ECANCELED: it is to end; or -errno. */
static int
digest_slowly(struct walk *w, int fd, struct digest *d)
{
	static _Thread_local char chunk[CHUNK];
	struct digest_ctx c;

	digest_init(&c);
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		digest_add(&c, chunk, (size_t)n);
		w->s->bytes += (uint64_t)n;
		keep_rate(w);
		if (w->s->go_on && !w->s->go_on(w->s->ctx))
			return -ECANCELED;
	}
	digest_end(&c, d);
	return 0;
}

/* What lies at NAME, and whether it is D.  0; ERR_CORRUPT; another error
 * says nothing of the bytes. */
static int
look_at_blob(struct walk *w, const char *name, const struct digest *d,
	     struct file_id *id)
{
	int fd = file_open_unseen(w->s->store->dir, name), r;
	struct file_id after;
	struct digest have;
	struct stat st;

	if (fd < 0)
		return fd;
	r = fstat(fd, &st) < 0 ? -errno : 0;
	file_id_of(&st, id);
	r = r ? r : digest_slowly(w, fd, &have);
	/* A sector that cannot be read any more. */
	if (r == -EIO)
		r = ERR_CORRUPT;
	else if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	close(fd);
	file_id_of(&st, &after);
	if (r == 0 && !file_id_same(id, &after))
		return ERR_CHANGED;
	return r == 0 && !digest_eq(&have, d) ? ERR_CORRUPT : r;
}

/* Twice, since it may be the memory that is bad, or somebody was writing. */
static int
check_blob(struct walk *w, const struct digest *d)
{
	char name[STORE_NAME];
	struct file_id id, again;
	int r;

	store_name("blobs", d, name);
	r = look_at_blob(w, name, d, &id);
	if (r == ERR_CORRUPT)
		r = look_at_blob(w, name, d, &again);
	w->s->blobs++;
	if (r == ERR_CORRUPT && file_id_same(&id, &again) &&
	    blob_condemn(w->s->store, w->s->memo, d, &id) == 0)
		w->s->bad++;
	return r == -ECANCELED ? r : 0;
}

static uint64_t
place_of(const struct digest *d)
{
	return (uint64_t)d->b[0] << 24 | (uint64_t)d->b[1] << 16 |
	       (uint64_t)d->b[2] << 8 | d->b[3];
}

static int
check_listed(void *ctx, const struct store_file *f)
{
	struct walk *w = ctx;
	uint64_t place;

	if (!f->digest)
		return 0;
	place = place_of(f->digest);
	if (place < w->at.at)
		return 0;
	if (!goes_on(w))
		return 1;
	w->at.at = place;
	w->stopped = check_blob(w, f->digest) < 0;
	return w->stopped;
}

static int
walk_part(struct walk *w)
{
	unsigned part = (unsigned)(w->at.at >> 24);
	int r = store_walk_part(w->s->store->dir, "blobs", part, check_listed,
				w);

	/* One that cannot be read must not keep it from the others. */
	if (r == 0)
		w->at.at = ((uint64_t)part + 1) << 24;
	return r < 0 ? r : 0;
}

static int
walk(struct walk *w)
{
	int r = digest_cache_get_scrub(w->s->memo, &w->at);

	if (r < 0)
		return r;
	w->due = scrub_due(&w->at, file_now());
	w->from = file_monotonic();
	w->end = w->from + w->s->budget_ms * 1000000;
	while (r == 0 && w->at.at < w->due && goes_on(w)) {
		r = walk_part(w);
		digest_cache_set_scrub(w->s->memo, &w->at);
	}
	if (w->at.at >= all_done)
		scrub_due(&w->at, file_now());
	digest_cache_set_scrub(w->s->memo, &w->at);
	return r;
}

int
scrub_run(struct scrub *s)
{
	struct walk w = { .s = s };
	int fd = file_open_own(s->store->dir, "gc.lock", O_RDWR), r;

	s->blobs = s->bytes = s->bad = 0;
	if (fd < 0)
		return fd;
	r = file_lock(fd, LOCK_SCRUB, true, 0);
	if (r == 0)
		r = walk(&w);
	close(fd);
	return r == ERR_TIMEOUT ? -EAGAIN : r;
}
