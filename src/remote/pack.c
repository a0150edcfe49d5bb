/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/pack.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/memfind.h"
#include "remote/pack_internal.h"
#include "store/blob.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

enum {
	LEVEL = 1,
	PIECE = 128 << 10,
	FRAME_HEAD = 18, /* longest head of a zstd frame */
	AR_MEMBERS = 64,
	AR_HEAD = 60,
	WRAPPER = 4096 /* rustc wraps the metadata in an object file */
};

struct writer {
	const struct pack_source *src;
	struct pack_part part[ENTRY_TRAVEL_MAX];
	int blob[ENTRY_TRAVEL_MAX]; /* open files, or -1 */
	int fd;
	uint64_t size;
	struct digest_ctx sha;
	ZSTD_CCtx *z;
	char *in, *out; /* PIECE bytes each */
};

static int
emit(struct writer *w, const void *p, size_t n)
{
	int r = file_write_fd(w->fd, p, n);

	if (r < 0)
		return r;
	digest_add(&w->sha, p, n);
	w->size += n;
	return w->size > PACK_MAX ? ERR_TOOBIG : 0;
}

static int
open_blobs(struct writer *w)
{
	const struct entry *e = w->src->entry;
	uint64_t sum = 0;

	for (size_t i = 0; i < e->nout; i++) {
		const struct entry_output *o = &e->out[i];
		char name[STORE_NAME];
		struct file_id id;
		int r;

		if (o->role == ENTRY_DEPINFO)
			continue;
		r = blob_check(w->src->store, w->src->memo, &o->blob, &id);
		if (r < 0)
			return r;
		if (id.size != o->size)
			return ERR_CORRUPT;
		sum += o->size;
		if (o->size > PACK_MAX || sum > PACK_MAX)
			return ERR_TOOBIG;
		store_name("blobs", &o->blob, name);
		w->blob[i] = openat(w->src->store->dir, name,
				    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (w->blob[i] < 0)
			return errno == ENOENT ? ERR_MISS : -errno;
	}
	return 0;
}

static bool
has_suffix(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	return n > k && !strcmp(name + n - k, end);
}

/* Offset and size of the member "lib.rmeta" of the ar archive FD (ar(5)). */
static bool
find_metadata(int fd, uint64_t *offset, uint64_t *size)
{
	char head[AR_HEAD + 1] = "";
	off_t at = 8;

	if (pread(fd, head, 8, 0) != 8 || memcmp(head, "!<arch>\n", 8) != 0)
		return false;
	for (int i = 0; i < AR_MEMBERS; i++) {
		unsigned long long n;

		if (pread(fd, head, AR_HEAD, at) != AR_HEAD)
			return false;
		n = strtoull(head + 48, NULL, 10);
		at += AR_HEAD;
		if (!memcmp(head, "lib.rmeta/ ", 11)) {
			*offset = (uint64_t)at;
			*size = n;
			return true;
		}
		if (n > PACK_MAX)
			return false;
		at += (off_t)(n + (n & 1));
	}
	return false;
}

static int
hash_range(struct writer *w, int fd, uint64_t at, uint64_t n,
	   struct digest *out)
{
	struct digest_ctx c;

	digest_init(&c);
	while (n > 0) {
		ssize_t k = pread(fd, w->in, n < PIECE ? n : PIECE, (off_t)at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : ERR_CORRUPT;
		digest_add(&c, w->in, (size_t)k);
		at += (uint64_t)k;
		n -= (uint64_t)k;
	}
	digest_end(&c, out);
	return 0;
}

/* True if the bytes of output I lie in the archive K; proven by hashing. */
static bool
lies_in(struct writer *w, size_t i, size_t k)
{
	const struct entry_output *o = &w->src->entry->out[i];
	uint64_t at = 0, size = 0;
	char head[64];
	struct digest d;
	const char *hit;
	ssize_t n;

	if (o->size < sizeof(head) ||
	    pread(w->blob[i], head, sizeof(head), 0) != sizeof(head) ||
	    !find_metadata(w->blob[k], &at, &size) || size < o->size)
		return false;
	n = pread(w->blob[k], w->in, WRAPPER, (off_t)at);
	hit = n < 0 ? NULL : memfind(w->in, (size_t)n, head, sizeof(head));
	if (!hit)
		return false;
	at += (uint64_t)(hit - w->in);
	if (at + o->size > w->src->entry->out[k].size ||
	    hash_range(w, w->blob[k], at, o->size, &d) < 0 ||
	    !digest_eq(&d, &o->blob))
		return false;
	w->part[i] = (struct pack_part){ (uint32_t)k + 1, at };
	return true;
}

static void
find_parts(struct writer *w)
{
	const struct entry *e = w->src->entry;

	for (size_t i = 0; i < e->nout; i++) {
		if (!has_suffix(e->out[i].name, ".rmeta"))
			continue;
		for (size_t k = 0; k < e->nout; k++)
			if (has_suffix(e->out[k].name, ".rlib") &&
			    lies_in(w, i, k))
				break;
	}
}

static int
put_head(struct writer *w)
{
	char head[PACK_HEAD] = PACK_MAGIC;
	static const char none[4];
	struct buf b = { 0 };
	struct digest d;
	int r = 0;

	pack_head_encode(w->src, w->part, &b);
	if (b.failed)
		r = -ENOMEM;
	else if (b.len > PACK_HEADER_MAX)
		r = ERR_TOOBIG;
	for (int i = 0; i < 4; i++) {
		head[8 + i] = (char)(PACK_VERSION >> 8 * i);
		head[12 + i] = (char)(b.len >> 8 * i);
	}
	if (r == 0) {
		digest_bytes(b.p, b.len, &d);
		r = emit(w, head, sizeof(head));
		r = r ? r : emit(w, b.p, b.len);
		r = r ? r : emit(w, d.b, DIGEST_LEN);
		/* No signatures yet. */
		r = r ? r : emit(w, none, sizeof(none));
	}
	buf_free(&b);
	return r;
}

static int
compress(struct writer *w, const void *p, size_t n, bool last)
{
	ZSTD_inBuffer in = { p, n, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { w->out, PIECE, 0 };
		int r;

		left = ZSTD_compressStream2(
			w->z, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return -EIO;
		r = emit(w, w->out, out.pos);
		if (r < 0)
			return r;
	} while (last ? left > 0 : in.pos < in.size);
	return 0;
}

static int
put_member(struct writer *w, size_t i)
{
	const struct entry_output *o = &w->src->entry->out[i];
	struct digest_ctx c;
	uint64_t done = 0;
	struct digest d;

	digest_init(&c);
	for (;;) {
		ssize_t n = read(w->blob[i], w->in, PIECE);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (uint64_t)n;
		if (done > o->size)
			return ERR_CORRUPT;
		digest_add(&c, w->in, (size_t)n);
		r = compress(w, w->in, (size_t)n, false);
		if (r < 0)
			return r;
	}
	digest_end(&c, &d);
	return digest_eq(&d, &o->blob) ? 0 : ERR_CORRUPT;
}

static bool
is_stored(const struct writer *w, size_t i)
{
	return w->blob[i] >= 0 && !w->part[i].source;
}

static int
put_frame(struct writer *w)
{
	const struct entry *e = w->src->entry;
	uint64_t sum = 0;
	int r = 0;

	for (size_t i = 0; i < e->nout; i++)
		sum += is_stored(w, i) ? e->out[i].size : 0;
	ZSTD_CCtx_setParameter(w->z, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(w->z, ZSTD_c_windowLog, PACK_WINDOW_WRITE);
	if (ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(w->z, sum)))
		return -EIO;
	for (size_t i = 0; i < e->nout && r == 0; i++)
		if (is_stored(w, i))
			r = put_member(w, i);
	return r ? r : compress(w, NULL, 0, true);
}

int
pack_write(const struct pack_source *src, int fd, uint64_t *size,
	   struct digest *sha)
{
	struct writer w = { .src = src, .fd = fd };
	int r = 0;

	if (src->entry->nout > ENTRY_TRAVEL_MAX)
		return ERR_TOOBIG;
	memset(w.blob, -1, sizeof(w.blob));
	w.z = ZSTD_createCCtx();
	w.in = malloc(PIECE);
	w.out = malloc(PIECE);
	if (!w.z || !w.in || !w.out)
		r = -ENOMEM;
	digest_init(&w.sha);
	r = r ? r : open_blobs(&w);
	if (r == 0)
		find_parts(&w);
	r = r ? r : put_head(&w);
	r = r ? r : put_frame(&w);
	if (r == 0) {
		*size = w.size;
		digest_end(&w.sha, sha);
	}
	for (size_t i = 0; i < ENTRY_TRAVEL_MAX; i++)
		if (w.blob[i] >= 0)
			close(w.blob[i]);
	ZSTD_freeCCtx(w.z);
	free(w.in);
	free(w.out);
	return r;
}

struct pack_frame {
	ZSTD_DCtx *z;
	uint64_t content;
	uint64_t given;
	char head[FRAME_HEAD]; /* until the frame's size is known */
	size_t nhead;
	bool started;
	bool ended;
	char out[PIECE];
};

int
pack_frame_open(uint64_t content, struct pack_frame **out)
{
	struct pack_frame *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->content = content;
	f->z = ZSTD_createDCtx();
	if (!f->z || ZSTD_isError(ZSTD_DCtx_setParameter(
			     f->z, ZSTD_d_windowLogMax, PACK_WINDOW_READ))) {
		pack_frame_free(f);
		return -ENOMEM;
	}
	*out = f;
	return 0;
}

void
pack_frame_free(struct pack_frame *f)
{
	if (!f)
		return;
	ZSTD_freeDCtx(f->z);
	free(f);
}

static int
inflate(struct pack_frame *f, const void *p, size_t n,
	int (*use)(void *ctx, const void *p, size_t n), void *ctx)
{
	ZSTD_inBuffer in = { p, n, 0 };
	ZSTD_outBuffer out;
	int r;

	/* A full piece may leave more behind, also when the input is used. */
	do {
		size_t left;

		if (f->ended)
			return in.pos < in.size ? ERR_CORRUPT : 0;
		out = (ZSTD_outBuffer){ f->out, PIECE, 0 };
		left = ZSTD_decompressStream(f->z, &out, &in);
		if (ZSTD_isError(left))
			return ERR_CORRUPT;
		f->given += out.pos;
		if (f->given > f->content)
			return ERR_CORRUPT;
		r = out.pos ? use(ctx, f->out, out.pos) : 0;
		if (r < 0)
			return r;
		f->ended = left == 0;
	} while (in.pos < in.size || out.pos == out.size);
	return 0;
}

/* The frame must say how long it is, and the truth: told apart before a
 * window is allocated. */
static int
start_frame(struct pack_frame *f)
{
	unsigned long long n = ZSTD_getFrameContentSize(f->head, f->nhead);

	if (n == ZSTD_CONTENTSIZE_ERROR)
		return f->nhead == FRAME_HEAD ? ERR_CORRUPT : 0;
	if (n == ZSTD_CONTENTSIZE_UNKNOWN || n != f->content)
		return ERR_CORRUPT;
	f->started = true;
	return 0;
}

int
pack_frame_feed(struct pack_frame *f, const void *p, size_t n,
		int (*use)(void *ctx, const void *p, size_t n), void *ctx)
{
	const char *at = p;
	int r = 0;

	while (!f->started && n > 0) {
		f->head[f->nhead++] = *at++;
		n--;
		r = start_frame(f);
		if (r < 0)
			return r;
		if (f->started)
			r = inflate(f, f->head, f->nhead, use, ctx);
	}
	if (r == 0 && n > 0)
		r = inflate(f, at, n, use, ctx);
	return r;
}

int
pack_frame_end(const struct pack_frame *f)
{
	return f->ended && f->given == f->content ? 0 : ERR_CORRUPT;
}

enum { SMALL_HEAD = 16, SMALL_LEVEL = 3 };

int
pack_squeeze(const char *magic, const void *p, size_t n, struct buf *out)
{
	static const char version[8] = { 1 };
	char head[8] = { 0 };
	size_t room = ZSTD_compressBound(n), len;
	char *to;

	memcpy(head, magic, strnlen(magic, sizeof(head)));
	buf_add(out, head, sizeof(head));
	buf_add(out, version, sizeof(version));
	to = buf_room(out, room);
	if (!to)
		return -ENOMEM;
	len = ZSTD_compress(to, room, p, n, SMALL_LEVEL);
	if (ZSTD_isError(len))
		return -ENOMEM;
	out->len += len;
	return 0;
}

int
pack_unsqueeze(const char *magic, const void *p, size_t n, size_t max,
	       struct buf *out)
{
	const uint8_t *b = p;
	unsigned long long len;
	size_t signatures, got;
	char *to;

	if (n < SMALL_HEAD || strncmp(magic, p, 8))
		return ERR_CORRUPT;
	if (b[8] != 1 || b[9] || b[10] || b[11])
		return ERR_NEWER;
	signatures = b[12];
	if (b[13] || b[14] || b[15] || signatures > PACK_SIGNATURES ||
	    n < SMALL_HEAD + signatures * PACK_SIGNATURE)
		return ERR_CORRUPT;
	b += SMALL_HEAD + signatures * PACK_SIGNATURE;
	n -= SMALL_HEAD + signatures * PACK_SIGNATURE;
	len = ZSTD_getFrameContentSize(b, n);
	if (len == ZSTD_CONTENTSIZE_ERROR || len == ZSTD_CONTENTSIZE_UNKNOWN)
		return ERR_CORRUPT;
	if (len > max)
		return ERR_TOOBIG;
	to = buf_room(out, (size_t)len);
	if (!to)
		return -ENOMEM;
	got = ZSTD_decompress(to, (size_t)len, b, n);
	if (ZSTD_isError(got) || got != len)
		return ERR_CORRUPT;
	out->len += got;
	return 0;
}
