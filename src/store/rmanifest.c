/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rmanifest.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mp.h"
#include "base/record.h"
#include "key/vet.h"
#include "store/entry.h"
#include "store/manifest.h"

#include <errno.h>
#include <string.h>

enum {
	VERSION = 1,
	FIELDS = 7,
	RECORD_COST = 160, /* bytes of a record without its items, at most */
	ITEM_COST = 4,     /* head of an item, less its NUL */
	ELEMENTS = RMANIFEST_MAX * (SHAPE_ITEMS_MAX + 64)
};

void
rmanifest_at(const struct digest *k1, const struct digest *tag,
	     struct digest *at)
{
	static const struct digest none;
	struct digest_ctx c;

	if (digest_eq(tag, &none)) {
		*at = *k1;
		return;
	}
	digest_init(&c);
	digest_str(&c, "tagged");
	digest_sub(&c, k1);
	digest_sub(&c, tag);
	digest_end(&c, at);
}

void
rmanifest_release(struct rmanifest *m)
{
	for (size_t i = 0; i < m->count; i++)
		shape_free(&m->rec[i].shape);
	m->count = 0;
}

static void
put_record(struct buf *b, const struct rmanifest_record *r)
{
	mp_put_list(b, FIELDS);
	mp_put_bin(b, r->k1.b, DIGEST_LEN);
	mp_put_bin(b, r->tag.b, DIGEST_LEN);
	mp_put_bin(b, r->content.b, DIGEST_LEN);
	mp_put_uint(b, r->pack_size);
	mp_put_uint(b, r->compile_us);
	mp_put_uint(b, r->stored_ms);
	manifest_put_shape(b, &r->shape);
}

void
rmanifest_encode(const struct rmanifest *m, struct buf *out)
{
	struct buf b = { 0 };

	mp_put_list(&b, (uint32_t)m->count);
	for (size_t i = 0; i < m->count; i++)
		put_record(&b, &m->rec[i]);
	if (b.failed)
		out->failed = true;
	else
		record_seal(out, 'u', VERSION, b.p, b.len);
	buf_free(&b);
}

static int
take_record(struct mp_list *l, struct rmanifest_record *rec)
{
	struct mp_list sub;
	int r = mp_next_list(l, &sub);

	r = r ? r : mp_next_fixed(&sub, rec->k1.b, DIGEST_LEN);
	r = r ? r : mp_next_fixed(&sub, rec->tag.b, DIGEST_LEN);
	r = r ? r : mp_next_fixed(&sub, rec->content.b, DIGEST_LEN);
	r = r ? r : mp_next_uint(&sub, &rec->pack_size);
	r = r ? r : mp_next_uint(&sub, &rec->compile_us);
	r = r ? r : mp_next_uint(&sub, &rec->stored_ms);
	if (rec->compile_us > ENTRY_COMPILE_MAX)
		rec->compile_us = ENTRY_COMPILE_MAX;
	return r ? r : manifest_take_shape(&sub, &rec->shape);
}

/* One refused shape must not hide the others. */
static int
take_all(struct mp_list *l, struct rmanifest *m)
{
	int r = 0;

	while (r == 0 && l->left && m->count < RMANIFEST_MAX) {
		struct rmanifest_record *rec = &m->rec[m->count];

		memset(rec, 0, sizeof(*rec));
		r = take_record(l, rec);
		if (r == 0 && vet_shape(&rec->shape) == 0) {
			m->count++;
			continue;
		}
		shape_free(&rec->shape);
		/* A text or count over its maximum is as hostile. */
		if (r == ERR_TOOBIG)
			r = 0;
		m->dropped++;
	}
	return r;
}

int
rmanifest_decode(const void *p, size_t n, struct rmanifest *out)
{
	struct rmanifest m = { 0 };
	const char *content;
	struct mp_doc doc;
	struct mp_list l;
	size_t len;
	int r;

	if (n > RMANIFEST_BYTES)
		return ERR_TOOBIG;
	r = record_open(p, n, 'u', VERSION, &content, &len);
	if (r < 0)
		return r;
	r = mp_open_max(&doc, content, len, ELEMENTS);
	if (r < 0)
		return r;
	l = mp_root(&doc);
	r = take_all(&l, &m);
	mp_close(&doc);
	if (r < 0)
		rmanifest_release(&m);
	else
		*out = m;
	return r;
}

static size_t
cost(const struct rmanifest *m)
{
	size_t n = RECORD_HEAD + RECORD_COST;

	for (size_t i = 0; i < m->count; i++)
		n += RECORD_COST + m->rec[i].shape.text.len +
		     m->rec[i].shape.count * ITEM_COST;
	return n;
}

static bool
same_place(const struct rmanifest_record *a, const struct rmanifest_record *b)
{
	return digest_eq(&a->k1, &b->k1) && digest_eq(&a->tag, &b->tag);
}

bool
rmanifest_differs(const struct rmanifest *m, const struct rmanifest_record *r)
{
	for (size_t i = 0; i < m->count; i++)
		if (same_place(&m->rec[i], r) &&
		    !digest_eq(&m->rec[i].content, &r->content))
			return true;
	return false;
}

int
rmanifest_add(struct rmanifest *m, struct rmanifest_record *r)
{
	size_t drop = m->count;

	for (size_t i = 0; i < m->count; i++)
		if (manifest_same_shape(&m->rec[i].shape, &r->shape))
			drop = i;
	if (drop < m->count && same_place(&m->rec[drop], r)) {
		shape_free(&r->shape);
		return 0;
	}
	if (drop == m->count && m->count == RMANIFEST_MAX)
		drop = RMANIFEST_MAX - 1;
	if (drop < m->count)
		shape_free(&m->rec[drop].shape);
	else
		m->count++;
	memmove(&m->rec[1], &m->rec[0], drop * sizeof(m->rec[0]));
	m->rec[0] = *r;
	memset(&r->shape, 0, sizeof(r->shape));
	while (m->count > 1 && cost(m) > RMANIFEST_BYTES)
		shape_free(&m->rec[--m->count].shape);
	return 1;
}
