/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/witness.h"

#include "base/buf.h"
#include "base/err.h"
#include "key/shape.h"
#include "rustc/neutral.h"
#include "rustc/roots.h"

#include <errno.h>
#include <inttypes.h>
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
	neutral_text(u->r, value, strlen(value), &b);
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

/* Who knows a path knows those above it. */
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
	switch (item[0]) {
	case 'v':
	case 'w':
		return use_value(u, get(item + 1));
	case 'E':
		memset(u->root, 1, sizeof(u->root));
		return 0;
	case 'f':
	case 'l':
	case 'c':
	case 'a':
	case 's':
	case 'k':
		if (item[1] != '/')
			use_tag(u, item[1]);
		return 0;
	default:
		return 0;
	}
}

int
witness_tags(const struct shape *s, const struct roots *r,
	     const char *(*get)(const char *name), char *tags)
{
	struct used u = { .r = r };
	size_t n = 0;
	int e = 0;

	for (const char *t = always; *t; t++)
		use_tag(&u, *t);
	for (size_t i = 0; i < s->count && e == 0; i++)
		e = use_item(&u, shape_item(s, i), get);
	use_above(&u);
	for (size_t i = 0; i < r->count && n < WITNESS_PLACES; i++)
		if (u.root[i])
			tags[n++] = r->r[i].tag;
	tags[n] = '\0';
	return e;
}

static const struct root *
find(const struct roots *r, char tag)
{
	size_t used;

	return roots_find(r, &tag, 1, &used);
}

static void
fill_place(const struct root *o, struct witness_place *out)
{
	struct digest d;

	digest_bytes(o->path, o->len, &d);
	*out = (struct witness_place){ .tag = o->tag, .len = (uint32_t)o->len };
	memcpy(&out->which, d.b, sizeof(out->which));
}

void
witness_here(const struct roots *r, const char *tags,
	     const struct digest *content, struct witness *out)
{
	memset(out, 0, sizeof(*out));
	out->content = *content;
	for (; *tags && out->n < WITNESS_PLACES; tags++) {
		const struct root *o = find(r, *tags);

		if (o)
			fill_place(o, &out->place[out->n++]);
	}
}

static struct witness_place *
place_of(struct witness *w, char tag)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->place[i].tag == tag)
			return &w->place[i];
	return NULL;
}

static bool
is_elsewhere(struct witness *first, const struct witness *now)
{
	for (size_t i = 0; i < now->n; i++) {
		const struct witness_place *b = &now->place[i];
		const struct witness_place *a = place_of(first, b->tag);

		if (a && (a->len != b->len || a->which != b->which))
			return true;
	}
	return false;
}

bool
witness_join(struct witness *first, const struct witness *now)
{
	bool changed = false;

	if (first->differs || !is_elsewhere(first, now))
		return false;
	if (!digest_eq(&first->content, &now->content)) {
		first->differs = true;
		for (size_t i = 0; i < first->n; i++)
			first->place[i].free = false;
		return true;
	}
	for (size_t i = 0; i < now->n; i++) {
		const struct witness_place *b = &now->place[i];
		struct witness_place *a = place_of(first, b->tag);

		if (a && !a->free && a->len != b->len) {
			a->free = true;
			changed = true;
		}
	}
	return changed;
}

bool
witness_agreed(const struct witness *w)
{
	bool any = false;

	for (size_t i = 0; i < w->n; i++)
		any = any || w->place[i].free;
	return any && !w->differs;
}

static void
fold_place(struct digest_ctx *c, const struct root *o, char tag, bool free)
{
	digest_add(c, &tag, 1);
	digest_u64(c, free);
	if (!free)
		digest_field(c, o ? o->path : "", o ? o->len : 0);
}

void
witness_key_here(const struct digest *k1, const struct roots *r,
		 const char *tags, struct digest *out)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "kache-run-here-1");
	digest_sub(&c, k1);
	for (; *tags; tags++)
		fold_place(&c, find(r, *tags), *tags, false);
	digest_end(&c, out);
}

void
witness_key_free(const struct digest *k1, const struct roots *r,
		 const struct witness *w, struct digest *out)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "kache-run-free-1");
	digest_sub(&c, k1);
	for (size_t i = 0; i < w->n; i++)
		fold_place(&c, find(r, w->place[i].tag), w->place[i].tag,
			   w->place[i].free);
	digest_end(&c, out);
}

void
witness_write(const struct witness *w, struct buf *out)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(&w->content, hex);
	buf_fmt(out, "run1 %s %d", hex, w->differs);
	for (size_t i = 0; i < w->n; i++)
		buf_fmt(out, " %c%d:%" PRIu32 ":%016" PRIx64, w->place[i].tag,
			w->place[i].free, w->place[i].len, w->place[i].which);
}

static int
read_place(const char *word, struct witness_place *p)
{
	char extra;
	int free;

	if (sscanf(word, "%c%1d:%" SCNu32 ":%16" SCNx64 "%c", &p->tag, &free,
		   &p->len, &p->which, &extra) != 4 ||
	    free < 0)
		return ERR_CORRUPT;
	p->free = free;
	return 0;
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
	if (!word || strcmp(word, "run1"))
		return ERR_CORRUPT;
	word = strtok_r(NULL, " ", &rest);
	r = word ? digest_parse(word, strlen(word), &w.content) : ERR_CORRUPT;
	word = strtok_r(NULL, " ", &rest);
	if (r < 0 || !word || strspn(word, "01") != 1 || word[1])
		return ERR_CORRUPT;
	w.differs = word[0] == '1';
	for (word = strtok_r(NULL, " ", &rest); word && r == 0;
	     word = strtok_r(NULL, " ", &rest))
		r = w.n == WITNESS_PLACES ? ERR_CORRUPT
					  : read_place(word, &w.place[w.n++]);
	if (r == 0)
		*out = w;
	return r;
}
