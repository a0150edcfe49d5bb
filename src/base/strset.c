/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strset.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t
hash(const char *s, size_t n)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 29);
}

static struct strset_slot *
find_slot(const struct strset *s, const char *key, size_t n)
{
	size_t i = s->cap ? hash(key, n) & (s->cap - 1) : 0;

	while (s->cap && s->slots[i].key) {
		if (!strncmp(s->slots[i].key, key, n) && !s->slots[i].key[n])
			return &s->slots[i];
		i = (i + 1) & (s->cap - 1);
	}
	return s->cap ? &s->slots[i] : NULL;
}

static bool
grow(struct strset *s)
{
	struct strset bigger = { .cap = s->cap ? s->cap * 2 : 64 };

	if (s->count * 2 < s->cap)
		return true;
	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i].key)
			*find_slot(&bigger, s->slots[i].key,
				   strlen(s->slots[i].key)) = s->slots[i];
	free(s->slots);
	s->slots = bigger.slots;
	s->cap = bigger.cap;
	return true;
}

static bool
add_key(struct strset *s, const char *key, size_t n, const void *val)
{
	struct strset_slot *slot;

	if (!grow(s)) {
		s->failed = true;
		return false;
	}
	slot = find_slot(s, key, n);
	if (slot->key) {
		slot->val = val;
		return false;
	}
	slot->key = malloc(n + 1);
	if (!slot->key) {
		s->failed = true;
		return false;
	}
	memcpy(slot->key, key, n);
	slot->key[n] = '\0';
	slot->val = val;
	s->count++;
	return true;
}

bool
strset_add(struct strset *s, const char *key, const void *val)
{
	return add_key(s, key, strlen(key), val);
}

bool
strset_has(const struct strset *s, const char *key)
{
	const struct strset_slot *slot = find_slot(s, key, strlen(key));

	return slot && slot->key;
}

const void *
strset_get(const struct strset *s, const char *key)
{
	const struct strset_slot *slot = find_slot(s, key, strlen(key));

	return slot && slot->key ? slot->val : NULL;
}

bool
strset_covers(const struct strset *s, const char *path)
{
	size_t n = strlen(path);

	while (s->count && n > 0) {
		const struct strset_slot *slot = find_slot(s, path, n);

		if (slot->key)
			return true;
		while (n > 0 && path[n - 1] != '/')
			n--;
		if (n > 0)
			n--;
	}
	return false;
}

void
strset_add_above(struct strset *s, const char *path)
{
	size_t n = strlen(path);

	for (;;) {
		while (n > 0 && path[n - 1] != '/')
			n--;
		if (n < 2)
			return;
		n--;
		if (!add_key(s, path, n, NULL))
			return;
	}
}

void
strset_free(struct strset *s)
{
	for (size_t i = 0; i < s->cap; i++)
		free(s->slots[i].key);
	free(s->slots);
	memset(s, 0, sizeof(*s));
}
