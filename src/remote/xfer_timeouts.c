/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/xfer_internal.h"

#include "base/err.h"

#include <errno.h>

enum {
	RATE_GUESS = 12 << 20, /* bytes/s of a line not measured: a good one */
	PUT_RATE = 32768,      /* bytes/s, slower than which a PUT may not be */
	PUT_BASE_S = 60
};

bool
xfer_timeouts_is_get(const struct xfer_job *j, bool demand)
{
	return j->verb == XFER_GET && atomic_load(&j->demand) == demand;
}

/* Bytes that J's answer may still have, as far as is known. */
static uint64_t
left(const struct xfer_job *j)
{
	uint64_t all = j->first ? j->total : j->expect;

	return all > j->taken ? all - j->taken : 0;
}

/* A demand that waits for little more than a round trip does not need the
 * line: a build of small units is in that state most of the time, and what is
 * fetched ahead must not stand still for it. */
bool
xfer_timeouts_demand(struct xfer *x)
{
	uint64_t rate = xfer_bandwidth_best(x);
	uint64_t little = (rate ? rate : RATE_GUESS) / 20;
	struct xfer_job *j;

	TAILQ_FOREACH(j, &x->active, link)
		if (xfer_timeouts_is_get(j, true) && left(j) > little)
			return true;
	return false;
}

void
xfer_timeouts_start(struct xfer *x, struct xfer_job *j, int64_t now)
{
	bool quick = j->verb == XFER_GET && atomic_load(&j->demand);

	j->first_by =
		now + (quick ? x->o.demand_ms : x->o.background_ms) * XFER_MS;
	j->end_by = XFER_NEVER;
	if (j->verb == XFER_PUT) {
		j->first_by = XFER_NEVER;
		j->end_by = now + PUT_BASE_S * 1000 * XFER_MS +
			    (int64_t)(j->size / PUT_RATE) * 1000 * XFER_MS;
	}
	if (j->first_ms)
		j->first_by = now + j->first_ms * XFER_MS;
	j->window = now;
	j->window_bytes = 0;
}

/* As many bytes in each window as it has milliseconds. */
static bool
stalls(struct xfer *x, struct xfer_job *j, int64_t now)
{
	uint64_t moved = j->taken + j->sent + j->error.len;
	bool slow;

	if (!j->first && (j->verb != XFER_PUT || j->sent == j->size)) {
		j->window = now;
		return false;
	}
	if (now - j->window < x->o.stall_ms * XFER_MS)
		return false;
	slow = moved - j->window_bytes < (uint64_t)x->o.stall_ms;
	j->window = now;
	j->window_bytes = moved;
	return slow;
}

/* 0, or why J must end now. */
int
xfer_timeouts_trouble(struct xfer *x, struct xfer_job *j, int64_t now)
{
	if (x->stopping || atomic_load(&j->cancel))
		return -ECANCELED;
	if ((j->deadline && now >= j->deadline) || now >= j->end_by)
		return ERR_TIMEOUT;
	if (j->full || j->held)
		return 0;
	/* The last bytes are on their way: the answer may take its time. */
	if (j->verb == XFER_PUT && j->sent == j->size &&
	    j->first_by == XFER_NEVER)
		j->first_by = now + 3 * x->o.background_ms * XFER_MS;
	if (!j->first && now >= j->first_by) {
		/* A line that is full of others' answers is not dead. */
		j->silent = now - x->heard >= x->o.demand_ms * XFER_MS;
		return ERR_TIMEOUT;
	}
	return stalls(x, j, now) ? ERR_TIMEOUT : 0;
}
