/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/includes.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/search.h"

#include <fcntl.h>
#include <string.h>

enum { TOKENS = 32, FILE_MAX = 512 << 20 };

enum kind { END, WORD, STRING, PUNCT };

struct token {
	enum kind kind;
	const char *p;
	size_t n;
};

struct lexer {
	const char *p;
	const char *end;
	struct token last[TOKENS]; /* a ring of what came before */
	size_t count;
};

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
quote(const char *p, const char *end)
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

static struct token
next(struct lexer *l)
{
	struct token t = { END, NULL, 0 };
	const char *p = skip_blank(l->p, l->end);
	size_t len;

	if (p >= l->end) {
		l->p = p;
		return t;
	}
	len = raw_string(p, l->end, &t.p, &t.n);
	if (len) {
		t.kind = STRING;
	} else if (*p == '"') {
		len = plain_string(p, l->end);
		t = (struct token){ STRING, p + 1, len > 1 ? len - 2 : 0 };
	} else if (*p == '\'') {
		len = quote(p, l->end);
		t = (struct token){ PUNCT, p, len };
	} else if (word_char(*p)) {
		while (p + len < l->end && word_char(p[len]))
			len++;
		t = (struct token){ WORD, p, len };
	} else {
		len = 1;
		t = (struct token){ PUNCT, p, 1 };
	}
	l->p = p + len;
	return t;
}

static bool
is(const struct token *t, const char *text)
{
	return t->kind != STRING && t->n == strlen(text) &&
	       !memcmp(t->p, text, t->n);
}

/* The token I places before the last one. */
static const struct token *
back(const struct lexer *l, size_t i)
{
	static const struct token none = { END, "", 0 };

	if (i >= l->count || i >= TOKENS)
		return &none;
	return &l->last[(l->count - 1 - i) % TOKENS];
}

/* Steps over `std ::` or `core ::` before the token I places back. */
static size_t
over_path(const struct lexer *l, size_t i)
{
	if (is(back(l, i), ":") && is(back(l, i + 1), ":") &&
	    (is(back(l, i + 2), "std") || is(back(l, i + 2), "core"))) {
		i += 3;
		if (is(back(l, i), ":") && is(back(l, i + 1), ":"))
			i += 2;
	}
	return i;
}

static bool
opens(const struct token *t)
{
	return is(t, "(") || is(t, "[") || is(t, "{");
}

/* Tokens before the string: `NAME ! (` at place I.  Gives the place before
 * it, 0 if it is not there. */
static size_t
macro_before(const struct lexer *l, size_t i, const char *name)
{
	if (!opens(back(l, i)) || !is(back(l, i + 1), "!") ||
	    !is(back(l, i + 2), name))
		return 0;
	i = over_path(l, i + 3);
	/* Somebody else's macro of that name. */
	return is(back(l, i), ":") && is(back(l, i + 1), ":") ? 0 : i;
}

static bool
include_before(const struct lexer *l, size_t i)
{
	return macro_before(l, i, "include") ||
	       macro_before(l, i, "include_str") ||
	       macro_before(l, i, "include_bytes");
}

static bool
closes(const struct token *t)
{
	return is(t, ")") || is(t, "]") || is(t, "}");
}

/* Behind the name: the end of env!, then of concat! with literals only. */
static bool
literal_rest(struct lexer l, bool concat)
{
	struct token t = next(&l);

	if (is(&t, ","))
		t = next(&l);
	if (!closes(&t))
		return false;
	for (t = next(&l); concat && !closes(&t); t = next(&l))
		if (t.kind != STRING && !is(&t, ","))
			return false;
	if (concat)
		t = next(&l);
	if (is(&t, ","))
		t = next(&l);
	return closes(&t);
}

/* The string that was just read is the variable's name. */
static bool
in_include(const struct lexer *l)
{
	size_t i = macro_before(l, 1, "env"), k;

	if (!i)
		return false;
	if (include_before(l, i))
		return literal_rest(*l, false);
	k = macro_before(l, i, "concat");
	return k && include_before(l, k) && literal_rest(*l, true);
}

/* An env! was just opened whose argument is computed, or spelled by escapes: it
 * may be any variable. */
static bool
asks_for_any(const struct lexer *l)
{
	struct lexer ahead = *l;
	struct token t;

	if (!opens(back(l, 0)) || !is(back(l, 1), "!") ||
	    (!is(back(l, 2), "env") && !is(back(l, 2), "option_env")))
		return false;
	t = next(&ahead);
	return t.kind != STRING || (t.n && memchr(t.p, '\\', t.n));
}

enum includes_use
includes_scan(const char *p, size_t n, const char *name)
{
	struct lexer l = { .p = p, .end = p + n };
	enum includes_use use = INCLUDES_NONE;

	if (!search_find(p, n, name, strlen(name)) &&
	    !search_find(p, n, "env", 3))
		return INCLUDES_NONE;
	for (;;) {
		struct token t = next(&l);

		if (t.kind == END)
			return use;
		l.last[l.count++ % TOKENS] = t;
		if (asks_for_any(&l))
			return INCLUDES_VALUE;
		if (!search_find(t.p, t.n, name, strlen(name)))
			continue;
		if (t.kind != STRING || t.n != strlen(name) || !in_include(&l))
			return INCLUDES_VALUE;
		use = INCLUDES_ONLY;
	}
}

bool
includes_named_in(const char *path, const char *name)
{
	struct buf b = { 0 };
	bool named = file_read(AT_FDCWD, path, FILE_MAX, &b) < 0 ||
		     (b.len && search_find(b.p, b.len, name, strlen(name)));

	buf_free(&b);
	return named;
}
