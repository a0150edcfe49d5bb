/* SPDX-License-Identifier: Apache-2.0 */
#include "rustc/depinfo.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "rustc/roots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char env_mark[] = "# env-dep:";
enum { MARK_LEN = sizeof(env_mark) - 1 };

static bool
is_env(const char *line, size_t n)
{
	return n >= MARK_LEN && !memcmp(line, env_mark, MARK_LEN);
}

static char *
copy_text(const char *p, size_t n)
{
	char *s = malloc(n + 1);

	if (s) {
		memcpy(s, p, n);
		s[n] = '\0';
	}
	return s;
}

/* One word; a backslash before a blank belongs to the name. */
static size_t
word(const char *p, size_t n, char *to)
{
	size_t i = 0, len = 0;

	while (i < n && p[i] != ' ' && p[i] != '\n') {
		if (p[i] == '\\' && i + 1 < n && p[i + 1] == ' ')
			i++;
		to[len++] = p[i++];
	}
	to[len] = '\0';
	return i;
}

/* The first rule names every source; the other rules repeat them. */
static int
read_rule(struct depinfo *d, const char *p, size_t n)
{
	size_t words = 1;
	char *tmp = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		words += p[i] == ' ';
	d->files = calloc(words, sizeof(*d->files));
	if (!tmp || !d->files) {
		free(tmp);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n;) {
		i += word(p + i, n - i, tmp);
		if (tmp[0])
			d->files[d->nfiles++] = strdup(tmp);
		if (d->nfiles && !d->files[d->nfiles - 1]) {
			free(tmp);
			return -ENOMEM;
		}
		i++;
	}
	free(tmp);
	return 0;
}

static int
read_env(struct depinfo *d, const char *p, size_t n)
{
	const char *eq = memchr(p, '=', n);
	void *more = vec_grow(d->envs, d->nenvs, 1, sizeof(*d->envs));

	if (!more)
		return -ENOMEM;
	d->envs = more;
	d->envs[d->nenvs].name = copy_text(p, eq ? (size_t)(eq - p) : n);
	d->envs[d->nenvs].set = eq != NULL;
	return d->envs[d->nenvs++].name ? 0 : -ENOMEM;
}

static const char *
rule_sources(const char *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (p[i] == ':' && p[i + 1] == ' ')
			return p + i + 2;
	return NULL;
}

int
depinfo_read(const char *p, size_t n, struct depinfo *out)
{
	struct depinfo d = { 0 };
	const char *end = p + n, *from;
	int r = 0;

	while (p < end && r == 0) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		size_t len = (size_t)(stop - p);

		from = is_env(p, len) ? NULL : rule_sources(p, len);
		if (is_env(p, len))
			r = read_env(&d, p + MARK_LEN, len - MARK_LEN);
		else if (from && !d.files)
			r = read_rule(&d, from, (size_t)(stop - from));
		p = nl ? nl + 1 : end;
	}
	if (r == 0 && d.nfiles == 0)
		r = ERR_CORRUPT;
	if (r < 0)
		depinfo_release(&d);
	else
		*out = d;
	return r;
}

void
depinfo_release(struct depinfo *d)
{
	for (size_t i = 0; i < d->nfiles; i++)
		free(d->files[i]);
	for (size_t i = 0; i < d->nenvs; i++)
		free(d->envs[i].name);
	free(d->files);
	free(d->envs);
	memset(d, 0, sizeof(*d));
}

/* Bytes of the text at P that spell root O, or 0. */
static size_t
spelled(const struct root *o, const char *p, size_t n)
{
	size_t i = 0;

	for (size_t k = 0; k < o->len; k++) {
		if (o->path[k] == ' ' && i < n && p[i] == '\\')
			i++;
		if (i == n || p[i++] != o->path[k])
			return 0;
	}
	return i < n && p[i] == '/' ? i : 0;
}

static size_t
put_root(const struct roots *r, const char *p, size_t n, struct buf *out)
{
	const struct root *best = NULL;
	size_t len = 0;

	for (size_t i = 0; i < r->count; i++) {
		size_t k = spelled(&r->r[i], p, n);

		if (k && (!best || r->r[i].len > best->len)) {
			best = &r->r[i];
			len = k;
		}
	}
	if (!best)
		return 0;
	buf_char(out, '\1');
	buf_char(out, best->tag);
	if (best->tag == 'L')
		buf_fmt(out, "%u", best->n);
	buf_char(out, '\1');
	return len;
}

static void
neutral_line(const char *p, size_t n, const struct roots *r, struct buf *out)
{
	const char *eq;

	if (is_env(p, n)) {
		eq = memchr(p, '=', n);
		buf_add(out, p, eq ? (size_t)(eq + 1 - p) : n);
		if (eq)
			buf_char(out, '\2');
		return;
	}
	for (size_t i = 0; i < n;) {
		if (p[i] == '/' && (i == 0 || p[i - 1] == ' '))
			i += put_root(r, p + i, n - i, out);
		buf_char(out, p[i]);
		i++;
	}
}

int
depinfo_neutral(const char *p, size_t n, const struct roots *r, struct buf *out)
{
	const char *end = p + n;

	if (memchr(p, '\1', n) || memchr(p, '\2', n))
		return ERR_CORRUPT;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;

		neutral_line(p, (size_t)(stop - p), r, out);
		if (nl)
			buf_char(out, '\n');
		p = nl ? nl + 1 : end;
	}
	return 0;
}

static void
put_value(const char *v, struct buf *out)
{
	for (; *v; v++) {
		if (*v == '\\')
			buf_str(out, "\\\\");
		else if (*v == '\n')
			buf_str(out, "\\n");
		else if (*v == '\r')
			buf_str(out, "\\r");
		else
			buf_char(out, *v);
	}
}

/* A value lies behind "# env-dep:NAME=\2"; LINE is where its line starts. */
static int
expand_value(const char *line, const char *mark,
	     const char *(*get)(const char *name), struct buf *out)
{
	const char *v;
	char *name;

	if (!is_env(line, (size_t)(mark - line)) || mark[-1] != '=')
		return ERR_CORRUPT;
	line += MARK_LEN;
	name = copy_text(line, (size_t)(mark - 1 - line));
	if (!name)
		return -ENOMEM;
	v = get(name);
	free(name);
	put_value(v ? v : "", out);
	return 0;
}

static int
expand_root(const char **p, const char *end, const struct roots *r,
	    struct buf *out)
{
	const char *close = memchr(*p + 1, '\1', (size_t)(end - *p - 1));
	const struct root *o;
	size_t used = 0;

	if (!close)
		return ERR_CORRUPT;
	o = roots_find(r, *p + 1, (size_t)(close - *p - 1), &used);
	if (!o || used != (size_t)(close - *p - 1))
		return ERR_CORRUPT;
	for (size_t i = 0; i < o->len; i++) {
		if (o->path[i] == ' ')
			buf_char(out, '\\');
		buf_char(out, o->path[i]);
	}
	*p = close;
	return 0;
}

int
depinfo_expand(const char *p, size_t n, const struct roots *r,
	       const char *(*get)(const char *name), struct buf *out)
{
	const char *end = p + n, *line = p;
	int e = 0;

	for (; p < end && e == 0; p++) {
		if (*p == '\1')
			e = expand_root(&p, end, r, out);
		else if (*p == '\2')
			e = expand_value(line, p, get, out);
		else
			buf_char(out, *p);
		if (*p == '\n')
			line = p + 1;
	}
	return e;
}
