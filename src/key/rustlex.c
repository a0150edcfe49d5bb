/* SPDX-License-Identifier: Apache-2.0 */
#include "key/rustlex.h"

#include <string.h>

static bool
word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

/* Behind a comment or blank at P, or P itself. */
static const char *
skip_blank(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		if (end - p > 1 && p[0] == '/' && p[1] == '*') {
			depth++;
			p += 2;
		} else if (depth && end - p > 1 && p[0] == '*' && p[1] == '/') {
			depth--;
			p += 2;
		} else if (depth) {
			p++;
		} else if (end - p > 1 && p[0] == '/' && p[1] == '/') {
			p = memchr(p, '\n', (size_t)(end - p));
			p = p ? p : end;
		} else if (*p == ' ' || *p == '\t' || *p == '\n' ||
			   *p == '\r') {
			p++;
		} else {
			break;
		}
	}
	return p;
}

/* Length of a raw string r"", r#""#, br""... at P, or 0; *TEXT is within. */
static size_t
raw_string(const char *p, const char *end, const char **text, size_t *n)
{
	const char *q = p;
	size_t hashes = 0;

	if (q < end && (*q == 'b' || *q == 'c'))
		q++;
	if (q == end || *q++ != 'r')
		return 0;
	while (q < end && *q == '#') {
		hashes++;
		q++;
	}
	if (q == end || *q++ != '"')
		return 0;
	*text = q;
	for (; q < end; q++) {
		size_t k = 0;

		if (*q != '"')
			continue;
		while (k < hashes && q + 1 + k < end && q[1 + k] == '#')
			k++;
		if (k == hashes) {
			*n = (size_t)(q - *text);
			return (size_t)(q + 1 + hashes - p);
		}
	}
	*n = (size_t)(end - *text);
	return (size_t)(end - p);
}

static size_t
plain_string(const char *p, const char *end)
{
	const char *q = p + 1;

	while (q < end && *q != '"')
		q += *q == '\\' && q + 1 < end ? 2 : 1;
	return (size_t)((q < end ? q + 1 : end) - p);
}

/* 'x', '\n', '\u{1F}' or a lifetime. */
static size_t
quoted_length(const char *p, const char *end)
{
	const char *q = p + 1;
	size_t k = 0;

	if (q < end && *q == '\\') {
		q += 2;
		while (q < end && *q != '\'')
			q++;
		return (size_t)((q < end ? q + 1 : end) - p);
	}
	/* Exactly one character and a quote: a literal.  A quote further on
	 * may belong to what follows a lifetime. */
	if (q < end)
		k = (unsigned char)*q < 0xc0   ? 1
		    : (unsigned char)*q < 0xe0 ? 2
		    : (unsigned char)*q < 0xf0 ? 3
					       : 4;
	if (k && k < (size_t)(end - q) && q[k] == '\'')
		return k + 2;
	return 1;
}

struct rustlex_token
rustlex_next(struct rustlex *l)
{
	struct rustlex_token t = { RUSTLEX_END, NULL, 0 };
	const char *p = skip_blank(l->p, l->end);
	size_t len;

	if (p >= l->end) {
		l->p = p;
		return t;
	}
	len = raw_string(p, l->end, &t.p, &t.n);
	if (len) {
		t.kind = RUSTLEX_STRING;
	} else if (*p == '"') {
		len = plain_string(p, l->end);
		t = (struct rustlex_token){ RUSTLEX_STRING, p + 1,
					    len > 1 ? len - 2 : 0 };
	} else if (*p == '\'') {
		len = quoted_length(p, l->end);
		t = (struct rustlex_token){ RUSTLEX_PUNCT, p, len };
	} else if (word_char(*p)) {
		while (p + len < l->end && word_char(p[len]))
			len++;
		t = (struct rustlex_token){ RUSTLEX_WORD, p, len };
	} else {
		len = 1;
		t = (struct rustlex_token){ RUSTLEX_PUNCT, p, 1 };
	}
	l->p = p + len;
	return t;
}

bool
rustlex_is(const struct rustlex_token *t, const char *text)
{
	return t->kind != RUSTLEX_STRING && t->n == strlen(text) &&
	       !memcmp(t->p, text, t->n);
}

bool
rustlex_opens(const struct rustlex_token *t)
{
	return rustlex_is(t, "(") || rustlex_is(t, "[") || rustlex_is(t, "{");
}

bool
rustlex_closes(const struct rustlex_token *t)
{
	return rustlex_is(t, ")") || rustlex_is(t, "]") || rustlex_is(t, "}");
}
