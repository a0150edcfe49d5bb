/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/metadata.h"

#include "base/err.h"
#include "base/json.h"
#include "plan/packages.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A package's id, which says nothing to us, and what it stands for. */
struct known {
	const char *id;
	const struct json *package;
	uint32_t at; /* in the packages; UINT32_MAX: not resolved */
};

struct reading {
	const struct json *nodes;
	struct known *known; /* sorted by id */
	size_t count;
	struct packages *out;
};

static int
by_id(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static struct known *
find_package(const struct reading *r, const struct json *id)
{
	struct known key = { .id = json_str(id) };

	if (!key.id || !r->count)
		return NULL;
	return bsearch(&key, r->known, r->count, sizeof(key), by_id);
}

static int
list_packages(struct reading *r, const struct json *packages)
{
	size_t n = json_len(packages);

	if (n > PACKAGES_MAX)
		return ERR_TOOBIG;
	r->known = calloc(n + 1, sizeof(*r->known));
	if (!r->known)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct json *p = json_at(packages, i);
		struct known k = { json_text(p, "id"), p, UINT32_MAX };

		if (!k.id)
			return ERR_CORRUPT;
		r->known[r->count++] = k;
	}
	qsort(r->known, r->count, sizeof(*r->known), by_id);
	return 0;
}

/* The packages in the order of the nodes. */
static int
add_nodes(struct reading *r)
{
	size_t n = json_len(r->nodes);
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct json *node = json_at(r->nodes, i);
		struct known *k = find_package(r, json_get(node, "id"));
		const char *name, *version;

		if (!k || k->at != UINT32_MAX)
			return ERR_CORRUPT;
		name = json_text(k->package, "name");
		version = json_text(k->package, "version");
		if (!name || !version)
			return ERR_CORRUPT;
		k->at = (uint32_t)i;
		rc = packages_add(r->out, name, version,
				  json_text(k->package, "source"));
	}
	return rc;
}

static int
add_deps(struct reading *r)
{
	size_t n = json_len(r->nodes);
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct json *node = json_at(r->nodes, i);
		const struct json *deps = json_get(node, "dependencies");

		for (size_t k = 0; k < json_len(deps) && rc == 0; k++) {
			struct known *to = find_package(r, json_at(deps, k));

			if (to && to->at != UINT32_MAX)
				rc = packages_need(r->out, (uint32_t)i, to->at);
		}
	}
	return rc;
}

int
metadata_parse(const char *text, size_t n, struct packages *out)
{
	struct packages got = { 0 };
	struct reading r = { .out = &got };
	struct json *root = NULL;
	int rc = json_parse(text, n, METADATA_MAX, &root);

	if (rc < 0)
		return rc;
	r.nodes = json_get(json_get(root, "resolve"), "nodes");
	rc = json_is_list(r.nodes)
		     ? list_packages(&r, json_get(root, "packages"))
		     : ERR_CORRUPT;
	rc = rc ? rc : add_nodes(&r);
	rc = rc ? rc : add_deps(&r);
	free(r.known);
	json_release(root);
	if (rc < 0)
		packages_release(&got);
	else
		*out = got;
	return rc;
}
