/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/pack_internal.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mp.h"
#include "key/input_policy.h"
#include "remote/pack.h"
#include "store/manifest.h"
#include "store/unit_manifest.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
	FIELDS = 15,
	MEMBER_FIELDS = 7,
	CRATE_MAX = 255,
	ELEMENTS = INPUTS_ITEMS_MAX + ENTRY_TRAVEL_MAX * MEMBER_FIELDS + 64
};

static void
put_text(struct buf *b, const struct buf *text)
{
	mp_put_bin(b, text->p ? text->p : "", text->len);
}

static void
put_member(struct buf *b, const struct entry_output *o,
	   const struct pack_part *part)
{
	mp_put_str(b, o->name);
	mp_put_uint(b, o->role);
	mp_put_uint(b, o->exec);
	mp_put_uint(b, o->size);
	mp_put_bin(b, o->blob.b, DIGEST_LEN);
	mp_put_uint(b, part->source);
	mp_put_uint(b, part->offset);
}

void
pack_head_encode(const struct pack_source *src, const struct pack_part *parts,
		 struct buf *b)
{
	const struct entry *e = src->entry;
	struct digest at;

	unit_manifest_at(&src->k1, &src->tag, &at);
	if (src->at)
		at = *src->at;
	mp_put_list(b, FIELDS);
	mp_put_bin(b, at.b, DIGEST_LEN);
	mp_put_bin(b, e->k0.b, DIGEST_LEN);
	mp_put_bin(b, src->k1.b, DIGEST_LEN);
	mp_put_bin(b, src->tag.b, DIGEST_LEN);
	mp_put_uint(b, e->kind);
	mp_put_uint(b, e->stored_ms);
	mp_put_uint(b, e->compile_us);
	mp_put_str(b, "kache " KACHE_VERSION);
	put_text(b, &e->crate);
	mp_put_str(b, e->roots);
	manifest_put_inputs(b, src->inputs);
	mp_put_list(b, (uint32_t)(e->nout * MEMBER_FIELDS));
	for (size_t i = 0; i < e->nout; i++)
		put_member(b, &e->out[i], &parts[i]);
	put_text(b, &e->depinfo);
	put_text(b, &e->stdout_text);
	put_text(b, &e->stderr_text);
}

void
pack_head_release(struct pack_head *h)
{
	entry_release(&h->entry);
	inputs_free(&h->inputs);
}

static int
take_text(struct mp_list *l, struct buf *out)
{
	const char *p;
	size_t n;
	int r = mp_next_bin(l, &p, &n);

	if (r < 0)
		return r;
	buf_add(out, p, n);
	return out->failed ? -ENOMEM : 0;
}

static int
take_small(struct mp_list *l, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;
	int r = mp_next_uint(l, &v);

	if (r < 0 || v > max)
		return ERR_CORRUPT;
	*out = (uint32_t)v;
	return 0;
}

/* An output is named after its crate; with any other name a pack could put
 * files where another crate's are looked for. */
static bool
is_named_after(const struct buf *crate, const char *p, size_t n)
{
	if (n > 3 && !memcmp(p, "lib", 3) &&
	    (crate->len > n || memcmp(p, crate->p, crate->len) != 0)) {
		p += 3;
		n -= 3;
	}
	return n >= crate->len && !memcmp(p, crate->p, crate->len);
}

static int
take_name(struct mp_list *l, struct pack_head *h, struct entry_output *o)
{
	const char *p = NULL;
	size_t n = 0;

	if (mp_next_bin(l, &p, &n) < 0)
		return ERR_CORRUPT;
	if (!entry_name_ok(p, n) || !is_named_after(&h->entry.crate, p, n))
		return ERR_REFUSED;
	for (const struct entry_output *x = h->entry.out; x < o; x++)
		if (strlen(x->name) == n && !memcmp(x->name, p, n))
			return ERR_REFUSED;
	memcpy(o->name, p, n);
	o->name[n] = '\0';
	return 0;
}

static int
take_member(struct mp_list *l, struct pack_head *h, size_t i)
{
	struct entry_output *o = &h->entry.out[i];
	struct pack_part *part = &h->part[i];
	uint32_t role = 0;
	int r = take_name(l, h, o);

	r = r ? r : take_small(l, ENTRY_SIDE, &role);
	r = r ? r : take_small(l, 1, &o->exec);
	r = r ? r : mp_next_uint(l, &o->size);
	r = r ? r : mp_next_fixed(l, o->blob.b, DIGEST_LEN);
	r = r ? r : take_small(l, ENTRY_TRAVEL_MAX, &part->source);
	r = r ? r : mp_next_uint(l, &part->offset);
	o->role = (enum entry_role)role;
	return r;
}

static int
take_members(struct mp_list *l, struct pack_head *h)
{
	struct mp_list sub;
	int r = mp_next_list(l, &sub);

	if (r < 0 || sub.left % MEMBER_FIELDS)
		return ERR_CORRUPT;
	if (sub.left > ENTRY_TRAVEL_MAX * MEMBER_FIELDS)
		return ERR_TOOBIG;
	while (r == 0 && sub.left)
		r = take_member(&sub, h, h->entry.nout++);
	return r;
}

static int
take_crate(struct mp_list *l, struct pack_head *h)
{
	int r = take_text(l, &h->entry.crate);
	const struct buf *c = &h->entry.crate;

	if (r == 0 &&
	    (c->len == 0 || c->len > CRATE_MAX || !entry_name_ok(c->p, c->len)))
		r = ERR_REFUSED;
	return r;
}

static int
take_roots(struct mp_list *l, struct entry *e)
{
	const char *p;
	size_t n;
	int r = mp_next_bin(l, &p, &n);

	if (r < 0 || n >= sizeof(e->roots) || memchr(p, '\0', n))
		return ERR_CORRUPT;
	memcpy(e->roots, p, n);
	e->roots[n] = '\0';
	return 0;
}

static int
take_fields(struct mp_list *l, struct pack_head *h)
{
	struct entry *e = &h->entry;
	const char *writer;
	size_t n;
	int r = mp_next_fixed(l, h->at.b, DIGEST_LEN);

	r = r ? r : mp_next_fixed(l, e->k0.b, DIGEST_LEN);
	r = r ? r : mp_next_fixed(l, h->k1.b, DIGEST_LEN);
	r = r ? r : mp_next_fixed(l, h->tag.b, DIGEST_LEN);
	r = r ? r : take_small(l, UINT32_MAX, &e->kind);
	r = r ? r : mp_next_uint(l, &e->stored_ms);
	r = r ? r : mp_next_uint(l, &e->compile_us);
	r = r ? r : mp_next_bin(l, &writer, &n);
	r = r ? r : take_crate(l, h);
	r = r ? r : take_roots(l, e);
	r = r ? r : manifest_take_inputs(l, &h->inputs);
	r = r ? r : take_members(l, h);
	r = r ? r : take_text(l, &e->depinfo);
	r = r ? r : take_text(l, &e->stdout_text);
	return r ? r : take_text(l, &e->stderr_text);
}

/* Sizes are bounded before anything is added to them. */
static int
check_part(const struct pack_head *h, size_t i)
{
	const struct entry_output *o = &h->entry.out[i], *in;
	const struct pack_part *part = &h->part[i];

	if (o->size > PACK_MAX || part->offset > PACK_MAX)
		return ERR_TOOBIG;
	if (o->role == ENTRY_DEPINFO)
		return o->size || part->source ? ERR_CORRUPT : 0;
	if (!part->source)
		return part->offset ? ERR_CORRUPT : 0;
	if (part->source > h->entry.nout)
		return ERR_CORRUPT;
	in = &h->entry.out[part->source - 1];
	if (h->part[part->source - 1].source || in->role == ENTRY_DEPINFO ||
	    in->size > PACK_MAX || part->offset + o->size > in->size)
		return ERR_CORRUPT;
	return 0;
}

/* A bound entry lies at a key that folds paths of the writer's machine: only
 * who asks can tell whether it is the one. */
static int
check_at(const struct pack_head *h)
{
	struct digest at;

	if (h->entry.roots[0] && h->entry.nout)
		return 0;
	unit_manifest_at(&h->k1, &h->tag, &at);
	return digest_eq(&at, &h->at) ? 0 : ERR_CORRUPT;
}

static int
check_head(const struct pack_head *h)
{
	uint64_t sum = 0;
	int r = check_at(h);

	if (r == 0 && !h->entry.nout && !h->entry.roots[0])
		r = ERR_CORRUPT;
	for (size_t i = 0; i < h->entry.nout && r == 0; i++) {
		r = check_part(h, i);
		sum += h->entry.out[i].size;
	}
	if (r == 0 && sum > PACK_MAX)
		r = ERR_TOOBIG;
	return r ? r : input_policy_check(&h->inputs);
}

int
pack_head_decode(const void *p, size_t n, struct pack_head *out)
{
	struct pack_head h = { 0 };
	struct mp_doc doc;
	struct mp_list l;
	int r = mp_open_max(&doc, p, n, ELEMENTS);

	if (r < 0)
		return r;
	l = mp_root(&doc);
	r = take_fields(&l, &h);
	mp_close(&doc);
	r = r ? r : check_head(&h);
	if (r < 0)
		pack_head_release(&h);
	else
		*out = h;
	return r;
}
