/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/record_type.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void
put_bytes(struct buf *b, const struct buf *bytes)
{
	mp_put_bin(b, bytes->p ? bytes->p : "", bytes->len);
}

static void
put_field(struct buf *b, const struct record_field *f, const void *member)
{
	switch (f->kind) {
	case RECORD_U64:
		mp_put_uint(b, *(const uint64_t *)member);
		break;
	case RECORD_U32:
		mp_put_uint(b, *(const uint32_t *)member);
		break;
	case RECORD_DIGEST:
		mp_put_bin(b, member, DIGEST_LEN);
		break;
	case RECORD_TEXT:
		mp_put_str(b, member);
		break;
	case RECORD_STRING:
		mp_put_str(b, *(char *const *)member);
		break;
	case RECORD_BYTES:
		put_bytes(b, member);
		break;
	case RECORD_END:
		break;
	}
}

void
record_put(struct buf *b, const struct record_field *f, const void *value)
{
	for (; f->kind != RECORD_END; f++)
		put_field(b, f, (const char *)value + f->offset);
}

static int
take_number(struct mp_list *l, uint64_t max, uint64_t *v)
{
	int r = mp_next_uint(l, v);

	return r == 0 && max && *v > max ? ERR_CORRUPT : r;
}

static int
take_u32(struct mp_list *l, uint64_t max, uint32_t *member)
{
	uint64_t v = 0;
	int r = take_number(l, max ? max : UINT32_MAX, &v);

	if (r == 0)
		*member = (uint32_t)v;
	return r;
}

static int
take_text(const char *p, size_t n, uint64_t max, char *member)
{
	if (n > max || memchr(p, '\0', n))
		return ERR_CORRUPT;
	memcpy(member, p, n);
	member[n] = '\0';
	return 0;
}

static int
take_bytes(const char *p, size_t n, uint64_t max, struct buf *member)
{
	if (max && n > max)
		return ERR_CORRUPT;
	buf_add(member, p, n);
	return member->failed ? -ENOMEM : 0;
}

static int
take_string(const char *p, size_t n, char **member)
{
	*member = strndup(p, n);
	return *member ? 0 : -ENOMEM;
}

static int
take_field(struct mp_list *l, const struct record_field *f, void *member)
{
	const char *p = NULL;
	size_t n = 0;
	int r;

	if (f->kind == RECORD_U64)
		return take_number(l, f->max, member);
	if (f->kind == RECORD_U32)
		return take_u32(l, f->max, member);
	if (f->kind == RECORD_DIGEST)
		return mp_next_fixed(l, member, DIGEST_LEN);
	r = mp_next_bin(l, &p, &n);
	if (r < 0)
		return r;
	if (f->kind == RECORD_TEXT)
		return take_text(p, n, f->max, member);
	if (f->kind == RECORD_STRING)
		return take_string(p, n, member);
	return take_bytes(p, n, f->max, member);
}

int
record_take(struct mp_list *l, const struct record_field *f, void *value)
{
	int r = 0;

	for (; r == 0 && f->kind != RECORD_END; f++)
		if (!f->later || l->left)
			r = take_field(l, f, (char *)value + f->offset);
	return r;
}

void
record_free(const struct record_field *f, void *value)
{
	for (; f->kind != RECORD_END; f++) {
		void *member = (char *)value + f->offset;

		if (f->kind == RECORD_BYTES)
			buf_free(member);
		if (f->kind == RECORD_STRING) {
			free(*(char **)member);
			*(char **)member = NULL;
		}
	}
}

static uint32_t
count_fields(const struct record_type *t)
{
	uint32_t n = 0;

	while (t->fields && t->fields[n].kind != RECORD_END)
		n++;
	return n;
}

void
record_encode(const struct record_type *t, const void *value, struct buf *out)
{
	struct buf b = { 0 }, rest = { 0 };
	uint32_t n = count_fields(t);

	if (t->put_rest)
		n += t->put_rest(&rest, value);
	mp_put_list(&b, n);
	if (t->fields)
		record_put(&b, t->fields, value);
	buf_add(&b, rest.p, rest.len);
	if (b.failed || rest.failed)
		out->failed = true;
	else
		record_seal(out, t->letter, t->version, b.p, b.len);
	buf_free(&rest);
	buf_free(&b);
}

int
record_decode(const struct record_type *t, const void *p, size_t n, void *value)
{
	const char *content;
	struct mp_doc doc;
	struct mp_list l;
	size_t len;
	int r = t->file_max && n > t->file_max ? ERR_TOOBIG : 0;

	r = r ? r : record_open(p, n, t->letter, t->version, &content, &len);
	r = r ? r
	      : mp_open_max(&doc, content, len,
			    t->elements_max ? t->elements_max : SIZE_MAX);
	if (r < 0)
		return r;
	l = mp_root(&doc);
	if (t->fields)
		r = record_take(&l, t->fields, value);
	if (r == 0 && t->take_rest)
		r = t->take_rest(&l, value);
	mp_close(&doc);
	return r;
}

int
record_save(int dirfd, const char *tmp, const char *name,
	    const struct record_type *t, const void *value)
{
	struct buf b = { 0 };
	int r = -ENOMEM;

	record_encode(t, value, &b);
	if (record_is_newer(dirfd, name, t->letter, t->version))
		r = ERR_NEWER;
	else if (!b.failed)
		r = file_publish(dirfd, tmp, name, b.p, b.len);
	buf_free(&b);
	return r;
}

int
record_load(int dirfd, const char *name, const struct record_type *t,
	    void *value)
{
	struct buf b = { 0 };
	int r = file_read(dirfd, name,
			  t->file_max ? t->file_max : RECORD_MAX + RECORD_HEAD,
			  &b);

	r = r ? r : record_decode(t, b.p ? b.p : "", b.len, value);
	buf_free(&b);
	return r;
}

bool
record_exists(int dirfd, const char *name, const struct record_type *t)
{
	const char *content;
	struct buf b = { 0 };
	size_t n;
	int r = record_read(dirfd, name, t->letter, t->version, &b, &content,
			    &n);

	buf_free(&b);
	return r == 0;
}
