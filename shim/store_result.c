/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/store_result.h"

#include "base/err.h"
#include "base/file.h"
#include "rustc/depinfo.h"
#include "shim/compile.h"
#include "shim/explain.h"
#include "shim/invocation.h"
#include "shim/kind.h"
#include "shim/lookup.h"
#include "shim/name_check.h"
#include "shim/upload_policy.h"
#include "store/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

extern char **environ;

enum { EDIT_LOOP_MS = 600000 };

int
result_refuse(struct result *r, int code, const char *why, const char *what)
{
	if (!r->reason[0])
		snprintf(r->reason, sizeof(r->reason), "%s%s%s", why,
			 what ? ":" : "", what ? what : "");
	return code;
}

void
result_lies_at(struct result *r, const struct digest *at)
{
	r->lies[r->nlies++] = *at;
}

bool
result_is_too_soon(bool had_state, uint64_t last_ms, uint64_t now_ms)
{
	return had_state && last_ms && now_ms < last_ms + EDIT_LOOP_MS;
}

/* Whether [store] min_free lets anything be stored. */
static bool
has_space(const struct invocation *j)
{
	const struct config_value *v = &j->config.v[CONFIG_STORE_MIN_FREE];
	struct statvfs fs;
	uint64_t min;

	if (fstatvfs(j->store.dir, &fs) < 0)
		return true;
	min = v->percent ? (uint64_t)fs.f_blocks * fs.f_frsize / 100 *
				   (uint64_t)v->num
			 : (uint64_t)v->num;
	return (uint64_t)fs.f_bavail * fs.f_frsize >= min &&
	       !(v->percent && fs.f_files &&
		 fs.f_favail < fs.f_files / 100 * (uint64_t)v->num);
}

/* What a second run in the same names tells nothing about. */
static bool
is_too_soon(const struct compile *c, const struct lookup *last)
{
	return c->run == &c->runs[0] &&
	       result_is_too_soon(compile_had_state(c), last->newest_ms,
				  (uint64_t)file_now() / 1000000);
}

/* Reasons that come back are ERR_REFUSED, those of this time ERR_BUSY. */
static int
check_run(struct result *r, const struct lookup *last)
{
	const struct compile *c = r->compile;
	const char *why = r->job->kind->store->refuses(r);

	if (c->run->status)
		return result_refuse(r, ERR_BUSY, "exit", NULL);
	if (why)
		return result_refuse(r, ERR_BUSY, why, NULL);
	if (c->watched.stepped)
		return result_refuse(r, ERR_BUSY, "clock-stepped", NULL);
	if (is_too_soon(c, last))
		return result_refuse(r, ERR_BUSY, "edit-loop", NULL);
	if (!has_space(r->job))
		return result_refuse(r, ERR_REFUSED, "min_free", NULL);
	if (c->run->overflow)
		return result_refuse(r, ERR_TOOBIG, "too-much-output", NULL);
	return 0;
}

static int
read_trace(struct result *r)
{
	struct invocation *j = r->job;
	int e = trace_read(r->compile->watched.trace, &r->trace);

	if (e < 0)
		return result_refuse(r, e, "no-trace", err_text(e));
	if (trace_alive(&r->trace))
		return result_refuse(r, ERR_REFUSED, "unseen:still-running",
				     NULL);
	observability_prepare(j, &r->trace);
	/* Too late to run it again: cargo knows of the metadata. */
	if (j->naming != NAMING_REAL && name_check_opened(&r->trace)) {
		name_check_remember(&j->store, &j->k0_plain);
		return result_refuse(r, ERR_REFUSED, "names", NULL);
	}
	return 0;
}

/* Whether all that ran was seen; or the user answers for it. */
static int
judge(struct result *r)
{
	if (observability_for(r->job, &r->trace, &r->seen, r->reason,
			      sizeof(r->reason)))
		return 0;
	if (!r->job->declared)
		return ERR_REFUSED;
	r->reason[0] = '\0';
	return 0;
}

static int
derive(struct result *r)
{
	static const struct depinfo none;
	struct invocation *j = r->job;
	struct derive *d = &r->derive;
	int e;

	*d = (struct derive){
		.trace = &r->trace,
		.depinfo = &none,
		.args = &j->args,
		.roots = &j->roots,
		.memo = &j->memo,
		.toolchain = &j->toolchain,
		.system = &j->system,
		.cwd = j->cwd,
		.observer = r->compile->watched.observer,
		.started = r->compile->watched.started,
		.whole_env = r->seen.iterates,
		.cc_env = r->seen.cc,
		.cpu = r->seen.cpu,
		.host = r->seen.host,
		.cpus = r->seen.cpus,
		.uses = r->seen.uses,
	};
	e = j->kind->store->describe(r, d);
	if (e < 0)
		return e;
	e = derive_inputs(d, &r->inputs);
	return e < 0 ? result_refuse(r, e,
				     d->reason[0] ? d->reason : err_text(e),
				     NULL)
		     : 0;
}

static int
make_k1(struct result *r)
{
	struct invocation *j = r->job;
	struct inputs_env env = invocation_inputs_env(j);
	size_t bad = 0;
	int e;

	env.filled = env.run;
	e = inputs_key(&r->inputs, &env, &j->k0, &r->k1, &bad);
	if (e < 0)
		return result_refuse(
			r, e, "input",
			r->inputs.count ? inputs_item(&r->inputs, bad) : NULL);
	/* The digests must be of what was read. */
	e = derive_verify(&r->derive);
	if (e < 0)
		return result_refuse(r, e, r->derive.reason, NULL);
	explain_remember(j, &j->k0, &r->inputs, &env);
	return 0;
}

static int
check_unchanged(struct result *r)
{
	const char *what = r->job->kind->store->changed(r);

	return what ? result_refuse(r, ERR_CHANGED, "raced", what) : 0;
}

static void
fill_entry(struct result *r)
{
	struct entry *e = &r->entry;

	e->stored_ms = (uint64_t)file_now() / 1000000;
	e->compile_us = r->job->event.compile_us;
	e->kind = r->job->args.kind;
	e->k0 = r->job->k0;
	inputs_digest(&r->inputs, &r->inputs_id);
	e->inputs = r->inputs_id;
}

/* Why it does not travel, or NULL. */
static const char *
find_stays(struct result *r)
{
	struct upload_facts facts = { .secret = r->secrets.found,
				      .bound = r->bound,
				      .outputs = r->entry.nout };

	return r->offered ? upload_policy_refuses(r->job, &facts, &r->inputs)
			  : NULL;
}

static int
add_to_manifest(struct result *r)
{
	struct invocation *j = r->job;
	struct manifest_record rec = { .last_k1 = r->k1,
				       .compile_us = r->entry.compile_us,
				       .stored_ms = r->entry.stored_ms,
				       .inputs = r->inputs };
	int e;

	memset(&r->inputs, 0, sizeof(r->inputs));
	e = manifest_add(&j->store, &j->k0, &rec);
	inputs_free(&rec.inputs);
	return e < 0 ? result_refuse(r, e, "manifest", err_text(e)) : 0;
}

static int
commit(struct result *r)
{
	const struct kind_store *store = r->job->kind->store;
	int e;

	fill_entry(r);
	e = store->publish(r);
	if (e < 0)
		return e;
	r->stays = find_stays(r);
	if (r->offered && !r->stays && store->travels)
		store->travels(r);
	e = add_to_manifest(r);
	/* After the manifest: the daemon takes the input list from there. */
	if (e == 0 && r->offered && !r->stays)
		upload_policy_offer(r->job, r);
	return e;
}

static int
store(struct result *r, const struct lookup *last)
{
	const struct kind_store *k = r->job->kind->store;
	int e;

	e = check_run(r, last);
	e = e ? e : k->outputs ? k->outputs(r) : 0;
	e = e ? e : read_trace(r);
	e = e ? e : judge(r);
	e = e ? e : derive(r);
	e = e ? e : k->collect(r);
	e = e ? e : make_k1(r);
	e = e ? e : check_unchanged(r);
	e = e ? e : k->put(r);
	e = e ? e : commit(r);
	if (e == 0) {
		r->job->event.k1 = r->k1;
		r->job->event.at = r->lies[0];
	}
	return e;
}

struct result *
store_result(struct invocation *j, const struct compile *c,
	     const struct lookup *last, int *code)
{
	const struct kind_store *k = j->kind->store;
	struct result *r = calloc(1, sizeof(*r));

	*code = -ENOMEM;
	if (!r)
		return NULL;
	r->job = j;
	r->compile = c;
	r->own = calloc(1, k->own_size);
	if (!r->own) {
		free(r);
		return NULL;
	}
	r->offered = upload_policy_wanted(j);
	secret_set_collect(&r->secrets, environ,
			   j->config.v[CONFIG_PRIVACY_NEVER_UPLOAD].text);
	*code = store(r, last);
	if (*code < 0 && c->run->status == 0 && k->unstored)
		k->unstored(r);
	return r;
}

void
result_free(struct result *r)
{
	if (!r)
		return;
	if (r->job->kind->store->release)
		r->job->kind->store->release(r);
	free(r->own);
	derive_release(&r->derive);
	observability_release(&r->seen);
	trace_free(&r->trace);
	entry_release(&r->entry);
	inputs_free(&r->inputs);
	free(r);
}
