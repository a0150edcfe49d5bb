/* SPDX-License-Identifier: Apache-2.0 */
#include "rustc/roots.h"

#include "base/buf.h"
#include "base/err.h"
#include "rustc/args.h"

#include <stdlib.h>
#include <string.h>

static const char here[] = "/proc/self/cwd";

static void
add_root(struct roots *r, char tag, unsigned n, const char *path,
	 const char *to)
{
	size_t len = path ? strlen(path) : 0;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len < 2 || path[0] != '/' || r->count == ROOTS_MAX)
		return;
	if (!roots_clean(path, len))
		return;
	r->r[r->count++] = (struct root){ tag, n, path, len, to };
}

static bool
below(const char *path, const char *dir)
{
	size_t n = dir ? strlen(dir) : 0;

	return n > 1 && !strncmp(path, dir, n) && (path[n] == '/' || !path[n]);
}

void
roots_init(struct roots *r, const struct roots_in *in)
{
	const struct args *a = in->args;
	unsigned n = 0;

	r->count = 0;
	memset(&r->around, 0, sizeof(r->around));
	if (in->mode != ROOTS_NONE && in->cwd_name && in->workspace)
		r->around = (struct root){ .path = in->workspace,
					   .len = strlen(in->workspace),
					   .to = here };
	if (in->mode != ROOTS_NONE)
		add_root(r, 'O', 0, in->out_dir_env, NULL);
	add_root(r, 'o', 0, a->out_dir, NULL);
	for (size_t i = 0; i < a->nsearch; i++)
		if (a->search[i].kind_len == 10 && n < ROOTS_MAX - 10)
			add_root(r, 'L', n++, a->search[i].path, NULL);
	if (in->mode != ROOTS_NONE) {
		add_root(r, 't', 0, in->target, "/kache/target");
		/* A debugger that is started in the workspace finds sources
		 * by this name.  Registry crates have no such place. */
		if (in->cwd_always || !below(in->cwd, in->cargo_home))
			add_root(r, 'w', 0, in->cwd,
				 in->cwd_name ? in->cwd_name : here);
	}
	if (in->mode == ROOTS_MACHINE) {
		add_root(r, 'c', 0, in->cargo_home, "/kache/cargo");
		add_root(r, 'u', 0, in->rustup_home, "/kache/rustup");
		add_root(r, 'h', 0, in->home, "/kache/home");
	}
	add_root(r, 's', 0, in->sysroot, NULL);
	/* OUT_DIR below no remapped root would be named by outputs. */
	if (r->count && r->r[0].tag == 'O' &&
	    !(in->target && below(in->out_dir_env, in->target)))
		memmove(&r->r[0], &r->r[1], --r->count * sizeof(r->r[0]));
}

void
roots_init_run(struct roots *r, const struct roots_in *in)
{
	r->count = 0;
	memset(&r->around, 0, sizeof(r->around));
	add_root(r, 'O', 0, in->out_dir_env, NULL);
	add_root(r, 't', 0, in->target, NULL);
	add_root(r, 'w', 0, in->cwd, NULL);
	add_root(r, 'W', 0, in->workspace, NULL);
	add_root(r, 'c', 0, in->cargo_home, NULL);
	add_root(r, 'u', 0, in->rustup_home, NULL);
	add_root(r, 'h', 0, in->home, NULL);
	add_root(r, 's', 0, in->sysroot, NULL);
}

bool
roots_clean(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + n;

	while (p < end) {
		unsigned char c = *p++;
		int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

		if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xc2) ||
		    c > 0xf4)
			return false;
		/* Overlong forms and surrogates show in the second byte. */
		if (more &&
		    (p == end || (c == 0xe0 && *p < 0xa0) ||
		     (c == 0xed && *p > 0x9f) || (c == 0xf0 && *p < 0x90) ||
		     (c == 0xf4 && *p > 0x8f)))
			return false;
		while (more--)
			if (p == end || (*p++ & 0xc0) != 0x80)
				return false;
	}
	return true;
}

int
roots_encode(const struct roots *r, const char *path, struct buf *out)
{
	const struct root *best = NULL;
	size_t n = strlen(path);

	if (path[0] != '/' || !roots_clean(path, n))
		return ERR_REFUSED;
	for (size_t i = 0; i < r->count; i++) {
		const struct root *o = &r->r[i];

		if ((!best || o->len > best->len) && n >= o->len &&
		    !memcmp(path, o->path, o->len) &&
		    (n == o->len || path[o->len] == '/'))
			best = o;
	}
	if (best) {
		buf_char(out, best->tag);
		if (best->tag == 'L')
			buf_fmt(out, "%u", best->n);
		path += best->len;
	}
	buf_str(out, path);
	return 0;
}

const struct root *
roots_find(const struct roots *r, const char *enc, size_t n, size_t *used)
{
	size_t i = 1;
	unsigned num = 0;

	if (n == 0)
		return NULL;
	if (enc[0] == 'L')
		for (; i < n && i < 4 && enc[i] >= '0' && enc[i] <= '9'; i++)
			num = num * 10 + (unsigned)(enc[i] - '0');
	*used = i;
	for (size_t k = 0; k < r->count; k++)
		if (r->r[k].tag == enc[0] && r->r[k].n == num)
			return &r->r[k];
	return NULL;
}

int
roots_decode(const struct roots *r, const char *enc, size_t n, struct buf *out)
{
	const struct root *o;
	size_t used;

	if (n > 0 && enc[0] == '/') {
		buf_add(out, enc, n);
		return 0;
	}
	o = roots_find(r, enc, n, &used);
	if (!o || (used < n && enc[used] != '/'))
		return ERR_CORRUPT;
	buf_add(out, o->path, o->len);
	buf_add(out, enc + used, n - used);
	return 0;
}

static int
by_length(const void *a, const void *b)
{
	const struct root *x = *(const struct root *const *)a;
	const struct root *y = *(const struct root *const *)b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	/* Of two names for one directory the first of the list wins, so it
	 * goes last. */
	return x < y ? 1 : -1;
}

size_t
roots_remaps(const struct roots *r, const struct root *list[ROOTS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		if (r->r[i].to)
			list[n++] = &r->r[i];
	qsort(list, n, sizeof(list[0]), by_length);
	return n;
}

static bool
path_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static void
add_json(struct buf *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"' || p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, p[i]);
	}
}

static bool
is_target_at(const struct root *o, const char *p, size_t n, size_t *len)
{
	*len = o->to ? strlen(o->to) : 0;
	return *len && n >= *len && !memcmp(p, o->to, *len) &&
	       (n == *len || !path_char(p[*len]));
}

static const struct root *
target_at(const struct roots *r, const char *p, size_t n, size_t *len)
{
	for (size_t i = 0; i < r->count; i++)
		if (is_target_at(&r->r[i], p, n, len))
			return &r->r[i];
	return is_target_at(&r->around, p, n, len) ? &r->around : NULL;
}

/* "ESC[0m" before P, as it is or as JSON spells it: the m is no name's. */
static bool
is_coloured(const char *start, const char *p)
{
	static const char json[] = "\\u001b";
	size_t n = sizeof(json) - 1;

	if (*--p != 'm')
		return false;
	while (p > start && (p[-1] == ';' || (p[-1] >= '0' && p[-1] <= '9')))
		p--;
	if (p == start || *--p != '[' || p == start)
		return false;
	return p[-1] == '\033' ||
	       ((size_t)(p - start) >= n && !memcmp(p - n, json, n));
}

void
roots_unmap(const struct roots *r, const char *p, size_t n, struct buf *out)
{
	const char *start = p, *end = p + n, *done = p;

	while (p < end) {
		const struct root *o = NULL;
		size_t len = 0;

		p = memchr(p, '/', (size_t)(end - p));
		if (!p)
			break;
		if (p == start || (!path_char(p[-1]) && p[-1] != '/') ||
		    is_coloured(start, p))
			o = target_at(r, p, (size_t)(end - p), &len);
		if (!o) {
			p++;
			continue;
		}
		buf_add(out, done, (size_t)(p - done));
		add_json(out, o->path, o->len);
		p += len;
		done = p;
	}
	buf_add(out, done, (size_t)(end - done));
}
