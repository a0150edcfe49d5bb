/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/xfer_internal.h"

#include "base/err.h"

#include <errno.h>
#include <string.h>

enum {
	RETRY_MS = 100, /* until prepare is asked again */
	LEAST = 256 << 10,
	RATE_GUESS = 3 << 20, /* bytes/s of a line not measured: a slow one */
	QUIET_MS = 100
};

void
xfer_schedule_end(struct xfer *x, struct xfer_job *j, int result)
{
	j->result = result;
	/* After false the job may be gone. */
	if (!j->done(j))
		return;
	j->waiting = false;
	TAILQ_INSERT_TAIL(&x->pending, j, link);
	x->rescan = true;
}

struct load {
	unsigned background;
	unsigned gets; /* background ones */
	uint64_t bytes;
};

/* A wrong expectation must not make this wrap. */
static uint64_t
left(const struct xfer_job *j)
{
	uint64_t all = j->total ? j->total : j->expect;

	if (all == 0)
		return XFER_GUESS;
	return all > j->taken ? all - j->taken : 0;
}

static void
weigh(struct xfer *x, struct load *l)
{
	struct xfer_job *j;

	memset(l, 0, sizeof(*l));
	TAILQ_FOREACH(j, &x->active, link) {
		if (atomic_load(&j->demand))
			continue;
		l->background++;
		if (j->verb != XFER_GET)
			continue;
		l->gets++;
		l->bytes += left(j);
	}
}

static uint64_t
line(struct xfer *x)
{
	uint64_t best = xfer_bandwidth_best(x);

	return best ? best : RATE_GUESS;
}

/* Where answers fill the line, the next demand comes at once.  So it must have
 * been left alone for as long as it takes for a small pack. */
static int64_t
quiet_from(struct xfer *x)
{
	int64_t ms = (int64_t)((uint64_t)LEAST * 1000 / line(x));

	return x->wanted + (ms < QUIET_MS ? ms : QUIET_MS) * XFER_MS;
}

/* A quarter of the places is kept for demand.  What background GETs have
 * asked for comes, wanted or not, and demand waits behind it: a quarter of a
 * second of the line. */
static bool
has_place(struct xfer *x, struct xfer_job *j, int64_t now)
{
	unsigned part = x->o.transfers - (x->o.transfers + 3) / 4;
	struct load l;

	if (x->running >= x->o.transfers)
		return false;
	if (atomic_load(&j->demand))
		return true;
	weigh(x, &l);
	if (l.background >= part)
		return false;
	if (j->verb != XFER_GET)
		return true;
	if (xfer_timeouts_demand(x))
		x->wanted = now;
	if (x->wanted && now < quiet_from(x))
		return false;
	/* A low rate may be our own doing: few at a time, each for a while. */
	return l.bytes < LEAST || l.bytes < line(x) / 4;
}

static void
wait_more(struct xfer_job *j, int64_t now)
{
	j->waiting = true;
	if (j->not_before <= now)
		j->not_before = now + RETRY_MS * XFER_MS;
}

/* What is received makes room for background, too. */
static void
look_again(struct xfer *x, int64_t now)
{
	int64_t at = now + XFER_TICK_MS * XFER_MS;

	if (x->wanted && quiet_from(x) > now && quiet_from(x) < at)
		at = quiet_from(x);
	if (at < x->due)
		x->due = at;
}

/* What is to be done with pending J; true: it was taken out. */
static void
try_pending(struct xfer *x, struct xfer_job *j, bool demand, int64_t now)
{
	int rc = 0;

	if (x->stopping || atomic_load(&j->cancel))
		rc = -ECANCELED;
	else if (j->deadline && now >= j->deadline)
		rc = ERR_TIMEOUT;
	if (rc != 0) {
		TAILQ_REMOVE(&x->pending, j, link);
		xfer_schedule_end(x, j, rc);
		return;
	}
	if (j->deadline && j->deadline < x->due)
		x->due = j->deadline;
	if (j->not_before > now) {
		if (j->not_before < x->due)
			x->due = j->not_before;
		return;
	}
	if (atomic_load(&j->demand) != demand ||
	    x->no_place[demand][j->verb == XFER_GET])
		return;
	if (!has_place(x, j, now)) {
		x->no_place[demand][j->verb == XFER_GET] = true;
		if (!demand)
			look_again(x, now);
		return;
	}
	TAILQ_REMOVE(&x->pending, j, link);
	rc = j->prepare(j);
	if (rc == -EAGAIN) {
		wait_more(j, now);
		TAILQ_INSERT_TAIL(&x->pending, j, link);
		return;
	}
	if (rc == 0)
		rc = xfer_begin(x, j, now);
	if (rc != 0)
		xfer_schedule_end(x, j, rc);
}

void
xfer_schedule_wake(struct xfer *x)
{
	struct xfer_job *j;

	TAILQ_FOREACH(j, &x->pending, link) {
		if (j->waiting)
			j->not_before = 0;
		j->waiting = false;
	}
}

void
xfer_schedule_start(struct xfer *x, int64_t now)
{
	struct xfer_job *j, *next;
	int demand;

	if (!x->rescan && now < x->due)
		return;
	x->rescan = false;
	x->due = XFER_NEVER;
	memset(x->no_place, 0, sizeof(x->no_place));
	for (demand = 1; demand >= 0; demand--)
		for (j = TAILQ_FIRST(&x->pending); j; j = next) {
			next = TAILQ_NEXT(j, link);
			try_pending(x, j, demand, now);
		}
}
