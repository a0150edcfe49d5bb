/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/message.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mp.h"

#include <errno.h>
#include <string.h>

enum kind { END, KIND_NUMBER, KIND_KEY, KIND_TEXT, KIND_BYTES, KIND_LIST };

enum { FIELDS_MAX = 6 };

/* A field: what it is, where in struct message, its largest value or length,
 * and how many of them a list has at most. */
struct field {
	enum kind kind;
	size_t offset;
	uint64_t max;
	uint64_t count;
};

struct row {
	const char *name;
	unsigned ways;
	struct field field[FIELDS_MAX + 1];
};

#define ASK MESSAGE_TO_DAEMON
#define TELL MESSAGE_FROM_DAEMON
#define BOTH (MESSAGE_TO_DAEMON | MESSAGE_FROM_DAEMON)

#define FIELD(kind, at, max, count) \
	{ \
		kind, offsetof(struct message, at), max, count \
	}
#define NUMBER(at, max) FIELD(KIND_NUMBER, at, max, 0)
#define KEY(at) FIELD(KIND_KEY, at, DIGEST_LEN, 0)
#define TEXT(at, max) FIELD(KIND_TEXT, at, max, 0)
#define BYTES(at, max) FIELD(KIND_BYTES, at, max, 0)
#define LIST(at, max, count) FIELD(KIND_LIST, at, max, count)
#define NOTHING \
	{ \
		END, 0, 0, 0 \
	}

static const struct row table[] = {
#define MESSAGE(number, name, ways, ...) \
	[number] = { #name, ways, { __VA_ARGS__ } },
#include "wire/messages.def"
#undef MESSAGE
};

/* More items than the longest list and all other fields have. */
enum { ITEMS_MAX = 8192 + 16 };

static const struct row *
row_of(uint64_t type)
{
	if (type >= sizeof(table) / sizeof(table[0]) || !table[type].name)
		return NULL;
	return &table[type];
}

static uint32_t
count_fields(const struct row *r)
{
	uint32_t n = 0;

	while (r->field[n].kind != END)
		n++;
	return n;
}

const char *
message_name(unsigned type)
{
	const struct row *r = row_of(type);

	return r ? r->name : NULL;
}

/* N bytes at P that become text or bytes. */
static int
check_bytes(const struct field *f, const char *p, size_t n)
{
	if (n > f->max)
		return ERR_TOOBIG;
	return f->kind != KIND_BYTES && n && memchr(p, '\0', n) ? ERR_CORRUPT
								: 0;
}

static int
put_list(const struct field *f, const struct message_list *v, struct buf *out)
{
	const char *p = v->p;
	size_t left = v->n;

	if (v->count > f->count)
		return ERR_TOOBIG;
	mp_put_list(out, (uint32_t)v->count);
	for (uint64_t i = 0; i < v->count; i++) {
		const char *nul = left ? memchr(p, '\0', left) : NULL;

		if (!nul)
			return ERR_REFUSED;
		if ((uint64_t)(nul - p) > f->max)
			return ERR_TOOBIG;
		mp_put_str(out, p);
		left -= (size_t)(nul + 1 - p);
		p = nul + 1;
	}
	return left == 0 ? 0 : ERR_REFUSED;
}

static int
put_number(const struct field *f, uint64_t v, struct buf *out)
{
	mp_put_uint(out, v);
	return v > f->max ? ERR_TOOBIG : 0;
}

static int
put_bytes(const struct field *f, const struct message_bytes *v, struct buf *out)
{
	int r = check_bytes(f, v->p, v->n);

	if (r == 0)
		mp_put_bin(out, v->p, v->n);
	return r == ERR_CORRUPT ? ERR_REFUSED : r;
}

static int
put_field(const struct field *f, const struct message *m, struct buf *out)
{
	const void *v = (const char *)m + f->offset;

	switch (f->kind) {
	case KIND_NUMBER:
		return put_number(f, *(const uint64_t *)v, out);
	case KIND_KEY:
		mp_put_bin(out, v, DIGEST_LEN);
		return 0;
	case KIND_LIST:
		return put_list(f, v, out);
	default:
		return put_bytes(f, v, out);
	}
}

int
message_encode(const struct message *m, struct buf *out)
{
	const struct row *row = row_of(m->type);
	size_t before = out->len;
	int r = 0;

	if (!row)
		return ERR_REFUSED;
	mp_put_list(out, 1 + count_fields(row));
	mp_put_uint(out, m->type);
	for (int i = 0; r == 0 && row->field[i].kind != END; i++)
		r = put_field(&row->field[i], m, out);
	if (r == 0 && out->failed)
		r = -ENOMEM;
	if (r < 0)
		out->len = before;
	return r;
}

/* A message has at most one list, which becomes all of LISTS. */
static int
get_list(const struct field *f, struct mp_list *from, struct buf *lists,
	 struct message_list *v)
{
	struct mp_list sub;
	int r = mp_next_list(from, &sub);

	if (r == 0 && sub.left > f->count)
		r = ERR_TOOBIG;
	if (r < 0)
		return r;
	v->count = sub.left;
	while (sub.left) {
		const char *p;
		size_t n;

		r = mp_next_bin(&sub, &p, &n);
		if (r == 0)
			r = check_bytes(f, p, n);
		if (r < 0)
			return r;
		buf_add(lists, p, n);
		buf_char(lists, '\0');
	}
	v->p = lists->p;
	v->n = lists->len;
	return lists->failed ? -ENOMEM : 0;
}

static int
get_number(const struct field *f, struct mp_list *from, uint64_t *v)
{
	int r = mp_next_uint(from, v);

	return r == 0 && *v > f->max ? ERR_TOOBIG : r;
}

static int
get_bytes(const struct field *f, struct mp_list *from, struct message_bytes *v)
{
	int r = mp_next_bin(from, &v->p, &v->n);

	return r < 0 ? r : check_bytes(f, v->p, v->n);
}

static int
get_field(const struct field *f, struct mp_list *from, struct buf *lists,
	  struct message *m)
{
	void *v = (char *)m + f->offset;

	switch (f->kind) {
	case KIND_NUMBER:
		return get_number(f, from, v);
	case KIND_KEY:
		return mp_next_fixed(from, v, DIGEST_LEN);
	case KIND_LIST:
		return get_list(f, from, lists, v);
	default:
		return get_bytes(f, from, v);
	}
}

static int
get_message(struct mp_list from, enum message_way way, struct buf *lists,
	    struct message *m)
{
	const struct row *row;
	uint64_t type;
	int r = mp_next_uint(&from, &type);

	row = r == 0 ? row_of(type) : NULL;
	if (!row || !(row->ways & way) || from.left != count_fields(row))
		return ERR_CORRUPT;
	m->type = (enum message_type)type;
	for (int i = 0; r == 0 && row->field[i].kind != END; i++)
		r = get_field(&row->field[i], &from, lists, m);
	return r;
}

int
message_decode(const void *p, size_t n, enum message_way way, struct buf *lists,
	       struct message *m)
{
	struct message got;
	struct mp_doc doc;
	int r = mp_open_max(&doc, p, n, ITEMS_MAX);

	if (r < 0)
		return r;
	memset(&got, 0, sizeof(got));
	buf_reset(lists);
	r = get_message(mp_root(&doc), way, lists, &got);
	mp_close(&doc);
	if (r == 0)
		*m = got;
	return r;
}
