/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "plan/cargo_lock.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/vec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NEWEST = 4 };

enum section { TOP, PACKAGE, OTHER };

/* A dependency as written, and the package that wrote it. */
struct raw {
	uint32_t owner;
	char *text;
};

struct parse {
	char *at; /* into a copy with a NUL at its end */
	struct packages *out;
	enum section section;
	char *name;
	char *version;
	char *source;
	struct raw *raw;
	size_t nraw;
};

static void
blanks(struct parse *p)
{
	p->at += strspn(p->at, " \t\r");
}

/* Blanks, ends of lines and comments. */
static void
space(struct parse *p)
{
	while (true) {
		p->at += strspn(p->at, " \t\r\n");
		if (*p->at != '#')
			return;
		p->at += strcspn(p->at, "\n");
	}
}

/* cargo writes nothing that needs an escape. */
static int
string(struct parse *p, char **out)
{
	char *begin = p->at + 1;

	if (*p->at != '"')
		return ERR_CORRUPT;
	for (p->at = begin; *p->at != '"'; p->at++)
		if ((unsigned char)*p->at < 0x20 || *p->at == 0x7f ||
		    *p->at == '\\')
			return ERR_CORRUPT;
	*p->at++ = '\0';
	*out = begin;
	return 0;
}

static int
keep(struct parse *p, char *text)
{
	struct raw *more;

	if (p->nraw >= PACKAGES_DEPS_MAX)
		return ERR_TOOBIG;
	more = vec_grow(p->raw, p->nraw, 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	p->raw = more;
	p->raw[p->nraw].owner = (uint32_t)p->out->count;
	p->raw[p->nraw++].text = text;
	return 0;
}

/* A list of strings; WANTED: they are dependencies of this package. */
static int
array(struct parse *p, bool wanted)
{
	char *text;
	int r = 0;

	for (p->at++; r == 0; p->at++) {
		space(p);
		if (*p->at == ']')
			break;
		r = string(p, &text);
		if (r == 0 && wanted)
			r = keep(p, text);
		if (r < 0)
			return r;
		space(p);
		if (*p->at == ']')
			break;
		if (*p->at != ',')
			return ERR_CORRUPT;
	}
	p->at++;
	return 0;
}

/* Where the value of KEY goes in this section, or NULL. */
static char **
place_of(struct parse *p, const char *key)
{
	if (p->section != PACKAGE)
		return NULL;
	if (!strcmp(key, "name"))
		return &p->name;
	if (!strcmp(key, "version"))
		return &p->version;
	return !strcmp(key, "source") ? &p->source : NULL;
}

static int
text_value(struct parse *p, const char *key)
{
	char **place = place_of(p, key), *text;
	int r = string(p, &text);

	if (r == 0 && place && *place)
		return ERR_CORRUPT;
	if (r == 0 && place)
		*place = text;
	return r;
}

static int
number_value(struct parse *p, const char *key)
{
	unsigned long n = strtoul(p->at, NULL, 10);

	if (p->section == TOP && !strcmp(key, "version") && n > NEWEST)
		return ERR_NEWER;
	p->at += strcspn(p->at, "\n");
	return 0;
}

static int
line_end(struct parse *p)
{
	blanks(p);
	if (*p->at == '#')
		p->at += strcspn(p->at, "\n");
	return *p->at == '\n' || *p->at == '\0' ? 0 : ERR_CORRUPT;
}

static int
key_of(struct parse *p, char *key, size_t room)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t n = strspn(p->at, bare);
	char *text = p->at;
	int r;

	if (*p->at == '"') {
		r = string(p, &text);
		if (r < 0)
			return r;
		n = strlen(text);
	} else {
		p->at += n;
	}
	if (n == 0)
		return ERR_CORRUPT;
	/* A key that is longer is none that we know. */
	n = n < room ? n : room - 1;
	memcpy(key, text, n);
	key[n] = '\0';
	return 0;
}

static int
assignment(struct parse *p)
{
	char key[32];
	int r = key_of(p, key, sizeof(key));

	if (r < 0)
		return r;
	blanks(p);
	if (*p->at != '=')
		return ERR_CORRUPT;
	p->at++;
	blanks(p);
	if (*p->at == '"')
		r = text_value(p, key);
	else if (*p->at == '[')
		r = array(p, p->section == PACKAGE &&
				     !strcmp(key, "dependencies"));
	else
		r = number_value(p, key);
	return r < 0 ? r : line_end(p);
}

static int
end_package(struct parse *p)
{
	int r;

	if (p->section != PACKAGE)
		return 0;
	if (!p->name || !p->version)
		return ERR_CORRUPT;
	r = packages_add(p->out, p->name, p->version, p->source);
	p->name = p->version = p->source = NULL;
	return r;
}

/* [root] is what the oldest lock files call the package itself. */
static int
header(struct parse *p)
{
	static const char *const packages[] = { "[[package]]", "[root]" };
	size_t n = strcspn(p->at, "\r\n");
	int r = end_package(p);

	if (r < 0)
		return r;
	p->section = OTHER;
	for (size_t i = 0; i < 2; i++)
		if (!strncmp(p->at, packages[i], strlen(packages[i])) &&
		    strlen(packages[i]) == n)
			p->section = PACKAGE;
	p->at += n;
	return 0;
}

static int
parse(struct parse *p)
{
	int r = 0;

	for (space(p); r == 0 && *p->at; space(p))
		r = *p->at == '[' ? header(p) : assignment(p);
	return r < 0 ? r : end_package(p);
}

struct index {
	const struct packages *all;
	uint32_t *by; /* sorted by name, version and source */
};

static int
compare_package(const struct package *p, const char *name, const char *version,
		const char *source)
{
	int r = strcmp(p->name, name);

	r = r ? r : strcmp(p->version, version);
	return r ? r : strcmp(p->source ? p->source : "", source);
}

static int
by_name(const void *a, const void *b, void *ctx)
{
	const struct packages *all = ctx;
	const struct package *p = &all->p[*(const uint32_t *)a];
	const struct package *q = &all->p[*(const uint32_t *)b];

	return compare_package(p, q->name, q->version,
			       q->source ? q->source : "");
}

/* The first package that is not less, or NULL. */
static const struct package *
lower(const struct index *x, const char *name, const char *version,
      const char *source)
{
	size_t from = 0, to = x->all->count;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (compare_package(&x->all->p[x->by[mid]], name, version,
				    source) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from < x->all->count ? &x->all->p[x->by[from]] : NULL;
}

/*
 * "name", "name version" or "name version (source)": as much as is needed to
 * tell packages apart.  A git source stands here without its revision, which
 * the package's own has behind a '#'.
 */
static const struct package *
find_package(const struct index *x, char *text)
{
	char *version = strchr(text, ' '), *source = NULL;
	const struct package *p = NULL;

	if (version) {
		*version++ = '\0';
		source = strstr(version, " (");
	}
	if (source) {
		*source = '\0';
		source += 2;
		source[strcspn(source, ")")] = '\0';
		p = lower(x, text, version, source);
		if (p && (strcmp(p->name, text) || strcmp(p->version, version)))
			p = NULL;
	}
	if (!p)
		p = lower(x, text, version ? version : "", "");
	if (!p || strcmp(p->name, text) ||
	    (version && strcmp(p->version, version)))
		return NULL;
	return p;
}

static int
resolve_dependencies(struct parse *p)
{
	struct packages *all = p->out;
	struct index x = { .all = all };
	int r = 0;

	x.by = calloc(all->count + 1, sizeof(*x.by));
	if (!x.by)
		return -ENOMEM;
	for (size_t i = 0; i < all->count; i++)
		x.by[i] = (uint32_t)i;
	qsort_r(x.by, all->count, sizeof(*x.by), by_name, all);
	for (size_t i = 0; i < p->nraw && r == 0; i++) {
		const struct package *dep = find_package(&x, p->raw[i].text);

		if (dep)
			r = packages_need(all, p->raw[i].owner,
					  (uint32_t)(dep - all->p));
	}
	free(x.by);
	return r;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
list_own(struct lockfile *l)
{
	const struct packages *p = &l->packages;

	l->own = calloc(p->count + 1, sizeof(*l->own));
	if (!l->own)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++)
		if (!p->p[i].source)
			l->own[l->nown++] = p->p[i].name;
	qsort(l->own, l->nown, sizeof(*l->own), by_text);
	return 0;
}

int
cargo_lock_read(const void *text, size_t n, struct lockfile *out)
{
	struct lockfile got = { 0 };
	struct parse p = { .out = &got.packages };
	char *copy;
	int r;

	if (n > CARGO_LOCK_MAX)
		return ERR_TOOBIG;
	if (n && memchr(text, '\0', n))
		return ERR_CORRUPT;
	copy = malloc(n + 1);
	if (!copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, text, n);
	copy[n] = '\0';
	p.at = copy;
	r = parse(&p);
	r = r ? r : resolve_dependencies(&p);
	r = r ? r : list_own(&got);
	free(p.raw);
	free(copy);
	if (r < 0)
		cargo_lock_release(&got);
	else
		*out = got;
	return r;
}

void
cargo_lock_release(struct lockfile *l)
{
	free(l->own);
	packages_release(&l->packages);
	memset(l, 0, sizeof(*l));
}

void
cargo_lock_build_id(const struct digest *lock, const struct digest *toolchain,
		    const char *scope, struct digest *id)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "kache-build-1");
	digest_sub(&c, lock);
	digest_sub(&c, toolchain);
	digest_str(&c, scope);
	digest_end(&c, id);
}

void
cargo_lock_nearest_id(const struct lockfile *l, const struct digest *toolchain,
		      const char *scope, struct digest *id)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "kache-nearest-1");
	for (size_t i = 0; i < l->nown; i++)
		digest_str(&c, l->own[i]);
	digest_sub(&c, toolchain);
	digest_str(&c, scope);
	digest_end(&c, id);
}
