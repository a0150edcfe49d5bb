/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/message.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mp.h"

#include <errno.h>
#include <string.h>

enum kind { END, UINT, KEY, TEXT, BYTES, LIST };

enum { KEY_LEN = 32, PATH_LEN = 4096, MANIFEST_LEN = 15 << 20 };

/* A field: what it is, its largest value or length, and how many of them a
 * list has. */
struct field {
	enum kind kind;
	uint64_t max;
	uint64_t count;
};

struct row {
	const char *name;
	unsigned ways;
	struct field field[MESSAGE_FIELDS_MAX + 1];
};

#define ANY UINT64_MAX
#define ASK MESSAGE_TO_DAEMON
#define TELL MESSAGE_FROM_DAEMON
#define BOTH (MESSAGE_TO_DAEMON | MESSAGE_FROM_DAEMON)

static const struct row table[] = {
	/* protocol version, program version */
	[MESSAGE_HELLO] = { "HELLO",
			    BOTH,
			    { { UINT, ANY, 0 }, { TEXT, 64, 0 } } },
	/* K0 */
	[MESSAGE_CHECK] = { "CHECK", ASK, { { KEY, KEY_LEN, 0 } } },
	[MESSAGE_ACCEPTED] = { "ACCEPTED", TELL, { { END, 0, 0 } } },
	[MESSAGE_BUSY] = { "BUSY", TELL, { { END, 0, 0 } } },
	[MESSAGE_NONE] = { "NONE", TELL, { { END, 0, 0 } } },
	/* manifest */
	[MESSAGE_SHAPES] = { "SHAPES", TELL, { { BYTES, MANIFEST_LEN, 0 } } },
	[MESSAGE_NOT_FOUND] = { "NOT_FOUND", TELL, { { END, 0, 0 } } },
	[MESSAGE_LATE] = { "LATE", TELL, { { END, 0, 0 } } },
	/* K1 */
	[MESSAGE_GET] = { "GET", ASK, { { KEY, KEY_LEN, 0 } } },
	/* K1, bytes received */
	[MESSAGE_FOUND] = { "FOUND",
			    TELL,
			    { { KEY, KEY_LEN, 0 }, { UINT, ANY, 0 } } },
	/* K1 */
	[MESSAGE_STORED] = { "STORED", ASK, { { KEY, KEY_LEN, 0 } } },
	/* session, pid of cargo, workspace, lock, toolchain, flags */
	[MESSAGE_SESSION] = { "SESSION",
			      ASK,
			      { { UINT, ANY, 0 },
				{ UINT, INT32_MAX, 0 },
				{ TEXT, PATH_LEN, 0 },
				{ KEY, KEY_LEN, 0 },
				{ KEY, KEY_LEN, 0 },
				{ UINT, 3, 0 } } },
	/* session, workspace, lock, toolchain, older locks and crates */
	[MESSAGE_PREFETCH_HINT] = { "PREFETCH_HINT",
				    ASK,
				    { { UINT, ANY, 0 },
				      { TEXT, PATH_LEN, 0 },
				      { KEY, KEY_LEN, 0 },
				      { KEY, KEY_LEN, 0 },
				      { LIST, 128, 8192 } } },
	[MESSAGE_STATUS] = { "STATUS", ASK, { { END, 0, 0 } } },
	/* lines */
	[MESSAGE_REPORT] = { "REPORT", TELL, { { LIST, 8192, 1024 } } },
	/* milliseconds to take at most */
	[MESSAGE_DRAIN] = { "DRAIN", ASK, { { UINT, 3600000, 0 } } },
	[MESSAGE_STOP] = { "STOP", ASK, { { UINT, 3600000, 0 } } },
	/* uploads that remain */
	[MESSAGE_LEFT] = { "LEFT", TELL, { { UINT, ANY, 0 } } },
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

/* A key, text or bytes of N at P within its maximum. */
static int
check_bytes(const struct field *f, const char *p, size_t n)
{
	if (n > f->max)
		return ERR_TOOBIG;
	if (f->kind == KEY && n != KEY_LEN)
		return ERR_CORRUPT;
	if (f->kind != KEY && f->kind != BYTES && n && memchr(p, '\0', n))
		return ERR_CORRUPT;
	return 0;
}

static int
put_list(const struct field *f, const struct message_field *v, struct buf *out)
{
	const char *p = v->p;
	size_t left = v->n;

	if (v->num > f->count)
		return ERR_TOOBIG;
	mp_put_list(out, (uint32_t)v->num);
	for (uint64_t i = 0; i < v->num; i++) {
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
put_field(const struct field *f, const struct message_field *v, struct buf *out)
{
	int r;

	if (f->kind == LIST)
		return put_list(f, v, out);
	if (f->kind == UINT) {
		mp_put_uint(out, v->num);
		return v->num > f->max ? ERR_TOOBIG : 0;
	}
	r = check_bytes(f, v->p, v->n);
	if (r == 0)
		mp_put_bin(out, v->p, v->n);
	return r == ERR_CORRUPT ? ERR_REFUSED : r;
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
		r = put_field(&row->field[i], &m->field[i], out);
	if (r == 0 && out->failed)
		r = -ENOMEM;
	if (r < 0)
		out->len = before;
	return r;
}

/* The texts are packed into LISTS, whose place may still change: only
 * lengths are kept, message_decode sets the pointer. */
static int
get_list(const struct field *f, struct mp_list *from, struct buf *lists,
	 struct message_field *v)
{
	struct mp_list sub;
	size_t before = lists->len;
	int r = mp_next_list(from, &sub);

	if (r == 0 && sub.left > f->count)
		r = ERR_TOOBIG;
	if (r < 0)
		return r;
	v->num = sub.left;
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
	v->n = lists->len - before;
	return lists->failed ? -ENOMEM : 0;
}

static int
get_field(const struct field *f, struct mp_list *from, struct buf *lists,
	  struct message_field *v)
{
	int r;

	if (f->kind == LIST)
		return get_list(f, from, lists, v);
	if (f->kind == UINT) {
		r = mp_next_uint(from, &v->num);
		return r == 0 && v->num > f->max ? ERR_TOOBIG : r;
	}
	r = mp_next_bin(from, &v->p, &v->n);
	return r < 0 ? r : check_bytes(f, v->p, v->n);
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
	for (int i = 0; r == 0 && row->field[i].kind != END; i++) {
		r = get_field(&row->field[i], &from, lists, &m->field[i]);
		/* A message has at most one list. */
		if (row->field[i].kind == LIST)
			m->field[i].p = lists->p;
	}
	return r;
}

int
message_decode(const void *p, size_t n, enum message_way way, struct buf *lists,
	       struct message *m)
{
	struct message got = { 0 };
	struct mp_doc doc;
	int r = mp_open_max(&doc, p, n, ITEMS_MAX);

	if (r < 0)
		return r;
	buf_reset(lists);
	r = get_message(mp_root(&doc), way, lists, &got);
	mp_close(&doc);
	if (r == 0)
		*m = got;
	return r;
}
