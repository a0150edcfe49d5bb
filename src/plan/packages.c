/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/packages.h"

#include "base/err.h"
#include "base/vec.h"
#include "plan/graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
packages_add(struct packages *s, const char *name, const char *version,
	     const char *source)
{
	size_t n = strlen(name) + 1, v = strlen(version) + 1;
	size_t all = n + v + (source ? strlen(source) + 1 : 0);
	struct package one = { .first = (uint32_t)s->ndeps };
	void *p;

	if (s->count >= PACKAGES_MAX)
		return ERR_TOOBIG;
	p = vec_grow(s->p, s->count, 1, sizeof(*s->p));
	if (!p)
		return -ENOMEM;
	s->p = p;
	one.name = malloc(all);
	if (!one.name)
		return -ENOMEM;
	memcpy(one.name, name, n);
	memcpy(one.name + n, version, v);
	one.version = one.name + n;
	if (source) {
		memcpy(one.name + n + v, source, all - n - v);
		one.source = one.name + n + v;
	}
	s->p[s->count++] = one;
	return 0;
}

int
packages_need(struct packages *s, uint32_t i, uint32_t dep)
{
	void *p;

	if (s->ndeps >= PACKAGES_DEPS_MAX)
		return ERR_TOOBIG;
	p = vec_grow(s->deps, s->ndeps, 1, sizeof(*s->deps));
	if (!p)
		return -ENOMEM;
	s->deps = p;
	if (!s->p[i].ndeps)
		s->p[i].first = (uint32_t)s->ndeps;
	s->deps[s->ndeps++] = dep;
	s->p[i].ndeps++;
	return 0;
}

void
packages_release(struct packages *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->p[i].name);
	free(s->p);
	free(s->deps);
	memset(s, 0, sizeof(*s));
}

static int
fill_graph(const struct packages *s, struct graph *g)
{
	int r = 0;

	for (size_t i = 0; i < s->count && r >= 0; i++)
		r = graph_add(g, 1);
	for (size_t i = 0; i < s->count && r >= 0; i++)
		for (uint32_t k = 0; k < s->p[i].ndeps && r >= 0; k++)
			r = graph_need(g, i, s->deps[s->p[i].first + k]);
	return r < 0 ? r : graph_seal(g);
}

int
packages_order(const struct packages *s, uint32_t **order)
{
	uint32_t *list = calloc(s->count + 1, sizeof(*list));
	struct graph *g = graph_new();
	int r = list && g ? fill_graph(s, g) : -ENOMEM;

	for (size_t i = 0; i < s->count && r >= 0; i++) {
		r = graph_next(g);
		if (r < 0)
			break;
		list[i] = (uint32_t)r;
		graph_done(g, (size_t)r);
	}
	graph_free(g);
	if (r < 0) {
		free(list);
		return -ENOMEM;
	}
	*order = list;
	return 0;
}

bool
packages_is_crate(const char *name, size_t n)
{
	if (n == 0 || n >= PACKAGES_NAME)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name[i];

		if (c != '_' && !(c >= '0' && c <= '9') &&
		    !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
			return false;
	}
	return true;
}

bool
packages_crate(const char *name, char out[PACKAGES_NAME])
{
	size_t n = strlen(name);

	out[0] = '\0';
	if (n >= PACKAGES_NAME)
		return false;
	for (size_t i = 0; i <= n; i++)
		out[i] = (char)(name[i] == '-' ? '_' : name[i]);
	if (packages_is_crate(out, n))
		return true;
	out[0] = '\0';
	return false;
}
