/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/breaker.h"

bool
breaker_allows(const struct breaker *b)
{
	return b->state == BREAKER_CLOSED;
}

bool
breaker_probe(struct breaker *b, int64_t now)
{
	if (b->state == BREAKER_CLOSED || now < b->until)
		return false;
	b->state = BREAKER_HALF;
	b->until = now + BREAKER_PROBE;
	return true;
}

void
breaker_ok(struct breaker *b)
{
	if (b->state == BREAKER_OPEN)
		return;
	b->state = BREAKER_CLOSED;
	b->failures = 0;
	b->pause = 0;
}

static void
open_now(struct breaker *b, int64_t now)
{
	b->pause = b->pause ? b->pause * 2 : BREAKER_PAUSE;
	if (b->pause > BREAKER_PAUSE_MAX)
		b->pause = BREAKER_PAUSE_MAX;
	b->until = now + b->pause;
	b->state = BREAKER_OPEN;
	b->failures = 0;
}

void
breaker_fail(struct breaker *b, bool at_once, int64_t now)
{
	if (b->state == BREAKER_OPEN)
		return;
	b->failures++;
	if (b->state == BREAKER_HALF || at_once ||
	    b->failures >= BREAKER_FAILURES)
		open_now(b, now);
}

const char *
breaker_name(const struct breaker *b)
{
	static const char *const names[] = { "closed", "open", "half-open" };

	return names[b->state];
}
