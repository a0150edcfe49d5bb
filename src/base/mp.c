/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mp.h"

#include "base/buf.h"
#include "base/err.h"

#include <errno.h>
#include <msgpack.h>
#include <string.h>

static int
pack_bytes(void *data, const char *p, size_t n)
{
	buf_add(data, p, n);
	return 0;
}

void
mp_put_list(struct buf *b, uint32_t n)
{
	msgpack_packer pk;

	msgpack_packer_init(&pk, b, pack_bytes);
	msgpack_pack_array(&pk, n);
}

void
mp_put_uint(struct buf *b, uint64_t v)
{
	msgpack_packer pk;

	msgpack_packer_init(&pk, b, pack_bytes);
	msgpack_pack_uint64(&pk, v);
}

void
mp_put_str(struct buf *b, const char *s)
{
	msgpack_packer pk;
	size_t n = strlen(s);

	msgpack_packer_init(&pk, b, pack_bytes);
	msgpack_pack_str(&pk, n);
	msgpack_pack_str_body(&pk, s, n);
}

void
mp_put_bin(struct buf *b, const void *p, size_t n)
{
	msgpack_packer pk;

	msgpack_packer_init(&pk, b, pack_bytes);
	msgpack_pack_bin(&pk, n);
	msgpack_pack_bin_body(&pk, p, n);
}

/* Lead bytes we write: their big-endian length bytes, what the length
 * counts, and bytes of body without one (the msgpack specification). */
struct lead {
	uint8_t first, last;
	uint8_t len_bytes;
	uint8_t body;
	enum { SCALAR, BYTES, ITEMS } kind;
};

static const struct lead leads[] = {
	{ 0x00, 0x7f, 0, 0, SCALAR }, { 0x90, 0x9f, 0, 0, ITEMS },
	{ 0xa0, 0xbf, 0, 0, BYTES },  { 0xc4, 0xc4, 1, 0, BYTES },
	{ 0xc5, 0xc5, 2, 0, BYTES },  { 0xc6, 0xc6, 4, 0, BYTES },
	{ 0xcc, 0xcc, 0, 1, SCALAR }, { 0xcd, 0xcd, 0, 2, SCALAR },
	{ 0xce, 0xce, 0, 4, SCALAR }, { 0xcf, 0xcf, 0, 8, SCALAR },
	{ 0xd9, 0xd9, 1, 0, BYTES },  { 0xda, 0xda, 2, 0, BYTES },
	{ 0xdb, 0xdb, 4, 0, BYTES },  { 0xdc, 0xdc, 2, 0, ITEMS },
	{ 0xdd, 0xdd, 4, 0, ITEMS },
};

static const struct lead *
lead_of(uint8_t byte)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (byte >= leads[i].first && byte <= leads[i].last)
			return &leads[i];
	return NULL;
}

/* Steps over one lead; gives the count of items an array announces. */
static int
step_over(const uint8_t **p, size_t *n, uint64_t *items)
{
	const struct lead *l = *n ? lead_of(**p) : NULL;
	uint64_t len = 0;

	*items = 0;
	if (!l || *n < 1u + l->len_bytes + l->body)
		return ERR_CORRUPT;
	if (l->len_bytes == 0 && l->kind != SCALAR)
		len = **p & (l->kind == ITEMS ? 0x0f : 0x1f);
	for (int i = 1; i <= l->len_bytes; i++)
		len = len << 8 | (*p)[i];
	*p += 1 + l->len_bytes + l->body;
	*n -= 1u + l->len_bytes + l->body;
	if (len > *n)
		return ERR_CORRUPT;
	if (l->kind == ITEMS) {
		*items = len;
	} else {
		*p += len;
		*n -= len;
	}
	return 0;
}

static int
check_document(const uint8_t *p, size_t n, size_t max)
{
	uint64_t left[MP_DEPTH_MAX + 1];
	int depth = 0;

	left[0] = 1;
	for (;;) {
		uint64_t items;
		int r;

		while (depth >= 0 && left[depth] == 0)
			depth--;
		if (depth < 0)
			return n == 0 ? 0 : ERR_CORRUPT;
		left[depth]--;
		r = step_over(&p, &n, &items);
		if (r < 0)
			return r;
		if (items == 0)
			continue;
		if (items > max)
			return ERR_TOOBIG;
		max -= items;
		if (depth == MP_DEPTH_MAX)
			return ERR_CORRUPT;
		left[++depth] = items;
	}
}

int
mp_open(struct mp_doc *doc, const void *p, size_t n)
{
	return mp_open_max(doc, p, n, SIZE_MAX);
}

int
mp_open_max(struct mp_doc *doc, const void *p, size_t n, size_t max)
{
	int r = check_document(p, n, max);
	msgpack_object *root;
	msgpack_zone *zone;
	size_t off = 0;

	if (r < 0)
		return r;
	zone = msgpack_zone_new(4096);
	if (!zone)
		return -ENOMEM;
	root = msgpack_zone_malloc(zone, sizeof(*root));
	if (!root ||
	    msgpack_unpack(p, n, &off, zone, root) != MSGPACK_UNPACK_SUCCESS ||
	    root->type != MSGPACK_OBJECT_ARRAY) {
		msgpack_zone_free(zone);
		return root ? ERR_CORRUPT : -ENOMEM;
	}
	doc->zone = zone;
	doc->root = root;
	return 0;
}

void
mp_close(struct mp_doc *doc)
{
	if (doc->zone)
		msgpack_zone_free(doc->zone);
	doc->zone = NULL;
	doc->root = NULL;
}

struct mp_list
mp_root(const struct mp_doc *doc)
{
	const msgpack_object *o = doc->root;

	return (struct mp_list){ o->via.array.ptr, o->via.array.size };
}

static const msgpack_object *
peek(const struct mp_list *l)
{
	return l->left ? l->next : NULL;
}

static void
take_element(struct mp_list *l)
{
	l->next = (const msgpack_object *)l->next + 1;
	l->left--;
}

int
mp_next_uint(struct mp_list *l, uint64_t *v)
{
	const msgpack_object *o = peek(l);

	if (!o || o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		return ERR_CORRUPT;
	*v = o->via.u64;
	take_element(l);
	return 0;
}

int
mp_next_bin(struct mp_list *l, const char **p, size_t *n)
{
	const msgpack_object *o = peek(l);

	if (o && o->type == MSGPACK_OBJECT_STR) {
		*p = o->via.str.ptr;
		*n = o->via.str.size;
	} else if (o && o->type == MSGPACK_OBJECT_BIN) {
		*p = o->via.bin.ptr;
		*n = o->via.bin.size;
	} else {
		return ERR_CORRUPT;
	}
	take_element(l);
	return 0;
}

int
mp_next_list(struct mp_list *l, struct mp_list *sub)
{
	const msgpack_object *o = peek(l);

	if (!o || o->type != MSGPACK_OBJECT_ARRAY)
		return ERR_CORRUPT;
	sub->next = o->via.array.ptr;
	sub->left = o->via.array.size;
	take_element(l);
	return 0;
}

int
mp_next_fixed(struct mp_list *l, void *to, size_t n)
{
	const char *p;
	size_t len;
	int r = mp_next_bin(l, &p, &len);

	if (r < 0 || len != n)
		return ERR_CORRUPT;
	memcpy(to, p, n);
	return 0;
}
