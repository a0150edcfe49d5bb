/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/store_result.h"

#include "base/err.h"
#include "base/file.h"
#include "key/clippy.h"
#include "key/derive.h"
#include "key/inputs.h"
#include "key/trace.h"
#include "rustc/depinfo.h"
#include "shim/name_check.h"
#include "shim/path_bound.h"
#include "shim/depinfo_inputs.h"
#include "shim/invocation.h"
#include "shim/upload_policy.h"
#include "shim/run.h"
#include "shim/secret_scan.h"
#include "shim/env_exempt.h"
#include "shim/debuginfo_outputs.h"
#include "shim/observability.h"
#include "shim/explain.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/manifest.h"
#include "store/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

extern char **environ;

enum { DEPINFO_MAX = 32 << 20 };

struct made {
	struct entry entry;
	struct digest key; /* where the entry goes */
	struct digest k1;
	struct inputs inputs;
	struct buf depinfo_text;
	struct depinfo depinfo;
	char tags[PATH_BOUND_TAGS];
	struct digest at; /* of a bound entry */
	bool offered;     /* there is somebody to offer it to */
	/* Of the outputs; those behind run->nout are ours to free. */
	char *paths[ENTRY_OUTPUTS_MAX];
	struct secret_scan_set secrets;
};

static int
refuse(struct store_result *k, int code, const char *why, const char *what)
{
	if (!k->reason[0])
		snprintf(k->reason, sizeof(k->reason), "%s%s%s", why,
			 what ? ":" : "", what ? what : "");
	return code;
}

static int
role_of(const char *emit)
{
	static const char *const names[] = { "metadata", "link", "dep-info" };

	for (int i = 0; i < 3; i++)
		if (!strcmp(emit, names[i]))
			return i;
	return -1;
}

/* Outputs must lie directly in --out-dir: a hit puts them there. */
static int
name_outputs(struct store_result *k, struct made *m)
{
	const struct args *a = &k->job->args;
	size_t dir = strlen(a->out_dir);
	unsigned seen = 0;

	if (k->run->overflow)
		return refuse(k, ERR_TOOBIG, "too-much-output", NULL);
	for (size_t i = 0; i < k->run->nout; i++) {
		const struct run_output *o = &k->run->out[i];
		struct entry_output *e = &m->entry.out[m->entry.nout];
		const char *name = o->path + dir + 1;
		int role = role_of(o->emit);

		if (role < 0 || m->entry.nout == ENTRY_OUTPUTS_MAX)
			return refuse(k, ERR_REFUSED, "emit", o->emit);
		if (strncmp(o->path, a->out_dir, dir) || o->path[dir] != '/' ||
		    !entry_name_ok(name, strlen(name)))
			return refuse(k, ERR_REFUSED, "output", o->path);
		memset(e, 0, sizeof(*e));
		memcpy(e->name, name, strlen(name) + 1);
		e->role = (enum entry_role)role;
		seen |= 1u << role;
		m->paths[m->entry.nout++] = o->path;
	}
	if (!(seen & 1u << ENTRY_DEPINFO) || m->entry.nout < 2)
		return refuse(k, ERR_REFUSED, "outputs-not-announced", NULL);
	return 0;
}

/* What lies beside them goes with them. */
static int
name_sides(struct store_result *k, struct made *m, const struct trace *t)
{
	const struct args *a = &k->job->args;
	size_t first = m->entry.nout, dir = strlen(a->out_dir);
	int n = debuginfo_outputs_find(a, t, m->paths, first,
				       ENTRY_OUTPUTS_MAX);

	if (n < 0)
		return refuse(k, n, "split-debuginfo", err_text(n));
	for (size_t i = first; i < (size_t)n; i++) {
		struct entry_output *e = &m->entry.out[i];
		const char *name = m->paths[i] + dir + 1;

		memset(e, 0, sizeof(*e));
		m->entry.nout++;
		if (!entry_name_ok(name, strlen(name)))
			return refuse(k, ERR_REFUSED, "output", name);
		memcpy(e->name, name, strlen(name) + 1);
		e->role = ENTRY_SIDE;
	}
	return 0;
}

static const char *
depinfo_path(const struct store_result *k)
{
	for (size_t i = 0; i < k->run->nout; i++)
		if (role_of(k->run->out[i].emit) == ENTRY_DEPINFO)
			return k->run->out[i].path;
	return NULL;
}

static int
read_depinfo(struct store_result *k, struct made *m)
{
	const char *path = depinfo_path(k);
	int r;

	if (!path)
		return refuse(k, ERR_REFUSED, "no-dep-info", NULL);
	r = file_read(AT_FDCWD, path, DEPINFO_MAX, &m->depinfo_text);
	if (r == 0)
		r = depinfo_read(m->depinfo_text.p, m->depinfo_text.len,
				 &m->depinfo);
	return r ? refuse(k, r, "dep-info", err_text(r)) : 0;
}

/* With what cargo shall know, and cannot from rustc. */
static int
store_result_depinfo(struct store_result *k, struct made *m)
{
	int r = depinfo_inputs_add(k->job, &m->inputs, &m->depinfo,
				   depinfo_path(k), &m->depinfo_text);

	if (r == 0)
		r = depinfo_neutral(m->depinfo_text.p, m->depinfo_text.len,
				    &k->job->roots, &m->entry.depinfo);
	return r ? refuse(k, r, "dep-info", err_text(r)) : 0;
}

static int
learn(struct store_result *k, struct made *m, const struct trace *t,
      const struct observability *v, struct derive *l)
{
	struct invocation *j = k->job;
	int r;

	*l = (struct derive){
		.trace = t,
		.depinfo = &m->depinfo,
		.args = &j->args,
		.roots = &j->roots,
		.memo = &j->memo,
		.toolchain = &j->toolchain,
		.system = &j->system,
		.cwd = j->cwd,
		.observer = k->observer,
		.outputs = (const char *const *)m->paths,
		.noutputs = m->entry.nout,
		.externs = j->extern_ids,
		.started = k->started,
		.places = j->places,
		.spared = env_exempt_has,
		.spared_ctx = &j->store,
		.whole_env = v->iterates,
		/* No witness in another place checks what it makes of it. */
		.raw_env = v->foreign,
		.cc_env = v->cc,
		.cpu = v->cpu,
		.host = v->host,
		.driver = j->driver,
		.cpus = v->cpus,
		.uses = v->uses,
	};
	r = derive_inputs(l, &m->inputs);
	if (r < 0)
		refuse(k, r, l->reason[0] ? l->reason : err_text(r), NULL);
	l->outputs = NULL;
	return r;
}

/* What lies above cwd is in K0, since before the compile. */
static int
same_conf(struct store_result *k)
{
	struct invocation *j = k->job;
	struct clippy_in in = { invocation_getenv, j->cwd, &j->memo };
	struct digest now;

	if (!j->driver ||
	    (clippy_conf(&in, &now) == 0 && digest_eq(&now, &j->conf)))
		return 0;
	return refuse(k, ERR_CHANGED, "raced", "clippy.toml");
}

static int
make_k1(struct store_result *k, struct made *m, struct derive *l)
{
	struct invocation *j = k->job;
	struct inputs_env env = {
		.memo = &j->memo,
		.roots = &j->roots,
		.get = invocation_getenv,
		.all = environ,
		.cwd = j->cwd,
		.externs = j->externs,
		.nexterns = j->args.nexterns,
	};
	size_t bad = 0;
	int r = inputs_key(&m->inputs, &env, &j->k0, &m->k1, &bad);

	if (r < 0)
		return refuse(k, r, "input",
			      m->inputs.count ? inputs_item(&m->inputs, bad)
					      : NULL);
	/* The digests must be of what the compiler read. */
	r = derive_verify(l);
	if (r < 0)
		return refuse(k, r, l->reason, NULL);
	explain_remember(j, &j->k0, &m->inputs, &env);
	return 0;
}

static int
inputs(struct store_result *k, struct made *m)
{
	struct trace t = { 0 };
	struct derive l = { 0 };
	struct observability v = { 0 };
	int r = trace_read(k->trace, &t);

	if (r < 0)
		return refuse(k, r, "no-trace", err_text(r));
	if (trace_alive(&t))
		r = refuse(k, ERR_REFUSED, "unseen:still-running", NULL);
	observability_prepare(k->job, &t);
	/* Too late to run it again: cargo knows of the metadata. */
	if (k->job->naming != NAMING_REAL && name_check_opened(&t)) {
		name_check_remember(&k->job->store, &k->job->k0_plain);
		r = refuse(k, ERR_REFUSED, "names", NULL);
	}
	r = r ? r : read_depinfo(k, m);
	if (r == 0 &&
	    !observability_for(k->job, &t, &v, k->reason, sizeof(k->reason)))
		r = ERR_REFUSED;
	r = r ? r : name_sides(k, m, &t);
	r = r ? r : learn(k, m, &t, &v, &l);
	r = r ? r : make_k1(k, m, &l);
	r = r ? r : same_conf(k);
	if (r == 0 && !invocation_same_toolchain(k->job, k->job->argv[1],
						 k->job->args.target, &t))
		r = refuse(k, ERR_CHANGED, "raced", k->job->argv[1]);
	derive_release(&l);
	observability_release(&v);
	trace_free(&t);
	return r;
}

static int
hash_outputs(struct store_result *k, struct made *m)
{
	int r = 0;

	k->duplicate = 1;
	for (size_t i = 0; i < m->entry.nout && r == 0; i++) {
		struct entry_output *o = &m->entry.out[i];
		size_t n = strlen(o->name);
		struct blob_put put = { .path = m->paths[i] };

		if (o->role == ENTRY_DEPINFO)
			continue;
		put.link = n > 6 && (!strcmp(o->name + n - 6, ".rmeta") ||
				     !strcmp(o->name + n - 5, ".rlib"));
		r = path_bound_scan_file(&k->job->roots,
					 m->offered ? &m->secrets : NULL,
					 put.path, m->tags);
		if (r == 0)
			r = blob_put(&k->job->store, &k->job->memo, &put,
				     &o->blob);
		o->exec = put.exec;
		o->size = put.size;
		k->job->event.bytes += put.size;
		if (!put.existed)
			k->duplicate = 0;
	}
	return r ? refuse(k, r, "blob", err_text(r)) : 0;
}

static void
fill(struct store_result *k, struct made *m)
{
	struct entry *e = &m->entry;
	struct run *run = k->run;

	e->stored_ms = (uint64_t)file_now() / 1000000;
	e->compile_us = k->compile_us;
	e->kind = k->job->args.kind;
	e->k0 = k->job->k0;
	buf_str(&e->crate, k->job->args.crate_name);
	buf_add(&e->stdout_text, run->out_text.p, run->out_text.len);
	buf_add(&e->stderr_text, run->err_text.p, run->err_text.len);
	if (run->out_text.len)
		path_bound_scan(&k->job->roots, run->out_text.p,
				run->out_text.len, m->tags);
	if (run->err_text.len)
		path_bound_scan(&k->job->roots, run->err_text.p,
				run->err_text.len, m->tags);
	secret_set_scan(&m->secrets, run->out_text.p ? run->out_text.p : "",
			run->out_text.len);
	secret_set_scan(&m->secrets, run->err_text.p ? run->err_text.p : "",
			run->err_text.len);
	m->key = m->k1;
	if (e->stdout_text.len || e->stderr_text.len)
		path_bound_tagged(&m->k1, &k->job->tag, &m->key);
}

/* Where a bound entry would lie, a redirect tells which roots bind it, so
 * checkouts do not overwrite each other. */
static int
publish(struct store_result *k, struct made *m)
{
	struct store *s = &k->job->store;
	struct digest at = m->key;
	int r = 0;

	inputs_digest(&m->inputs, &m->entry.inputs);
	if (m->tags[0]) {
		struct entry redirect = { .stored_ms = m->entry.stored_ms,
					  .k0 = m->entry.k0,
					  .inputs = m->entry.inputs,
					  .kind = m->entry.kind,
					  .crate = m->entry.crate };

		memcpy(redirect.roots, m->tags, sizeof(m->tags));
		memcpy(m->entry.roots, m->tags, sizeof(m->tags));
		r = path_bound_key(&m->key, m->tags, &k->job->roots, &at);
		m->at = at;
		if (r == 0)
			r = entry_save(s, &m->key, &redirect);
	}
	return r ? r
		 : publish_entry(s, &k->job->memo, &at, &m->entry,
				 (const char *const *)m->paths);
}

bool
store_result_has_space(const struct invocation *j)
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

/* Decides while the input list is still ours.  True: it is to be made. */
static bool
prepare_offer(struct store_result *k, struct made *m, struct upload_policy *o)
{
	if (!m->offered)
		return false;
	*o = (struct upload_policy){
		.at = &m->key,
		.bound = m->tags[0] ? &m->at : NULL,
		.k1 = &m->k1,
		.tag = digest_eq(&m->key, &m->k1) ? NULL : &k->job->tag,
		.outputs = m->entry.nout,
		.secret = m->secrets.found,
	};
	inputs_digest(&m->inputs, &o->inputs);
	k->stays = upload_policy_refuses(k->job, o, &m->inputs);
	return !k->stays;
}

static int
commit(struct store_result *k, struct made *m)
{
	struct manifest_record rec = {
		.last_k1 = m->k1,
		.compile_us = k->compile_us,
		.stored_ms = m->entry.stored_ms,
	};
	struct upload_policy o;
	bool wanted;
	int r = publish(k, m);

	if (r < 0)
		return refuse(k, r, "entry", err_text(r));
	env_exempt_note(&k->job->store, &m->inputs, &m->entry, k->job->places);
	wanted = prepare_offer(k, m, &o);
	rec.inputs = m->inputs;
	memset(&m->inputs, 0, sizeof(m->inputs));
	r = manifest_add(&k->job->store, &k->job->k0, &rec);
	inputs_free(&rec.inputs);
	if (r < 0)
		return refuse(k, r, "manifest", err_text(r));
	/* After the manifest: the daemon takes the input list from there. */
	if (wanted)
		upload_policy_make(k->job, &o);
	return 0;
}

int
store_result(struct store_result *k)
{
	struct made m = { 0 };
	int r = 0;

	if (!store_result_has_space(k->job))
		r = refuse(k, ERR_REFUSED, "min_free", NULL);

	m.offered = upload_policy_wanted(k->job);
	if (m.offered)
		secret_set_collect(
			&m.secrets, environ,
			k->job->config.v[CONFIG_PRIVACY_NEVER_UPLOAD].text);
	r = r ? r : name_outputs(k, &m);
	r = r ? r : inputs(k, &m);
	r = r ? r : store_result_depinfo(k, &m);
	r = r ? r : hash_outputs(k, &m);
	if (r == 0) {
		fill(k, &m);
		r = commit(k, &m);
		k->job->event.k1 = m.k1;
		k->job->event.at = m.tags[0] ? m.at : m.key;
	}
	for (size_t i = k->run->nout; i < m.entry.nout; i++)
		free(m.paths[i]);
	entry_release(&m.entry);
	inputs_free(&m.inputs);
	depinfo_release(&m.depinfo);
	buf_free(&m.depinfo_text);
	return r;
}

void
store_result_extras(struct store_result *k)
{
	struct manifest known = { 0 };
	struct made m = { 0 };

	if (manifest_load(&k->job->store, &k->job->k0, &known) < 0)
		return;
	if (known.count && read_depinfo(k, &m) == 0)
		depinfo_inputs_add(k->job, &known.rec[0].inputs, &m.depinfo,
				   depinfo_path(k), &m.depinfo_text);
	manifest_release(&known);
	depinfo_release(&m.depinfo);
	buf_free(&m.depinfo_text);
}
