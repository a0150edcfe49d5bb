/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/credit.h"

#define LOST_NS ((int64_t)1000000000)

void
credit_prove(struct credit *c, uint64_t size, bool was_unproven)
{
	if (was_unproven)
		c->unproven -= size;
	c->proven += size;
	c->right++;
	c->met = true;
}

static uint64_t
limit(const struct credit *c)
{
	uint64_t more = CREDIT_START + (CREDIT_TIMES - 1) * c->proven;

	/* What a plan says may be large: no multiple that wraps. */
	if (c->proven >= CREDIT_MOST || more >= CREDIT_MOST)
		more = CREDIT_MOST;
	return c->proven + more;
}

/* A plan that was right before may fetch a large pack as well. */
bool
credit_allows(const struct credit *c, uint64_t size)
{
	if (!c->met)
		return false;
	if (c->proven < CREDIT_START)
		return size <= limit(c) && c->unproven <= limit(c) - size;
	return c->unproven < limit(c);
}

bool
credit_waits(const struct credit *c)
{
	return c->met && c->unproven > limit(c) / 2;
}

bool
credit_lost(struct credit *c, int64_t now)
{
	if (c->wrong < CREDIT_WRONG || c->wrong <= c->right) {
		c->since = 0;
		return false;
	}
	if (!c->since)
		c->since = now;
	return now - c->since >= LOST_NS;
}
