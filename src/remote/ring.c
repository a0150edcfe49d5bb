/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/ring.h"

#include "base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RING_BYTES = RING_SLOTS * RING_SLOT };

void
ring_init(struct ring *r)
{
	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
}

void
ring_free(struct ring *r)
{
	int i;

	for (i = 0; i < RING_SLOTS; i++)
		free(r->slot[i]);
	pthread_mutex_destroy(&r->lock);
	memset(r, 0, sizeof(*r));
}

/* The slots that N bytes behind the used ones touch. */
static bool
have_slots(struct ring *r, size_t n)
{
	size_t from = r->head + r->used;
	size_t i;

	for (i = from / RING_SLOT; i <= (from + n - 1) / RING_SLOT; i++) {
		char **slot = &r->slot[i % RING_SLOTS];

		if (!*slot)
			*slot = malloc(RING_SLOT);
		if (!*slot)
			return false;
	}
	return true;
}

static void
copy_in(struct ring *r, const char *p, size_t n)
{
	while (n > 0) {
		size_t at = (r->head + r->used) % RING_BYTES;
		size_t room = RING_SLOT - at % RING_SLOT;

		if (room > n)
			room = n;
		memcpy(r->slot[at / RING_SLOT] + at % RING_SLOT, p, room);
		r->used += room;
		p += room;
		n -= room;
	}
}

int
ring_put(struct ring *r, const void *p, size_t n)
{
	int rc = 0;

	if (n == 0)
		return 0;
	if (n > RING_BYTES)
		return ERR_TOOBIG;
	pthread_mutex_lock(&r->lock);
	if (n > RING_BYTES - r->used) {
		r->refused = true;
		rc = -EAGAIN;
	} else if (!have_slots(r, n)) {
		rc = -ENOMEM;
	} else {
		copy_in(r, p, n);
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

size_t
ring_peek(struct ring *r, const void **p)
{
	size_t n;

	pthread_mutex_lock(&r->lock);
	n = RING_SLOT - r->head % RING_SLOT;
	if (n > r->used)
		n = r->used;
	if (n > 0)
		*p = r->slot[r->head / RING_SLOT] + r->head % RING_SLOT;
	pthread_mutex_unlock(&r->lock);
	return n;
}

bool
ring_consume(struct ring *r, size_t n)
{
	bool again = false;

	pthread_mutex_lock(&r->lock);
	r->head = (r->head + n) % RING_BYTES;
	r->used -= n;
	/* An empty ring begins again in its first slot, so that a consumer
	 * who keeps up never makes it take a second one. */
	if (r->used == 0)
		r->head = 0;
	/* A quarter free, not any byte: each resumption costs the engine a
	 * wakeup. */
	if (r->refused && RING_BYTES - r->used >= RING_SLOT) {
		r->refused = false;
		again = true;
	}
	pthread_mutex_unlock(&r->lock);
	return again;
}
