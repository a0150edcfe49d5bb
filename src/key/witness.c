/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/witness.h"

#include "base/buf.h"
#include "base/err.h"
#include "key/input_kind.h"
#include "key/inputs.h"
#include "rustc/relocatable.h"
#include "rustc/roots.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char always[] = "Otw";

struct used {
	const struct roots *r;
	bool root[ROOTS_MAX];
};

static void
use_tag(struct used *u, char tag)
{
	for (size_t i = 0; i < u->r->count; i++)
		if (u->r->r[i].tag == tag)
			u->root[i] = true;
}

static int
use_value(struct used *u, const char *value)
{
	struct buf b = { 0 };
	int r = 0;

	if (!value)
		return 0;
	relocatable_text(u->r, value, strlen(value), &b);
	if (b.failed)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i + 2 < b.len; i++)
		if (b.p[i] == '\1' && b.p[i + 2] == '\1') {
			use_tag(u, b.p[i + 1]);
			i += 2;
		}
	buf_free(&b);
	return r;
}

/* A program that knows a path knows those above it. */
static void
use_above(struct used *u)
{
	for (size_t i = 0; i < u->r->count; i++) {
		const struct root *a = &u->r->r[i];

		for (size_t k = 0; k < u->r->count && !u->root[i]; k++) {
			const struct root *b = &u->r->r[k];

			u->root[i] =
				u->root[k] && b->len >= a->len &&
				!memcmp(a->path, b->path, a->len) &&
				(b->len == a->len || b->path[a->len] == '/');
		}
	}
}

static int
use_item(struct used *u, const char *item, const char *(*get)(const char *))
{
	if (input_kind_is(item, INPUT_RELOCATABLE))
		return use_value(u, get(item + 1));
	if (item[0] == INPUT_ENVIRONMENT)
		memset(u->root, 1, sizeof(u->root));
	if (input_kind_is(item, INPUT_PATH) && item[1] != '/')
		use_tag(u, item[1]);
	return 0;
}

int
witness_tags(const struct inputs *s, const struct roots *r,
	     const char *(*get)(const char *name), char *tags)
{
	struct used u = { .r = r };
	size_t n = 0;
	int e = 0;

	for (const char *t = always; *t; t++)
		use_tag(&u, *t);
	for (size_t i = 0; i < s->count && e == 0; i++)
		e = use_item(&u, inputs_item(s, i), get);
	use_above(&u);
	for (size_t i = 0; i < r->count && n < WITNESS_PLACES; i++)
		if (u.root[i])
			tags[n++] = r->r[i].tag;
	tags[n] = '\0';
	return e;
}

static const struct root *
find_root(const struct roots *r, char tag)
{
	size_t used;

	return roots_find(r, &tag, 1, &used);
}

static uint64_t
digest_start(const char *p, size_t n)
{
	struct digest d;
	uint64_t v;

	digest_bytes(p, n, &d);
	memcpy(&v, d.b, sizeof(v));
	return v;
}

static void
fill_place(const struct root *o, struct witness_place *out)
{
	const char *last = memrchr(o->path, '/', o->len);
	size_t n = (size_t)(last - o->path);
	const char *above = n ? memrchr(o->path, '/', n) : NULL;

	*out = (struct witness_place){ .tag = o->tag, .len = (uint32_t)o->len };
	out->which = digest_start(o->path, o->len);
	out->last = digest_start(last + 1, o->len - n - 1);
	if (above)
		out->above =
			digest_start(above + 1, (size_t)(last - above) - 1);
	for (size_t i = 0; i < o->len; i++)
		out->depth += o->path[i] == '/';
}

void
witness_speech(struct digest_ctx *c, const char *p, size_t n)
{
	static const char word[] = "cargo:";
	const char *end = p + n;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p);

		if (len >= sizeof(word) - 1 &&
		    !memcmp(p, word, sizeof(word) - 1))
			digest_field(c, p, len);
		p += len + (nl ? 1 : 0);
	}
}

void
witness_here(const struct roots *r, const char *tags,
	     const struct digest *content, struct witness *out)
{
	memset(out, 0, sizeof(*out));
	out->content = *content;
	for (; *tags && out->n < WITNESS_PLACES; tags++) {
		const struct root *o = find_root(r, *tags);

		if (o)
			fill_place(o, &out->place[out->n++]);
	}
}

static const struct witness_place *
place_of(const struct witness *w, char tag)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->place[i].tag == tag)
			return &w->place[i];
	return NULL;
}

static bool
is_below(const struct root *o, const struct root *dir)
{
	return dir && o->len > dir->len &&
	       !memcmp(o->path, dir->path, dir->len) &&
	       o->path[dir->len] == '/';
}

/* A package of a registry does not move with the checkout. */
static bool
moves_along(const struct roots *r, char tag)
{
	const struct root *o = find_root(r, tag);

	return tag == 'O' || tag == 't' ||
	       ((tag == 'w' || tag == 'W') && o &&
		!is_below(o, find_root(r, 'c')) &&
		!is_below(o, find_root(r, 's')));
}

/* The checkout, whose name a script may make something of: the workspace, or
 * where that does not matter the package. */
static char
checkout_of(const struct witness *w, const struct roots *r)
{
	if (place_of(w, 'W') && moves_along(r, 'W'))
		return 'W';
	return place_of(w, 'w') && moves_along(r, 'w') ? 'w' : '\0';
}

int
witness_compare(const struct witness *first, const struct witness *now,
		const struct roots *r)
{
	bool elsewhere = false, checkout = true, all = true, named = false;
	const struct witness_place *a;
	char tag;

	for (size_t i = 0; i < now->n; i++) {
		const struct witness_place *b = &now->place[i];

		a = place_of(first, b->tag);
		if (!a || a->len != b->len || a->which != b->which)
			elsewhere = true;
		if (a && a->len != b->len)
			continue;
		all = false;
		if (moves_along(r, b->tag))
			checkout = false;
	}
	if (!elsewhere)
		return WITNESS_HERE;
	tag = checkout_of(now, r);
	a = tag ? place_of(first, tag) : NULL;
	if (a && a->last == place_of(now, tag)->last) {
		named = checkout && a->above != place_of(now, tag)->above;
		all = checkout = false;
	}
	if (a && a->depth == place_of(now, tag)->depth)
		all = false;
	if (!digest_eq(&first->content, &now->content))
		return ERR_CHANGED;
	return all        ? WITNESS_ANYWHERE
	       : checkout ? WITNESS_CHECKOUT
	       : named    ? WITNESS_NAMED
			  : WITNESS_HERE;
}

static bool
is_fixed(const struct roots *r, char tag, int reach)
{
	return reach == WITNESS_HERE ||
	       ((reach == WITNESS_CHECKOUT || reach == WITNESS_NAMED) &&
		!moves_along(r, tag));
}

/* Of the checkout, as checkout_of finds it. */
static void
fold_name(struct digest_ctx *c, const struct roots *r, const char *tags)
{
	char tag = strchr(tags, 'W') && moves_along(r, 'W')   ? 'W'
		   : strchr(tags, 'w') && moves_along(r, 'w') ? 'w'
							      : '\0';
	const struct root *o = tag ? find_root(r, tag) : NULL;
	const char *last = o ? memrchr(o->path, '/', o->len) : NULL;

	if (last)
		digest_field(c, last + 1,
			     o->len - (size_t)(last - o->path) - 1);
}

void
witness_key(const struct digest *k1, const struct roots *r, const char *tags,
	    int reach, struct digest *out)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "kache-run-2");
	digest_sub(&c, k1);
	digest_u64(&c, (uint64_t)reach);
	if (reach == WITNESS_NAMED)
		fold_name(&c, r, tags);
	for (; *tags; tags++) {
		const struct root *o = find_root(r, *tags);

		digest_add(&c, tags, 1);
		if (o && is_fixed(r, *tags, reach))
			digest_field(&c, o->path, o->len);
	}
	digest_end(&c, out);
}

void
witness_write(const struct witness *w, struct buf *out)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(&w->content, hex);
	buf_fmt(out, "run2 %s", hex);
	for (size_t i = 0; i < w->n; i++)
		buf_fmt(out,
			" %c:%" PRIu32 ":%016" PRIx64 ":%016" PRIx64
			":%016" PRIx64 ":%" PRIu32,
			w->place[i].tag, w->place[i].len, w->place[i].which,
			w->place[i].last, w->place[i].above, w->place[i].depth);
}

static int
read_place(const char *word, struct witness_place *p)
{
	char extra;

	return sscanf(word,
		      "%c:%" SCNu32 ":%16" SCNx64 ":%16" SCNx64 ":%16" SCNx64
		      ":%" SCNu32 "%c",
		      &p->tag, &p->len, &p->which, &p->last, &p->above,
		      &p->depth, &extra) == 6
		       ? 0
		       : ERR_CORRUPT;
}

int
witness_read(const char *p, size_t n, struct witness *out)
{
	struct witness w = { 0 };
	char text[1024], *word, *rest = NULL;
	int r;

	if (n >= sizeof(text))
		return ERR_CORRUPT;
	memcpy(text, p, n);
	text[n] = '\0';
	word = strtok_r(text, " ", &rest);
	if (!word || strcmp(word, "run2"))
		return ERR_CORRUPT;
	word = strtok_r(NULL, " ", &rest);
	r = word ? digest_parse(word, strlen(word), &w.content) : ERR_CORRUPT;
	for (word = strtok_r(NULL, " ", &rest); word && r == 0;
	     word = strtok_r(NULL, " ", &rest))
		r = w.n == WITNESS_PLACES ? ERR_CORRUPT
					  : read_place(word, &w.place[w.n++]);
	if (r == 0)
		*out = w;
	return r;
}
