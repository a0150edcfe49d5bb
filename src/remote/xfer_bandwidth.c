/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/xfer_internal.h"

#include "base/file.h"

enum {
	MEASURE_FROM = 64 << 10,
	MEASURE_MS = 100,
	PEAK_MS = 25,
	FORGET = 64 /* this part of the best goes with each measure */
};

/* The line carries at least what a large answer had: without this, one that
 * only trickled in would leave it slow for ever. */
void
xfer_bandwidth_ended(struct xfer *x, const struct xfer_job *j)
{
	int64_t took = file_monotonic() - j->began;
	uint64_t rate;

	if (j->taken < MEASURE_FROM || j->unmeasured || took <= 0)
		return;
	rate = (uint64_t)((double)j->taken * 1e9 / (double)took);
	if (rate > atomic_load(&x->rate))
		atomic_store(&x->rate, rate);
}

/* Bytes a second since WINDOW began, which begins anew. */
static uint64_t
close_window(struct xfer *x, struct xfer_window *w, int64_t now)
{
	uint64_t rate = (uint64_t)((double)(x->received - w->bytes) * 1e9 /
				   (double)(now - w->from));

	w->from = now;
	w->bytes = x->received;
	return rate;
}

/* An answer grows from round trip to round trip, so what it has at its end
 * says most of a fast line.  Twice in a row: one window may hold what had come
 * before it, while this thread did not run. */
static void
look_for_peak(struct xfer *x, int64_t now)
{
	uint64_t rate, both;

	if (now - x->brief.from < PEAK_MS * XFER_MS)
		return;
	rate = close_window(x, &x->brief, now);
	both = rate < x->brief_rate ? rate : x->brief_rate;
	x->brief_rate = rate;
	if (both > x->peak)
		x->peak = both;
}

/* What all received in a time in which there was always something left to
 * receive: what lies in the socket's buffer already is no measure. */
void
xfer_bandwidth_watch(struct xfer *x, int64_t now)
{
	uint64_t rate, old = atomic_load(&x->rate);
	bool busy = false;
	struct xfer_job *j;

	TAILQ_FOREACH(j, &x->active, link)
		busy = busy || (j->verb == XFER_GET && j->body_at && !j->full &&
				!j->held && j->total > j->taken);
	if (!busy || !x->window.from) {
		x->window.from = busy ? now : 0;
		x->window.bytes = x->received;
		x->brief = x->window;
		x->brief_rate = 0;
		return;
	}
	look_for_peak(x, now);
	if (now - x->window.from < MEASURE_MS * XFER_MS)
		return;
	rate = close_window(x, &x->window, now);
	x->peak -= x->peak / FORGET;
	if (rate)
		atomic_store(&x->rate, old ? old - old / 4 + rate / 4 : rate);
}

uint64_t
xfer_bandwidth_best(struct xfer *x)
{
	uint64_t rate = atomic_load(&x->rate);

	return rate > x->peak ? rate : x->peak;
}
