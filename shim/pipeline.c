/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/pipeline.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "key/inputs.h"
#include "shim/auto_gc.h"
#include "shim/compile.h"
#include "shim/compile_lock.h"
#include "shim/explain.h"
#include "shim/invocation.h"
#include "shim/kind.h"
#include "shim/lookup.h"
#include "shim/name_check.h"
#include "shim/remote_query.h"
#include "shim/session.h"
#include "shim/store_result.h"

#include <stdbool.h>
#include <stdio.h>

struct work {
	struct invocation *job;
	struct lookup found;
	struct compile compile;
	struct compile_lock lock;
	char why[600]; /* what changed since it was stored last, or "" */
	struct ending end;
};

static char reason_text[640]; /* of the ending, until the process ends */

/* A step.  True: the work has its ending. */
typedef bool step(struct work *w);

static bool
pass(struct work *w, const char *reason)
{
	compile_drop(&w->compile);
	w->end = (struct ending){ ENDING_PASS, "passthrough", reason, 0 };
	return true;
}

/* OUTCOME is a hit's. */
static bool
ends_found(struct work *w, const char *outcome)
{
	/* What rustc does where it cannot say what it has to say. */
	if (w->found.lost)
		return pass(w, "lost-output");
	if (!w->found.served)
		return false;
	compile_drop(&w->compile);
	if (w->job->kind->done)
		w->job->kind->done(w->job);
	if (!outcome)
		outcome = w->found.prefetched ? "prefetch_hit" : "local_hit";
	w->end = (struct ending){ ENDING_SERVED, outcome, NULL, 0 };
	return true;
}

static bool
name_work(struct work *w)
{
	struct invocation *j = w->job;
	int r = j->kind->prepare(j);

	if (r == ERR_REFUSED)
		return pass(w, j->event.reason);
	if (r == 0)
		return false;
	log_msg(LOG_ERROR, "%s: %s", j->event.reason, err_text(r));
	w->end = (struct ending){ ENDING_PASS, "error", j->event.reason, 0 };
	return true;
}

static bool
look_up(struct work *w)
{
	w->found = lookup(w->job);
	return ends_found(w, NULL);
}

/* A unit that needs its real names has results under the key of these. */
static bool
take_real_names(struct work *w)
{
	if (!name_check_recall(w->job))
		return false;
	/* What waits at its gate would call things by our names. */
	compile_drop(&w->compile);
	if (invocation_use_real_names(w->job) < 0)
		return pass(w, "path");
	return look_up(w);
}

static bool
announce_miss(struct work *w)
{
	if (w->job->kind->plans)
		session_miss(w->job);
	return false;
}

/* Before the compile: afterwards its own result is what is remembered. */
static bool
explain(struct work *w)
{
	struct inputs_env env = invocation_inputs_env(w->job);

	if (w->job->readable)
		explain_find(w->job, &w->job->k0, &env, w->why, sizeof(w->why));
	return false;
}

/*
 * The compiler's child comes first: while we wait for the daemon it sets
 * itself up, and a "no" costs the unit no more than the answer took.
 */
static bool
ask_remote(struct work *w)
{
	struct remote_query q;

	if (!remote_query_begin(&q, w->job))
		return false;
	compile_hold(&w->compile);
	if (!remote_query_run(&q))
		return false;
	w->found = lookup(w->job);
	return ends_found(w, "remote_hit");
}

static bool
wait_for_equal(struct work *w)
{
	if (!w->job->kind->coalesces)
		return false;
	compile_lock_take(&w->lock, w->job, &w->found);
	/* A peer may also have found out which names it needs. */
	return ends_found(w, NULL) || take_real_names(w);
}

static bool
compile(struct work *w)
{
	const char *why = compile_run(&w->compile);

	return why ? pass(w, why) : false;
}

static enum compile_lock_end
lock_end(int code)
{
	return code == 0             ? COMPILE_LOCK_STORED
	       : code == ERR_REFUSED ? COMPILE_LOCK_NEVER
				     : COMPILE_LOCK_FAILED;
}

static const char *
reason_of(const struct work *w, int code, const struct result *r)
{
	if (code < 0)
		snprintf(reason_text, sizeof(reason_text), "not_stored:%s",
			 r ? r->reason : "memory");
	else if (r->stays)
		snprintf(reason_text, sizeof(reason_text), "local:%s",
			 r->stays);
	else
		snprintf(reason_text, sizeof(reason_text), "%s", w->why);
	return reason_text[0] ? reason_text : NULL;
}

static bool
store(struct work *w)
{
	struct invocation *j = w->job;
	int status = w->compile.run->status, code;
	int64_t start = file_monotonic();
	struct result *r = store_result(j, &w->compile, &w->found, &code);
	const char *reason = reason_of(w, code, r);

	compile_lock_end(&w->lock, j, lock_end(code));
	compile_drop(&w->compile);
	j->event.store_us = invocation_us(start);
	w->end = (struct ending){ ENDING_RAN,
				  code == 0 && r->duplicate ? "dup" : "miss",
				  status ? NULL : reason, status };
	result_free(r);
	if (code == 0)
		auto_gc_after_store(j, j->event.bytes);
	else
		log_msg(LOG_INFO, "%s: %s: %s", j->event.crate, j->kind->name,
			reason);
	if (status == 0 && j->kind->done)
		j->kind->done(j);
	return true;
}

/* The picture of DESIGN. */
static step *const steps[] = {
	name_work,  look_up,        take_real_names, announce_miss, explain,
	ask_remote, wait_for_equal, compile,         store,
};

struct ending
pipeline_run(struct invocation *j)
{
	/* What the work allocates is left to the end of the process. */
	static struct work w;
	size_t i = 0;

	w = (struct work){ .job = j, .compile = { .job = j } };
	while (!steps[i](&w))
		i++;
	return w.end;
}
