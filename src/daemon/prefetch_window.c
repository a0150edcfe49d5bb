/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/prefetch_window.h"

#define LOST_NS ((int64_t)1000000000)

void
prefetch_window_prove(struct prefetch_window *c, uint64_t size,
		      bool was_unproven)
{
	if (was_unproven)
		c->unproven -= size;
	c->proven += size;
	c->right++;
	c->met = true;
}

static uint64_t
limit(const struct prefetch_window *c)
{
	uint64_t more =
		PREFETCH_WINDOW_START + (PREFETCH_WINDOW_TIMES - 1) * c->proven;

	/* What a plan says may be large: no multiple that wraps. */
	if (c->proven >= PREFETCH_WINDOW_MOST || more >= PREFETCH_WINDOW_MOST)
		more = PREFETCH_WINDOW_MOST;
	return c->proven + more;
}

/* A plan that was right before may fetch a large pack as well. */
bool
prefetch_window_allows(const struct prefetch_window *c, uint64_t size)
{
	if (!c->met)
		return false;
	if (c->proven < PREFETCH_WINDOW_START)
		return size <= limit(c) && c->unproven <= limit(c) - size;
	return c->unproven < limit(c);
}

bool
prefetch_window_waits(const struct prefetch_window *c)
{
	return c->met && c->unproven > limit(c) / 2;
}

bool
prefetch_window_lost(struct prefetch_window *c, int64_t now)
{
	if (c->wrong < PREFETCH_WINDOW_WRONG || c->wrong <= c->right) {
		c->since = 0;
		return false;
	}
	if (!c->since)
		c->since = now;
	return now - c->since >= LOST_NS;
}
