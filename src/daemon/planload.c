/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/planload.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strset.h"
#include "daemon/builds.h"
#include "daemon/hub.h"
#include "daemon/planask.h"
#include "plan/lock.h"
#include "plan/packages.h"
#include "remote/pack.h"
#include "remote/remote.h"
#include "work/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IDS = BUILDS_LOCKS + 2 };

#define LOAD_NS ((int64_t)10 * 1000000000)

/* Where a build manifest is looked for. */
struct source {
	struct digest id;
	const char *name;
	bool filter; /* of other dependencies: what is the same is kept */
};

struct planload {
	struct queue_job job;
	struct remote_op op;
	struct mail mail;
	struct hub *hub;
	struct hub_setup *setup;
	char workspace[4097];
	struct digest lock, toolchain;
	struct digest older[BUILDS_LOCKS];
	size_t nolder;
	struct strset crates; /* "name version" of the hint */
	bool with_hint;
	struct source source[IDS];
	size_t nsources, which;
	struct buf body;
	struct planload_result got;
	bool begun, under_way;
	bool asked, answered; /* the planner service; answered: by `got` */
	/* NULL: forgotten; the poll loop's. */
	void (*done)(void *ctx, struct planload_result *r);
	void *ctx;
};

static struct planload *
of_job(struct queue_job *job)
{
	return (struct planload *)((char *)job -
				   offsetof(struct planload, job));
}

static void
notify(struct remote_op *op)
{
	struct planload *l =
		(struct planload *)((char *)op - offsetof(struct planload, op));

	queue_post(l->hub->queue, &l->job);
}

static void
add_source(struct planload *l, const struct digest *id, const char *name,
	   bool filter)
{
	struct source *s = &l->source[l->nsources++];

	s->id = *id;
	s->name = name;
	s->filter = filter;
}

static void
add_nearest(struct planload *l)
{
	struct lockfile f = { 0 };
	struct buf b = { 0 };
	char path[4200];
	struct digest id;

	snprintf(path, sizeof(path), "%s/Cargo.lock", l->workspace);
	if (file_read(AT_FDCWD, path, LOCK_MAX, &b) == 0 &&
	    lock_read(b.p ? b.p : "", b.len, &f) == 0) {
		lock_nearest_id(&f, &l->toolchain, HUB_SCOPE, &id);
		lock_release(&f);
		add_source(l, &id, "the same workspace", true);
	}
	buf_free(&b);
}

static void
add_sources(struct planload *l)
{
	struct digest id;

	lock_build_id(&l->lock, &l->toolchain, HUB_SCOPE, &id);
	add_source(l, &id, "the same dependencies", false);
	if (!l->with_hint)
		return;
	for (size_t i = 0; i < l->nolder; i++) {
		lock_build_id(&l->older[i], &l->toolchain, HUB_SCOPE, &id);
		add_source(l, &id, "an earlier Cargo.lock", true);
	}
	add_nearest(l);
}

static bool
in_hint(void *ctx, const char *package, const char *version)
{
	const struct planload *l = ctx;
	char crate[PACKAGES_NAME], item[400];

	packages_crate(package, crate);
	snprintf(item, sizeof(item), "%s %s", crate, version);
	return strset_has(&l->crates, item);
}

/* True: a manifest was found. */
static bool
take(struct planload *l, const struct source *s)
{
	struct buf record = { 0 };
	struct bman all;
	int r = pack_unsqueeze("kchbman", l->body.p ? l->body.p : "",
			       l->body.len, BMAN_BYTES, &record);

	r = r ? r : bman_decode(record.p, record.len, &all);
	buf_free(&record);
	if (r < 0) {
		log_msg(LOG_INFO, "build manifest of %s: %s", s->name,
			err_text(r));
		return false;
	}
	if (!s->filter) {
		l->got.bman = all;
	} else {
		bman_filter(&all, in_hint, l, &l->got.bman);
		bman_release(&all);
	}
	l->got.source = s->name;
	return l->got.bman.count > 0;
}

static void
look_in_store(struct planload *l)
{
	struct hub_store *s = hub_store(l->hub);
	char name[STORE_NAME];

	l->got.here = calloc(l->got.bman.count + 1, sizeof(bool));
	if (!l->got.here || !s) {
		bman_release(&l->got.bman);
		return;
	}
	for (size_t i = 0; i < l->got.bman.count; i++) {
		store_name("entries", &l->got.bman.unit[i].at, name);
		l->got.here[i] = faccessat(s->store.dir, name, F_OK, 0) == 0;
	}
}

static enum queue_step
next(struct planload *l)
{
	char hex[DIGEST_HEX + 1];

	if (l->which == l->nsources)
		return QUEUE_DONE;
	digest_hex(&l->source[l->which].id, hex);
	memset(&l->op, 0, sizeof(l->op));
	buf_reset(&l->body);
	snprintf(l->op.name, sizeof(l->op.name), "v1/builds/%s/latest", hex);
	l->op.verb = REMOTE_GET;
	/* Everything else waits for it. */
	l->op.lane = REMOTE_DEMAND;
	l->op.notify = notify;
	l->op.max = BMAN_BYTES;
	/* Later it is of no use, and what is fetched ahead waits for demand. */
	l->op.deadline = file_monotonic() + LOAD_NS;
	l->under_way = true;
	if (remote_start(l->setup->remote, &l->op) == 0)
		return QUEUE_PARK;
	l->under_way = false;
	return QUEUE_DONE;
}

static enum queue_step
ended(struct planload *l)
{
	int r = remote_result(&l->op);

	l->under_way = false;
	remote_finish(&l->op);
	if (r == 0 && take(l, &l->source[l->which])) {
		look_in_store(l);
		return QUEUE_DONE;
	}
	if (r < 0 && r != ERR_MISS)
		return QUEUE_DONE;
	l->which++;
	return next(l);
}

/* The service may take its time, so it has a thread; the job is parked. */
static void *
ask_planner(void *arg)
{
	struct planload *l = arg;

	l->answered = planask_run(&l->setup->config, l->workspace,
				  &l->toolchain, &l->got.bman);
	queue_post(l->hub->queue, &l->job);
	return NULL;
}

static bool
start_asking(struct planload *l)
{
	const char *url = l->setup->config.v[CONFIG_PREFETCH_PLANNER].text;
	pthread_attr_t attr;
	pthread_t t;
	int r;

	if (!*url || l->asked)
		return false;
	l->asked = true;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&t, &attr, ask_planner, l);
	pthread_attr_destroy(&attr);
	return r == 0;
}

static enum queue_step
begin(struct planload *l)
{
	if (start_asking(l))
		return QUEUE_PARK;
	if (l->answered) {
		l->got.source = "the planner";
		l->got.final = true;
		look_in_store(l);
		return QUEUE_DONE;
	}
	l->begun = true;
	add_sources(l);
	return next(l);
}

static enum queue_step
run(struct queue_job *job)
{
	struct planload *l = of_job(job);
	bool end = false;
	const void *p;
	size_t n;

	if (!l->begun)
		return begin(l);
	n = l->under_way ? remote_peek(&l->op, &p, &end) : 0;
	if (n == 0)
		return end ? ended(l) : QUEUE_PARK;
	buf_add(&l->body, p, n);
	remote_consume(&l->op, n);
	queue_post(l->hub->queue, &l->job);
	return QUEUE_PARK;
}

static void
free_load(struct planload *l)
{
	bman_release(&l->got.bman);
	free(l->got.here);
	strset_free(&l->crates);
	buf_free(&l->body);
	hub_put(l->setup);
	free(l);
}

static void
tell(struct mail *m)
{
	struct planload *l =
		(struct planload *)((char *)m -
				    offsetof(struct planload, mail));

	if (l->done)
		l->done(l->ctx, &l->got);
	free_load(l);
}

static void
finished(struct queue_job *job, int result)
{
	struct planload *l = of_job(job);

	(void)result;
	l->mail.open = tell;
	mailbox_send(&l->hub->mail, &l->mail);
}

struct planload *
planload_start(struct hub *h, const struct build *b, bool with_hint,
	       void (*done)(void *ctx, struct planload_result *r), void *ctx)
{
	struct planload *l = calloc(1, sizeof(*l));
	const char *p = b->crates.p, *end = p ? p + b->crates.len : NULL;

	if (!l)
		return NULL;
	l->hub = h;
	l->setup = hub_get(h);
	memcpy(l->workspace, b->workspace, sizeof(l->workspace));
	l->lock = b->lock;
	l->toolchain = b->toolchain;
	memcpy(l->older, b->older, sizeof(l->older));
	l->nolder = b->nolder;
	l->with_hint = with_hint;
	for (; with_hint && p && p < end; p += strlen(p) + 1)
		strset_add(&l->crates, p, NULL);
	l->done = done;
	l->ctx = ctx;
	l->job.run = run;
	l->job.done = finished;
	if (l->setup->remote &&
	    queue_admit(h->queue, &l->job, QUEUE_DEMAND) == 0)
		return l;
	free_load(l);
	return NULL;
}

void
planload_forget(struct planload *l)
{
	l->done = NULL;
}
