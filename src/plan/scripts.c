/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/scripts.h"

#include "plan/build_manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct named {
	const char *package;
	const char *version;
	size_t unit;
	bool script;
};

static int
by_package(const struct named *x, const struct named *y)
{
	int c = strcmp(x->package, y->package);

	return c ? c : strcmp(x->version, y->version);
}

/* Scripts first. */
static int
in_order(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = by_package(x, y);

	if (c == 0)
		c = (int)y->script - (int)x->script;
	return c ? c : x->unit < y->unit ? -1 : x->unit > y->unit;
}

/* The N units at OF are of one package.  Gives how many pairs. */
static int
pair(const struct named *of, size_t n, size_t most,
     int (*use)(void *ctx, size_t unit, size_t script), void *ctx)
{
	size_t scripts = 0, pairs = 0;

	while (scripts < n && of[scripts].script)
		scripts++;
	for (size_t i = scripts; i < n; i++) {
		for (size_t k = 0; k < scripts && pairs < most; k++) {
			int r = use(ctx, of[i].unit, of[k].unit);

			if (r < 0)
				return r;
			pairs++;
		}
	}
	return (int)pairs;
}

int
scripts_each(const struct build_manifest *m,
	     int (*use)(void *ctx, size_t unit, size_t script), void *ctx)
{
	struct named *of = calloc(m->count + 1, sizeof(*of));
	size_t end, left = SCRIPTS_PAIRS;
	int r = 0;

	if (!of)
		return -ENOMEM;
	for (size_t i = 0; i < m->count; i++) {
		const struct build_manifest_unit *u = &m->unit[i];

		of[i] = (struct named){ build_manifest_package(m, u),
					build_manifest_version(m, u), i,
					u->script };
	}
	qsort(of, m->count, sizeof(*of), in_order);
	for (size_t i = 0; i < m->count && r >= 0; i = end) {
		for (end = i; end < m->count && !by_package(&of[i], &of[end]);)
			end++;
		r = pair(&of[i], end - i, left, use, ctx);
		left -= r > 0 ? (size_t)r : 0;
	}
	free(of);
	return r < 0 ? r : 0;
}
