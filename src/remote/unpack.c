/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "remote/pack.h"
#include "remote/pack_internal.h"
#include "store/blob.h"
#include "store/manifest.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One blob that is being written. */
struct member {
	int fd; /* -1: not begun, or done */
	bool done;
	uint64_t from;
	uint64_t to; /* range of the frame's content that it is */
	struct digest_ctx sha;
	char tmp[STORE_NAME]; /* "" without one */
};

struct unpack {
	struct store *store;
	struct digest_cache *memo;
	struct digest at;
	uint32_t origin;
	int (*step)(struct unpack *u); /* when `want` bytes are together */
	size_t want;                   /* 0: the frame has begun */
	int error;
	struct buf text;
	struct pack_head head;
	bool decoded;
	bool made; /* an entry that was not there */
	struct member member[ENTRY_TRAVEL_MAX];
	struct pack_frame *frame;
	uint64_t given; /* bytes of the frame's content so far */
};

static uint32_t
u32_at(const char *p)
{
	uint32_t v = 0;

	for (int i = 3; i >= 0; i--)
		v = v << 8 | (uint8_t)p[i];
	return v;
}

/* Times of a foreign clock and of a stranger: what is kept must not make
 * anybody here wait for it. */
static uint64_t
newest(uint64_t ms)
{
	uint64_t now = (uint64_t)file_now() / 1000000;

	return ms < now ? ms : now;
}

static int
begin_member(struct unpack *u, size_t i)
{
	const struct entry_output *o = &u->head.entry.out[i];
	struct member *m = &u->member[i];

	store_tmp(u->store, m->tmp);
	m->fd = openat(u->store->dir, m->tmp,
		       O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		       o->exec ? 0777 : 0666);
	if (m->fd < 0) {
		m->tmp[0] = '\0';
		return -errno;
	}
	digest_init(&m->sha);
	return 0;
}

static int
end_member(struct unpack *u, size_t i)
{
	struct member *m = &u->member[i];
	struct digest d;
	int r = close(m->fd);

	m->fd = -1;
	if (r < 0)
		return -errno;
	m->done = true;
	digest_end(&m->sha, &d);
	return digest_eq(&d, &u->head.entry.out[i].blob) ? 0 : ERR_CORRUPT;
}

/* Lays the members out over the content of the frame. */
static uint64_t
lay_out(struct unpack *u)
{
	const struct entry *e = &u->head.entry;
	uint64_t sum = 0;

	for (size_t i = 0; i < e->nout; i++) {
		struct member *m = &u->member[i];

		m->done = e->out[i].role == ENTRY_DEPINFO;
		if (m->done || u->head.part[i].source)
			continue;
		m->from = sum;
		sum += e->out[i].size;
		m->to = sum;
	}
	for (size_t i = 0; i < e->nout; i++) {
		const struct pack_part *part = &u->head.part[i];

		if (!part->source)
			continue;
		u->member[i].from =
			u->member[part->source - 1].from + part->offset;
		u->member[i].to = u->member[i].from + e->out[i].size;
	}
	return sum;
}

static int
begin_frame(struct unpack *u)
{
	u->want = 0;
	return pack_frame_open(lay_out(u), &u->frame);
}

static int
read_signatures(struct unpack *u)
{
	uint32_t n = u32_at(u->text.p);

	/* They are for a later version to check. */
	if (n > PACK_SIGNATURES)
		return ERR_CORRUPT;
	u->step = begin_frame;
	u->want = n * PACK_SIGNATURE;
	return u->want ? 0 : begin_frame(u);
}

static int
read_header(struct unpack *u)
{
	size_t n = u->text.len - DIGEST_LEN;
	struct digest d;
	int r;

	digest_bytes(u->text.p, n, &d);
	if (memcmp(d.b, u->text.p + n, DIGEST_LEN) != 0)
		return ERR_CORRUPT;
	r = pack_head_decode(u->text.p, n, &u->head);
	if (r < 0)
		return r;
	u->decoded = true;
	u->step = read_signatures;
	u->want = 4;
	return digest_eq(&u->head.at, &u->at) ? 0 : ERR_CORRUPT;
}

static int
read_start(struct unpack *u)
{
	uint32_t n = u32_at(u->text.p + 12);

	if (memcmp(u->text.p, PACK_MAGIC, sizeof(PACK_MAGIC)) != 0)
		return ERR_CORRUPT;
	if (u32_at(u->text.p + 8) != PACK_VERSION)
		return u32_at(u->text.p + 8) > PACK_VERSION ? ERR_NEWER
							    : ERR_CORRUPT;
	if (n > PACK_HEADER_MAX)
		return ERR_TOOBIG;
	u->step = read_header;
	u->want = n + DIGEST_LEN;
	return 0;
}

int
unpack_open(struct store *s, struct digest_cache *m, const struct digest *at,
	    uint32_t origin, struct unpack **out)
{
	struct unpack *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->store = s;
	u->memo = m;
	u->at = *at;
	u->origin = origin;
	u->step = read_start;
	u->want = PACK_HEAD;
	for (size_t i = 0; i < ENTRY_TRAVEL_MAX; i++)
		u->member[i].fd = -1;
	*out = u;
	return 0;
}

/*
 * N bytes at P follow the GIVEN bytes of content before them.  A file is
 * open only while its bytes pass: many packs come at one time.
 */
static int
write_member(struct unpack *u, size_t i, const char *p, uint64_t n)
{
	struct member *m = &u->member[i];
	uint64_t from = m->from > u->given ? m->from - u->given : 0;
	uint64_t to = m->to > u->given ? m->to - u->given : 0;

	int r;

	if (to > n)
		to = n;
	if (from >= to)
		return 0;
	r = m->fd < 0 ? begin_member(u, i) : 0;
	if (r < 0)
		return r;
	digest_add(&m->sha, p + from, (size_t)(to - from));
	r = file_write_fd(m->fd, p + from, (size_t)(to - from));
	if (r == 0 && u->given + n >= m->to)
		r = end_member(u, i);
	return r;
}

static int
take_content(void *ctx, const void *p, size_t n)
{
	struct unpack *u = ctx;
	int r = 0;

	for (size_t i = 0; i < u->head.entry.nout && r == 0; i++)
		if (!u->member[i].done)
			r = write_member(u, i, p, n);
	u->given += n;
	return r;
}

/* Moves what is still missing of `want` bytes; true if they are together. */
static bool
gather(struct unpack *u, const char **p, size_t *n)
{
	size_t k = u->want - u->text.len;

	if (k > *n)
		k = *n;
	buf_add(&u->text, *p, k);
	*p += k;
	*n -= k;
	return u->text.len == u->want;
}

int
unpack_feed(struct unpack *u, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (u->error == 0 && u->want && n > 0) {
		if (!gather(u, &p, &n)) {
			u->error = u->text.failed ? -ENOMEM : 0;
			continue;
		}
		u->error = u->step(u);
		if (u->want)
			buf_reset(&u->text);
		else
			buf_free(&u->text);
	}
	if (u->error == 0 && n > 0)
		u->error = pack_frame_feed(u->frame, p, n, take_content, u);
	return u->error;
}

/* Of those without bytes none ever passed. */
static int
end_members(struct unpack *u)
{
	const struct entry *e = &u->head.entry;
	int r = 0;

	for (size_t i = 0; i < e->nout && r == 0; i++) {
		if (u->member[i].done)
			continue;
		r = e->out[i].size ? ERR_CORRUPT : begin_member(u, i);
		r = r ? r : end_member(u, i);
	}
	return r;
}

/* True if the store serves this key already: what this machine made, or got
 * before, stays. */
static bool
is_there(struct unpack *u)
{
	struct entry e;
	struct file_id id;
	bool whole = true;

	if (entry_load(u->store, &u->at, &e) < 0)
		return false;
	for (size_t i = 0; i < e.nout && whole; i++)
		whole = e.out[i].role == ENTRY_DEPINFO ||
			blob_check(u->store, u->memo, &e.out[i].blob, &id) == 0;
	entry_release(&e);
	return whole;
}

static int
adopt_all(struct unpack *u, bool only_missing)
{
	const struct entry *e = &u->head.entry;
	uint64_t added = 0;
	int r = 0;

	for (size_t i = 0; i < e->nout && r == 0; i++) {
		const struct entry_output *o = &e->out[i];
		bool existed = true;

		if (!u->member[i].tmp[0] ||
		    (only_missing && blob_exists(u->store, &o->blob)))
			continue;
		r = blob_adopt(u->store, u->memo, u->member[i].tmp, &o->blob,
			       &existed);
		added += existed ? 0 : o->size;
	}
	if (added)
		digest_cache_add_stored(u->memo, added);
	return r;
}

/* As a store of a compile does (store/FORMAT, "Store and sweep"): a sweep may
 * have taken blobs before it could see the entry. */
static int
publish_pack(struct unpack *u)
{
	struct entry *e = &u->head.entry;
	int r;

	e->origin = u->origin;
	inputs_digest(&u->head.inputs, &e->inputs);
	e->stored_ms = newest(e->stored_ms);
	if (e->compile_us > ENTRY_COMPILE_MAX)
		e->compile_us = ENTRY_COMPILE_MAX;

	u->made = !is_there(u);
	if (!u->made)
		return 0;
	r = adopt_all(u, false);
	r = r ? r : entry_save(u->store, &u->at, e);
	return r ? r : adopt_all(u, true);
}

static int
add_record(struct unpack *u)
{
	struct manifest_record rec = {
		.last_k1 = u->head.k1,
		.compile_us = u->head.entry.compile_us,
		.stored_ms = u->head.entry.stored_ms,
		.inputs = u->head.inputs,
	};
	/* The store's locks keep out other processes, not our own threads. */
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	int r;

	memset(&u->head.inputs, 0, sizeof(u->head.inputs));
	pthread_mutex_lock(&one);
	r = manifest_add(u->store, &u->head.entry.k0, &rec);
	pthread_mutex_unlock(&one);
	inputs_free(&rec.inputs);
	return r;
}

static int
finish_pack(struct unpack *u)
{
	int r = u->error;

	if (r == 0 && (!u->decoded || u->want))
		r = ERR_CORRUPT;
	r = r ? r : pack_frame_end(u->frame);
	r = r ? r : end_members(u);
	r = r ? r : publish_pack(u);
	return r ? r : add_record(u);
}

int
unpack_end(struct unpack *u, struct pack_info *info)
{
	const struct entry *e = &u->head.entry;
	int r = finish_pack(u);

	if (r < 0) {
		u->error = r;
		return r;
	}
	/* What ended once cannot end again. */
	u->error = ERR_CORRUPT;
	*info = (struct pack_info){
		.k0 = e->k0,
		.k1 = u->head.k1,
		.tag = u->head.tag,
		.compile_us = e->compile_us,
		.made = u->made,
	};
	for (size_t i = 0; i < e->nout; i++)
		info->bytes += e->out[i].size;
	return 0;
}

void
unpack_free(struct unpack *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < ENTRY_TRAVEL_MAX; i++) {
		if (u->member[i].fd >= 0)
			close(u->member[i].fd);
		if (u->member[i].tmp[0])
			unlinkat(u->store->dir, u->member[i].tmp, 0);
	}
	if (u->decoded)
		pack_head_release(&u->head);
	pack_frame_free(u->frame);
	buf_free(&u->text);
	free(u);
}
