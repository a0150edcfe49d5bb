/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hashset.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 4096 };

static bool
add_hash(uint64_t *slots, size_t cap, uint64_t hash)
{
	size_t i = hash & (cap - 1);

	while (slots[i] && slots[i] != hash)
		i = (i + 1) & (cap - 1);
	if (slots[i])
		return false;
	slots[i] = hash;
	return true;
}

static bool
grow(struct hashset *s)
{
	size_t cap = s->cap ? s->cap * 2 : FIRST;
	uint64_t *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i])
			add_hash(slots, cap, s->slots[i]);
	free(s->slots);
	s->slots = slots;
	s->cap = cap;
	return true;
}

bool
hashset_add(struct hashset *s, uint64_t hash)
{
	if (s->count >= s->cap / 2 && !grow(s))
		return true;
	if (!add_hash(s->slots, s->cap, hash ? hash : 1))
		return false;
	s->count++;
	return true;
}

void
hashset_free(struct hashset *s)
{
	free(s->slots);
	*s = (struct hashset){ 0 };
}

/* Eight bytes a step; the finish spreads every bit over all. */
uint64_t
hashset_hash(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t w;

	h ^= n * UINT64_C(0x9e3779b97f4a7c15);
	for (; n > 0; p += sizeof(w), n -= n < sizeof(w) ? n : sizeof(w)) {
		w = 0;
		memcpy(&w, p, n < sizeof(w) ? n : sizeof(w));
		h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 29;
}
