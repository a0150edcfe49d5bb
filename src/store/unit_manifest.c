/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unit_manifest.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mp.h"
#include "base/record.h"
#include "key/input_policy.h"
#include "store/entry.h"
#include "store/manifest.h"

#include <errno.h>
#include <string.h>

enum {
	VERSION = 1,
	FIELDS = 7,
	RECORD_COST = 160, /* bytes of a record without its items, at most */
	ITEM_COST = 4,     /* head of an item, less its NUL */
	ELEMENTS = UNIT_MANIFEST_MAX * (INPUTS_ITEMS_MAX + 64)
};

void
unit_manifest_at(const struct digest *k1, const struct digest *tag,
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
unit_manifest_release(struct unit_manifest *m)
{
	for (size_t i = 0; i < m->count; i++)
		inputs_free(&m->rec[i].inputs);
	m->count = 0;
}

static void
put_record(struct buf *b, const struct unit_manifest_record *r)
{
	mp_put_list(b, FIELDS);
	mp_put_bin(b, r->k1.b, DIGEST_LEN);
	mp_put_bin(b, r->tag.b, DIGEST_LEN);
	mp_put_bin(b, r->content.b, DIGEST_LEN);
	mp_put_uint(b, r->pack_size);
	mp_put_uint(b, r->compile_us);
	mp_put_uint(b, r->stored_ms);
	manifest_put_inputs(b, &r->inputs);
}

void
unit_manifest_encode(const struct unit_manifest *m, struct buf *out)
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
take_record(struct mp_list *l, struct unit_manifest_record *rec)
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
	return r ? r : manifest_take_inputs(&sub, &rec->inputs);
}

/* One refused input list must not hide the others. */
static int
take_all(struct mp_list *l, struct unit_manifest *m)
{
	int r = 0;

	while (r == 0 && l->left && m->count < UNIT_MANIFEST_MAX) {
		struct unit_manifest_record *rec = &m->rec[m->count];

		memset(rec, 0, sizeof(*rec));
		r = take_record(l, rec);
		if (r == 0 && input_policy_check(&rec->inputs) == 0) {
			m->count++;
			continue;
		}
		inputs_free(&rec->inputs);
		/* A text or count over its maximum is as hostile. */
		if (r == ERR_TOOBIG)
			r = 0;
		m->dropped++;
	}
	return r;
}

int
unit_manifest_decode(const void *p, size_t n, struct unit_manifest *out)
{
	struct unit_manifest m = { 0 };
	const char *content;
	struct mp_doc doc;
	struct mp_list l;
	size_t len;
	int r;

	if (n > UNIT_MANIFEST_BYTES)
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
		unit_manifest_release(&m);
	else
		*out = m;
	return r;
}

static size_t
cost(const struct unit_manifest *m)
{
	size_t n = RECORD_HEAD + RECORD_COST;

	for (size_t i = 0; i < m->count; i++)
		n += RECORD_COST + m->rec[i].inputs.text.len +
		     m->rec[i].inputs.count * ITEM_COST;
	return n;
}

static bool
same_place(const struct unit_manifest_record *a,
	   const struct unit_manifest_record *b)
{
	return digest_eq(&a->k1, &b->k1) && digest_eq(&a->tag, &b->tag);
}

bool
unit_manifest_differs(const struct unit_manifest *m,
		      const struct unit_manifest_record *r)
{
	for (size_t i = 0; i < m->count; i++)
		if (same_place(&m->rec[i], r) &&
		    !digest_eq(&m->rec[i].content, &r->content))
			return true;
	return false;
}

int
unit_manifest_add(struct unit_manifest *m, struct unit_manifest_record *r)
{
	size_t drop = m->count;

	for (size_t i = 0; i < m->count; i++)
		if (manifest_same_inputs(&m->rec[i].inputs, &r->inputs))
			drop = i;
	if (drop < m->count && same_place(&m->rec[drop], r)) {
		inputs_free(&r->inputs);
		return 0;
	}
	if (drop == m->count && m->count == UNIT_MANIFEST_MAX)
		drop = UNIT_MANIFEST_MAX - 1;
	if (drop < m->count)
		inputs_free(&m->rec[drop].inputs);
	else
		m->count++;
	memmove(&m->rec[1], &m->rec[0], drop * sizeof(m->rec[0]));
	m->rec[0] = *r;
	memset(&r->inputs, 0, sizeof(r->inputs));
	while (m->count > 1 && cost(m) > UNIT_MANIFEST_BYTES)
		inputs_free(&m->rec[--m->count].inputs);
	return 1;
}
