/* SPDX-License-Identifier: Apache-2.0 */
#include "store/manifest.h"

#include "base/err.h"
#include "base/mp.h"
#include "base/record_type.h"
#include "store/store.h"

#include <string.h>

enum { LOCK_MS = 2000 };

static const struct record_field fields[] = {
	RECORD_FIELD(DIGEST, manifest_record, last_k1, 0),
	RECORD_FIELD(U64, manifest_record, compile_us, 0),
	RECORD_FIELD(U64, manifest_record, stored_ms, 0),
	RECORD_LAST,
};

/* Those and the input list. */
enum { FIELDS = 4 };

void
manifest_release(struct manifest *m)
{
	for (size_t i = 0; i < m->count; i++)
		inputs_free(&m->rec[i].inputs);
	m->count = 0;
}

void
manifest_put_inputs(struct buf *b, const struct inputs *s)
{
	mp_put_list(b, (uint32_t)s->count);
	for (size_t i = 0; i < s->count; i++)
		mp_put_str(b, inputs_item(s, i));
}

int
manifest_take_inputs(struct mp_list *l, struct inputs *s)
{
	struct mp_list items;
	const char *p;
	size_t n;
	int r = mp_next_list(l, &items);

	while (r == 0 && items.left) {
		r = mp_next_bin(&items, &p, &n);
		if (r == 0 && (n < 2 || memchr(p, '\0', n)))
			r = ERR_CORRUPT;
		if (r == 0)
			r = inputs_add(s, p[0], p + 1, n - 1);
	}
	return r ? r : inputs_finish(s);
}

static uint32_t
put_records(struct buf *b, const void *manifest)
{
	const struct manifest *m = manifest;

	for (size_t i = 0; i < m->count; i++) {
		record_put(b, fields, &m->rec[i]);
		manifest_put_inputs(b, &m->rec[i].inputs);
	}
	return (uint32_t)m->count * FIELDS;
}

static int
take_records(struct mp_list *l, void *manifest)
{
	struct manifest *m = manifest;
	int r = 0;

	while (r == 0 && l->left && m->count < MANIFEST_MAX) {
		struct manifest_record *rec = &m->rec[m->count++];

		r = record_take(l, fields, rec);
		r = r ? r : manifest_take_inputs(l, &rec->inputs);
	}
	return r;
}

static const struct record_type type = {
	.letter = 'm',
	.version = 1,
	.put_rest = put_records,
	.take_rest = take_records,
};

void
manifest_encode(const struct manifest *m, struct buf *out)
{
	record_encode(&type, m, out);
}

int
manifest_decode(const void *p, size_t n, struct manifest *out)
{
	struct manifest m = { 0 };
	int r = record_decode(&type, p, n, &m);

	if (r < 0)
		manifest_release(&m);
	else
		*out = m;
	return r;
}

int
manifest_load(struct store *s, const struct digest *k0, struct manifest *out)
{
	char name[STORE_NAME];
	int r;

	memset(out, 0, sizeof(*out));
	store_name("manifests", k0, name);
	r = store_load(s, name, &type, out);
	if (r < 0)
		manifest_release(out);
	return r;
}

bool
manifest_same_inputs(const struct inputs *a, const struct inputs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(inputs_item(a, i), inputs_item(b, i)) != 0)
			return false;
	return true;
}

/* R goes first; the rest keep their order.  M takes R's input list. */
static void
insert_record(struct manifest *m, struct manifest_record *r)
{
	size_t drop = m->count;

	for (size_t i = 0; i < m->count; i++)
		if (manifest_same_inputs(&m->rec[i].inputs, &r->inputs))
			drop = i;
	if (drop == m->count && m->count == MANIFEST_MAX)
		drop = MANIFEST_MAX - 1;
	if (drop < m->count)
		inputs_free(&m->rec[drop].inputs);
	else
		m->count++;
	memmove(&m->rec[1], &m->rec[0], drop * sizeof(m->rec[0]));
	m->rec[0] = *r;
	memset(&r->inputs, 0, sizeof(r->inputs));
}

int
manifest_add(struct store *s, const struct digest *k0,
	     struct manifest_record *rec)
{
	char name[STORE_NAME];
	struct manifest m;
	int r = store_lock(s, STORE_LOCK_MANIFEST, k0, LOCK_MS);

	if (r < 0)
		return r;
	r = manifest_load(s, k0, &m);
	/* A newer version's manifest is not ours to replace. */
	if (r == ERR_MISS || r == ERR_CORRUPT)
		r = 0;
	if (r == 0) {
		insert_record(&m, rec);
		store_name("manifests", k0, name);
		r = store_save(s, name, &type, &m);
	}
	store_unlock(s, STORE_LOCK_MANIFEST, k0);
	manifest_release(&m);
	return r;
}
