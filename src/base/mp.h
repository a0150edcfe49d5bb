/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MP_H
#define BASE_MP_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * The door to msgpack-c.  A document is one array; its elements are read in
 * order, and a reader of version n ignores elements behind those it knows.
 * Decoded strings point into the caller's bytes, which must outlive the
 * document.  Threads: owner.
 */
enum { MP_DEPTH_MAX = 8 };

void mp_put_list(struct buf *b, uint32_t n);
void mp_put_uint(struct buf *b, uint64_t v);
void mp_put_str(struct buf *b, const char *s);
void mp_put_bin(struct buf *b, const void *p, size_t n);

struct mp_doc {
	void *zone;
	const void *root;
};

/* A position in an array: what is left of it. */
struct mp_list {
	const void *next;
	uint32_t left;
};

/*
 * Decodes N bytes at P that must be exactly one array.  Every announced
 * count is checked against the bytes that are left before msgpack-c sees it
 * (a 5-byte header can ask it for gigabytes).  0, ERR_CORRUPT or -ENOMEM;
 * on success the caller owns DOC and calls mp_close.
 */
int mp_open(struct mp_doc *doc, const void *p, size_t n);

/* The same, but ERR_TOOBIG for more than MAX elements at all depths: each
 * costs 24 bytes of memory, however short it is. */
int mp_open_max(struct mp_doc *doc, const void *p, size_t n, size_t max);
void mp_close(struct mp_doc *doc);
struct mp_list mp_root(const struct mp_doc *doc);

/* Take the next element.  0, or ERR_CORRUPT at the end or on another type.
 * mp_next_bin takes binary and text alike. */
int mp_next_uint(struct mp_list *l, uint64_t *v);
int mp_next_bin(struct mp_list *l, const char **p, size_t *n);
int mp_next_list(struct mp_list *l, struct mp_list *sub);

/* Copies an element of exactly N bytes, a key or a digest, to TO. */
int mp_next_fixed(struct mp_list *l, void *to, size_t n);

#endif
