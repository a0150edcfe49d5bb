/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unit_manifest.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mp.h"
#include "base/record.h"
#include "base/record_type.h"
#include "key/input_policy.h"
#include "store/entry.h"
#include "store/manifest.h"

#include <errno.h>
#include <string.h>

enum {
	FIELDS = 7,
	RECORD_COST = 160, /* bytes of a record without its items, at most */
	ITEM_COST = 4,     /* head of an item, less its NUL */
	ELEMENTS = UNIT_MANIFEST_MAX * (INPUTS_ITEMS_MAX + 64)
};

/* Those and the input list. */
static const struct record_field fields[] = {
	RECORD_FIELD(DIGEST, unit_manifest_record, k1, 0),
	RECORD_FIELD(DIGEST, unit_manifest_record, tag, 0),
	RECORD_FIELD(DIGEST, unit_manifest_record, content, 0),
	RECORD_FIELD(U64, unit_manifest_record, pack_size, 0),
	RECORD_FIELD(U64, unit_manifest_record, compile_us, 0),
	RECORD_FIELD(U64, unit_manifest_record, stored_ms, 0),
	RECORD_LAST,
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

static uint32_t
put_records(struct buf *b, const void *manifest)
{
	const struct unit_manifest *m = manifest;

	for (size_t i = 0; i < m->count; i++) {
		mp_put_list(b, FIELDS);
		record_put(b, fields, &m->rec[i]);
		manifest_put_inputs(b, &m->rec[i].inputs);
	}
	return (uint32_t)m->count;
}

static int
take_record(struct mp_list *l, struct unit_manifest_record *rec)
{
	struct mp_list sub;
	int r = mp_next_list(l, &sub);

	r = r ? r : record_take(&sub, fields, rec);
	if (rec->compile_us > ENTRY_COMPILE_MAX)
		rec->compile_us = ENTRY_COMPILE_MAX;
	return r ? r : manifest_take_inputs(&sub, &rec->inputs);
}

/* One refused input list must not hide the others. */
static int
take_records(struct mp_list *l, void *manifest)
{
	struct unit_manifest *m = manifest;
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

static const struct record_type type = {
	.letter = 'u',
	.version = 1,
	.put_rest = put_records,
	.take_rest = take_records,
	.file_max = UNIT_MANIFEST_BYTES,
	.elements_max = ELEMENTS,
};

void
unit_manifest_encode(const struct unit_manifest *m, struct buf *out)
{
	record_encode(&type, m, out);
}

int
unit_manifest_decode(const void *p, size_t n, struct unit_manifest *out)
{
	struct unit_manifest m = { 0 };
	int r = record_decode(&type, p, n, &m);

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
