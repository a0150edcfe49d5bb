/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/plan_load.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strset.h"
#include "daemon/sessions.h"
#include "daemon/services.h"
#include "daemon/plan_request.h"
#include "plan/cargo_lock.h"
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

enum { IDS = SESSIONS_LOCKS + 2 };

#define LOAD_NS ((int64_t)10 * 1000000000)

/* Where a build manifest is looked for. */
struct source {
	struct digest id;
	const char *name;
	bool filter; /* of other dependencies: what is the same is kept */
};

struct plan_load {
	struct queue_job job;
	struct remote_op op;
	struct mail mail;
	struct services *hub;
	struct services_setup *setup;
	char workspace[4097];
	struct digest lock, toolchain;
	struct digest older[SESSIONS_LOCKS];
	size_t nolder;
	struct strset crates; /* "name version" of the hint */
	bool with_hint;
	struct source source[IDS];
	size_t nsources, which;
	struct buf body;
	struct plan_load_result got;
	bool begun, under_way;
	bool asked, answered; /* the planner service; answered: by `got` */
	/* NULL: forgotten; the poll loop's. */
	void (*done)(void *ctx, struct plan_load_result *r);
	void *ctx;
};

static struct plan_load *
of_job(struct queue_job *job)
{
	return (struct plan_load *)((char *)job -
				    offsetof(struct plan_load, job));
}

static void
notify(struct remote_op *op)
{
	struct plan_load *l =
		(struct plan_load *)((char *)op -
				     offsetof(struct plan_load, op));

	queue_post(l->hub->queue, &l->job);
}

static void
add_source(struct plan_load *l, const struct digest *id, const char *name,
	   bool filter)
{
	struct source *s = &l->source[l->nsources++];

	s->id = *id;
	s->name = name;
	s->filter = filter;
}

static void
add_nearest(struct plan_load *l)
{
	struct lockfile f = { 0 };
	struct buf b = { 0 };
	char path[4200];
	struct digest id;

	snprintf(path, sizeof(path), "%s/Cargo.lock", l->workspace);
	if (file_read(AT_FDCWD, path, CARGO_LOCK_MAX, &b) == 0 &&
	    cargo_lock_read(b.p ? b.p : "", b.len, &f) == 0) {
		cargo_lock_nearest_id(&f, &l->toolchain, SERVICES_SCOPE, &id);
		cargo_lock_release(&f);
		add_source(l, &id, "the same workspace", true);
	}
	buf_free(&b);
}

static void
add_sources(struct plan_load *l)
{
	struct digest id;

	cargo_lock_build_id(&l->lock, &l->toolchain, SERVICES_SCOPE, &id);
	add_source(l, &id, "the same dependencies", false);
	if (!l->with_hint)
		return;
	for (size_t i = 0; i < l->nolder; i++) {
		cargo_lock_build_id(&l->older[i], &l->toolchain, SERVICES_SCOPE,
				    &id);
		add_source(l, &id, "an earlier Cargo.lock", true);
	}
	add_nearest(l);
}

static bool
in_hint(void *ctx, const char *package, const char *version)
{
	const struct plan_load *l = ctx;
	char crate[PACKAGES_NAME], item[400];

	packages_crate(package, crate);
	snprintf(item, sizeof(item), "%s %s", crate, version);
	return strset_has(&l->crates, item);
}

/* True: a manifest was found. */
static bool
take(struct plan_load *l, const struct source *s)
{
	struct buf record = { 0 };
	struct build_manifest all;
	int r = pack_unsqueeze("kchbman", l->body.p ? l->body.p : "",
			       l->body.len, BUILD_MANIFEST_BYTES, &record);

	r = r ? r : build_manifest_decode(record.p, record.len, &all);
	buf_free(&record);
	if (r < 0) {
		log_msg(LOG_INFO, "build manifest of %s: %s", s->name,
			err_text(r));
		return false;
	}
	if (!s->filter) {
		l->got.bman = all;
	} else {
		build_manifest_filter(&all, in_hint, l, &l->got.bman);
		build_manifest_release(&all);
	}
	l->got.source = s->name;
	return l->got.bman.count > 0;
}

static void
look_in_store(struct plan_load *l)
{
	struct services_store *s = services_store(l->hub);
	char name[STORE_NAME];

	l->got.here = calloc(l->got.bman.count + 1, sizeof(bool));
	if (!l->got.here || !s) {
		build_manifest_release(&l->got.bman);
		return;
	}
	for (size_t i = 0; i < l->got.bman.count; i++) {
		store_name("entries", &l->got.bman.unit[i].at, name);
		l->got.here[i] = faccessat(s->store.dir, name, F_OK, 0) == 0;
	}
}

static enum queue_step
next(struct plan_load *l)
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
	l->op.max = BUILD_MANIFEST_BYTES;
	/* Later it is of no use, and what is fetched ahead waits for demand. */
	l->op.deadline = file_monotonic() + LOAD_NS;
	l->under_way = true;
	if (remote_start(l->setup->remote, &l->op) == 0)
		return QUEUE_PARK;
	l->under_way = false;
	return QUEUE_DONE;
}

static enum queue_step
ended(struct plan_load *l)
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
	struct plan_load *l = arg;

	l->answered = plan_request_run(&l->setup->config, l->workspace,
				       &l->toolchain, &l->got.bman);
	queue_post(l->hub->queue, &l->job);
	return NULL;
}

static bool
start_asking(struct plan_load *l)
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
begin(struct plan_load *l)
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
	struct plan_load *l = of_job(job);
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
free_load(struct plan_load *l)
{
	build_manifest_release(&l->got.bman);
	free(l->got.here);
	strset_free(&l->crates);
	buf_free(&l->body);
	services_put(l->setup);
	free(l);
}

static void
tell(struct mail *m)
{
	struct plan_load *l =
		(struct plan_load *)((char *)m -
				     offsetof(struct plan_load, mail));

	if (l->done)
		l->done(l->ctx, &l->got);
	free_load(l);
}

static void
finished(struct queue_job *job, int result)
{
	struct plan_load *l = of_job(job);

	(void)result;
	l->mail.open = tell;
	mailbox_send(&l->hub->mail, &l->mail);
}

struct plan_load *
plan_load_start(struct services *h, const struct session *b, bool with_hint,
		void (*done)(void *ctx, struct plan_load_result *r), void *ctx)
{
	struct plan_load *l = calloc(1, sizeof(*l));
	const char *p = b->crates.p, *end = p ? p + b->crates.len : NULL;

	if (!l)
		return NULL;
	l->hub = h;
	l->setup = services_get(h);
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
plan_load_forget(struct plan_load *l)
{
	l->done = NULL;
}
