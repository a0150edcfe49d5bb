/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A growing byte buffer.  Always NUL-terminated behind len once anything was
 * added.  A failed allocation sets `failed` and drops further additions, so
 * a builder checks once at its end.  Zero-initialised is empty and valid.
 * Threads: owner.
 */
struct buf {
	char *p;
	size_t len;
	size_t cap;
	bool failed;
};

/* Append N bytes, a string, one character, or formatted text. */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Room for N more bytes; gives the place to write to or NULL.  The caller
 * adds what it wrote to len itself. */
char *buf_room(struct buf *b, size_t n);

/* Forget the content, keep the memory. */
void buf_reset(struct buf *b);

/* Release the memory and zero the struct.  Harmless on an empty one. */
void buf_free(struct buf *b);

#endif
