/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/xfer.h"

#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

struct waiting {
	struct xfer_job job; /* first: callbacks cast */
	struct buf *out;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool ended;
};

enum { FETCH_MAX = 64 << 10 };

static int
fetch_prepare(struct xfer_job *j)
{
	(void)j;
	return 0;
}

static int
fetch_take(struct xfer_job *j, const void *p, size_t n)
{
	struct waiting *w = (struct waiting *)j;

	buf_add(w->out, p, n);
	return w->out->failed ? -ENOMEM : 0;
}

static bool
fetch_done(struct xfer_job *j)
{
	struct waiting *w = (struct waiting *)j;

	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_cond_signal(&w->moved);
	pthread_mutex_unlock(&w->lock);
	return false;
}

static void
fill_job(struct xfer_job *j, const struct xfer_fetch *f)
{
	const char *const *line;

	j->prepare = fetch_prepare;
	j->take = fetch_take;
	j->done = fetch_done;
	j->verb = f->verb;
	j->fd = -1;
	j->body = f->body;
	j->size = f->body ? strlen(f->body) : 0;
	j->max = f->max ? f->max : FETCH_MAX;
	j->connect_ms = f->connect_ms;
	j->direct = f->direct;
	j->first_ms = f->timeout_ms;
	j->deadline = file_monotonic() + f->timeout_ms * 1000000LL;
	buf_str(&j->url, f->url);
	for (line = f->headers; line && *line; line++)
		buf_add(&j->headers, *line, strlen(*line) + 1);
}

int
xfer_fetch(struct xfer *x, const struct xfer_fetch *f, struct buf *out)
{
	struct waiting w = { .out = out };
	size_t had = out->len;
	int rc;

	pthread_mutex_init(&w.lock, NULL);
	pthread_cond_init(&w.moved, NULL);
	fill_job(&w.job, f);
	rc = w.job.url.failed || w.job.headers.failed ? -ENOMEM : 0;
	if (rc == 0)
		rc = xfer_submit(x, &w.job, true);
	if (rc == 0) {
		pthread_mutex_lock(&w.lock);
		while (!w.ended)
			pthread_cond_wait(&w.moved, &w.lock);
		pthread_mutex_unlock(&w.lock);
		rc = w.job.result;
		if (rc == 0)
			buf_add(out, w.job.error.p, w.job.error.len);
		if (rc == 0)
			rc = out->failed ? -ENOMEM : w.job.status;
	}
	if (rc < 0)
		out->len = had;
	xfer_release(&w.job);
	pthread_cond_destroy(&w.moved);
	pthread_mutex_destroy(&w.lock);
	return rc;
}
