/* SPDX-License-Identifier: Apache-2.0 */
#include "key/key_parts.h"

#include "base/buf.h"

#include <errno.h>
#include <string.h>

enum {
	WHOLE_MAX = 200, /* longer values are cut, and marked */
	NAMED_MAX = 6
};

enum record {
	KEPT_MARK, /* a few bytes of the value's digest */
	KEPT_NAME, /* the label and such a mark */
	KEPT_WHOLE /* the label and the value */
};

#define KEY_PART(name, letter, record, text) { letter, record, text },
static const struct part_kind {
	char letter;
	enum record record;
	const char *text;
} kinds[] = {
#include "key/key_parts.def"
};

static const struct part_kind *
find_part_kind(char letter)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].letter == letter)
			return &kinds[i];
	return NULL;
}

void
key_parts_begin(struct key_parts *p, const char *form, struct buf *list)
{
	p->list = list;
	if (list)
		buf_reset(list);
	digest_init(&p->c);
	digest_str(&p->c, form);
}

static void
add_mark(struct buf *list, const void *value, size_t n)
{
	struct digest d;
	char hex[DIGEST_HEX + 1];

	digest_bytes(value, n, &d);
	digest_hex(&d, hex);
	buf_add(list, hex, 8);
}

static void
write_part(struct buf *list, const struct part_kind *k, const char *label,
	   const void *value, size_t n)
{
	buf_char(list, k->letter);
	buf_str(list, label);
	if (k->record != KEPT_WHOLE) {
		buf_char(list, '=');
		add_mark(list, value, n);
	} else if (n < WHOLE_MAX) {
		buf_add(list, value, n);
	} else {
		buf_add(list, value, WHOLE_MAX / 2);
		buf_str(list, "... #");
		add_mark(list, value, n);
	}
	buf_char(list, '\0');
}

void
key_parts_add(struct key_parts *p, enum key_part part, const char *label,
	      const void *value, size_t n)
{
	char letter = (char)part;

	digest_add(&p->c, &letter, 1);
	digest_str(&p->c, label);
	digest_field(&p->c, value, n);
	if (p->list)
		write_part(p->list, find_part_kind(letter), label, value, n);
}

void
key_parts_str(struct key_parts *p, enum key_part part, const char *label,
	      const char *value)
{
	key_parts_add(p, part, label, value, strlen(value));
}

int
key_parts_end(struct key_parts *p, struct digest *key)
{
	if (p->list && p->list->failed)
		return -ENOMEM;
	digest_end(&p->c, key);
	return 0;
}

/* cargo derives these from everything else; they tell nothing. */
static bool
is_hash(const char *part)
{
	return !strncmp(part, "A-C metadata=", 13) ||
	       !strncmp(part, "A-C extra-filename=", 19);
}

static bool
has_part(const char *p, size_t n, const char *part)
{
	for (const char *end = p + n; p < end; p += strlen(p) + 1)
		if (!strcmp(p, part))
			return true;
	return false;
}

struct difference {
	struct buf text;
	size_t count; /* NAMED_MAX of them are in TEXT */
	bool hash;
};

/* A part that is not kept whole is in both lists, and named once. */
static bool
is_named(const struct buf *text, const char *name, size_t n)
{
	const char *p = text->len ? text->p : "";

	for (; *p; p += strcspn(p, "|"), p += *p ? 2 : 0) {
		size_t k = strcspn(p, "|");

		k -= p[k] != '\0';
		if (k == n && !memcmp(p, name, n))
			return true;
	}
	return false;
}

static void
add_difference(struct difference *d, char side, const char *part)
{
	const struct part_kind *k = find_part_kind(*part);
	size_t n = k && k->record == KEPT_NAME ? strcspn(part, "=") : 1;
	bool whole = k && k->record == KEPT_WHOLE;

	if (is_hash(part)) {
		d->hash = true;
		return;
	}
	if (!whole && is_named(&d->text, part, n))
		return;
	if (d->count++ >= NAMED_MAX)
		return;
	buf_str(&d->text, d->text.len ? " | " : "");
	if (whole)
		buf_fmt(&d->text, "%c%s", side, part);
	else
		buf_add(&d->text, part, n);
}

size_t
key_parts_differ(const char *old, size_t n, const struct buf *now,
		 struct buf *out)
{
	struct difference d = { 0 };
	const char *p;

	for (p = now->p; p < now->p + now->len; p += strlen(p) + 1)
		if (!has_part(old, n, p))
			add_difference(&d, '>', p);
	for (p = old; p < old + n; p += strlen(p) + 1)
		if (!has_part(now->p, now->len, p))
			add_difference(&d, '<', p);
	if (d.count)
		buf_add(out, d.text.p, d.text.len);
	else
		buf_str(out, d.hash ? "H" : "R");
	if (d.count > NAMED_MAX)
		buf_fmt(out, " | +%zu", d.count - NAMED_MAX);
	out->failed |= d.text.failed;
	buf_free(&d.text);
	return d.count;
}

const char *
key_parts_text(const char *item, bool *alone)
{
	const struct part_kind *k = find_part_kind(*item);

	if (*item == 'H' || *item == 'R') {
		*alone = true;
		return *item == 'H' ? "cargo's hash (-C metadata) of the "
				      "package and all it depends on"
				    : "the order of the arguments";
	}
	*alone = k && k->record == KEPT_MARK;
	return k ? k->text : NULL;
}
