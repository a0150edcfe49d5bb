/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/bindex.h"

#include "plan/bman.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct place {
	const struct digest *key;
	uint32_t unit, unused;
};

struct bindex {
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

struct bindex *
bindex_new(const struct bman *m, enum bindex_key by)
{
	struct bindex *b =
		calloc(1, sizeof(*b) + m->count * sizeof(b->place[0]));

	if (!b)
		return NULL;
	b->count = m->count;
	for (size_t i = 0; i < m->count; i++) {
		const struct bman_unit *u = &m->unit[i];

		b->place[i].key = by == BINDEX_AT ? &u->at : &u->k0;
		b->place[i].unit = (uint32_t)i;
		b->place[i].unused = u->unused;
	}
	qsort(b->place, b->count, sizeof(b->place[0]), in_order);
	return b;
}

void
bindex_free(struct bindex *b)
{
	free(b);
}

int
bindex_first(const struct bindex *b, const struct digest *key)
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
