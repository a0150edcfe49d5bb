/* SPDX-License-Identifier: Apache-2.0 */
#include "store/manifest.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"
#include "store/store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1, FIELDS = 4, LOCK_MS = 2000 };

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

void
manifest_encode(const struct manifest *m, struct buf *out)
{
	struct buf b = { 0 };

	mp_put_list(&b, (uint32_t)(m->count * FIELDS));
	for (size_t i = 0; i < m->count; i++) {
		const struct manifest_record *r = &m->rec[i];

		mp_put_bin(&b, r->last_k1.b, DIGEST_LEN);
		mp_put_uint(&b, r->compile_us);
		mp_put_uint(&b, r->stored_ms);
		manifest_put_inputs(&b, &r->inputs);
	}
	if (b.failed)
		out->failed = true;
	else
		record_seal(out, 'm', VERSION, b.p, b.len);
	buf_free(&b);
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

static int
take_record(struct mp_list *l, struct manifest_record *rec)
{
	int r = mp_next_fixed(l, rec->last_k1.b, DIGEST_LEN);

	r = r ? r : mp_next_uint(l, &rec->compile_us);
	r = r ? r : mp_next_uint(l, &rec->stored_ms);
	return r ? r : manifest_take_inputs(l, &rec->inputs);
}

int
manifest_decode(const void *p, size_t n, struct manifest *out)
{
	struct manifest m = { 0 };
	const char *content;
	struct mp_doc doc;
	struct mp_list l;
	size_t len;
	int r = record_open(p, n, 'm', VERSION, &content, &len);

	if (r < 0)
		return r;
	r = mp_open(&doc, content, len);
	if (r < 0)
		return r;
	l = mp_root(&doc);
	while (r == 0 && l.left && m.count < MANIFEST_MAX)
		r = take_record(&l, &m.rec[m.count++]);
	mp_close(&doc);
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
	struct buf b = { 0 };
	int r;

	store_name("manifests", k0, name);
	r = file_read(s->dir, name, RECORD_MAX, &b);
	if (r == 0)
		r = manifest_decode(b.p ? b.p : "", b.len, out);
	if (r == ERR_CORRUPT)
		store_remove(s, name);
	buf_free(&b);
	return r == -ENOENT ? ERR_MISS : r;
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
insert(struct manifest *m, struct manifest_record *r)
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
	char name[STORE_NAME], tmp[STORE_NAME];
	struct manifest m = { 0 };
	struct buf b = { 0 };
	int r = store_lock(s, STORE_LOCK_MANIFEST, k0, LOCK_MS);

	if (r < 0)
		return r;
	r = manifest_load(s, k0, &m);
	/* A newer version's manifest is not ours to replace. */
	if (r == ERR_MISS || r == ERR_CORRUPT)
		r = 0;
	if (r == 0) {
		insert(&m, rec);
		manifest_encode(&m, &b);
		store_name("manifests", k0, name);
		store_tmp(s, tmp);
		r = b.failed ? -ENOMEM
			     : file_publish(s->dir, tmp, name, b.p, b.len);
	}
	store_unlock(s, STORE_LOCK_MANIFEST, k0);
	manifest_release(&m);
	buf_free(&b);
	return r;
}
