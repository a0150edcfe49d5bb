/* SPDX-License-Identifier: Apache-2.0 */
#include "rustc/relocatable.h"

#include "base/buf.h"
#include "base/err.h"
#include "rustc/roots.h"

#include <string.h>

enum { MARK = '\1' };

bool
relocatable_is_text(const char *p, size_t n)
{
	return n == 0 || (!memchr(p, '\0', n) && !memchr(p, MARK, n));
}

static bool
goes_on(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
	       (unsigned char)c >= 0x80;
}

/* A sentence may end behind a path: "." goes on only if a name does. */
static bool
ends(const char *p, const char *end)
{
	if (p == end || !goes_on(*p))
		return true;
	return *p == '.' && (p + 1 == end || !goes_on(p[1]));
}

/* In http://host/a/b the path is not /a/b; in -I/a/b it is. */
static bool
text_begins(const char *p, const char *start)
{
	if (p == start || (!goes_on(p[-1]) && p[-1] != '/'))
		return true;
	return p - start >= 2 && p[-2] == '-' && p[-1] != '/' &&
	       (p - start == 2 || !goes_on(p[-3]));
}

static const struct root *
root_at(const struct roots *r, const char *p, const char *end)
{
	const struct root *best = NULL;

	for (size_t i = 0; i < r->count; i++) {
		const struct root *o = &r->r[i];

		if ((!best || o->len > best->len) &&
		    (size_t)(end - p) >= o->len &&
		    !memcmp(p, o->path, o->len) && ends(p + o->len, end))
			best = o;
	}
	return best;
}

void
relocatable_text(const struct roots *r, const char *p, size_t n,
		 struct buf *out)
{
	const char *end = p + n, *done = p, *start = p;

	while (p < end) {
		const struct root *o;

		p = memchr(p, '/', (size_t)(end - p));
		if (!p)
			break;
		o = text_begins(p, start) ? root_at(r, p, end) : NULL;
		if (!o) {
			p++;
			continue;
		}
		buf_add(out, done, (size_t)(p - done));
		buf_char(out, MARK);
		buf_char(out, o->tag);
		buf_char(out, MARK);
		p += o->len;
		done = p;
	}
	buf_add(out, done, (size_t)(end - done));
}

int
relocatable_expand(const struct roots *r, const char *p, size_t n,
		   struct buf *out)
{
	const char *end = p + n;

	while (p < end) {
		const char *mark = memchr(p, MARK, (size_t)(end - p));
		const struct root *o;
		size_t used;

		if (!mark) {
			buf_add(out, p, (size_t)(end - p));
			break;
		}
		buf_add(out, p, (size_t)(mark - p));
		if (end - mark < 3 || mark[2] != MARK)
			return ERR_CORRUPT;
		o = roots_find(r, mark + 1, 1, &used);
		if (!o)
			return ERR_CORRUPT;
		buf_add(out, o->path, o->len);
		p = mark + 3;
	}
	return 0;
}
