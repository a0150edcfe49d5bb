/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/build_manifest_index.h"

#include "plan/build_manifest.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct place {
	const struct digest *key;
	uint32_t unit, unused;
};

struct build_manifest_index {
	size_t count;
	struct place place[];
};

static int
in_order(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int c = memcmp(x->key->b, y->key->b, DIGEST_LEN);

	if (c == 0)
		c = x->unused < y->unused ? -1 : x->unused > y->unused;
	return c ? c : x->unit < y->unit ? -1 : x->unit > y->unit;
}

struct build_manifest_index *
build_manifest_index_new(const struct build_manifest *m,
			 enum build_manifest_index_key by)
{
	struct build_manifest_index *b =
		calloc(1, sizeof(*b) + m->count * sizeof(b->place[0]));

	if (!b)
		return NULL;
	b->count = m->count;
	for (size_t i = 0; i < m->count; i++) {
		const struct build_manifest_unit *u = &m->unit[i];

		b->place[i].key =
			by == BUILD_MANIFEST_INDEX_AT ? &u->at : &u->k0;
		b->place[i].unit = (uint32_t)i;
		b->place[i].unused = u->unused;
	}
	qsort(b->place, b->count, sizeof(b->place[0]), in_order);
	return b;
}

void
build_manifest_index_free(struct build_manifest_index *b)
{
	free(b);
}

int
build_manifest_index_first(const struct build_manifest_index *b,
			   const struct digest *key)
{
	size_t low = 0, high = b ? b->count : 0;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (memcmp(b->place[mid].key->b, key->b, DIGEST_LEN) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (!b || low == b->count || !digest_eq(b->place[low].key, key))
		return -1;
	return (int)b->place[low].unit;
}
