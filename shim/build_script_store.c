/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/build_script_store.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memfind.h"
#include "key/derive.h"
#include "key/inputs.h"
#include "key/trace.h"
#include "key/vet.h"
#include "key/witness.h"
#include "rustc/depinfo.h"
#include "rustc/relocatable.h"
#include "shim/path_bound.h"
#include "shim/invocation.h"
#include "shim/store_result.h"
#include "shim/upload_policy.h"
#include "shim/run.h"
#include "shim/secret_scan.h"
#include "shim/auto_gc.h"
#include "shim/observability.h"
#include "shim/observation.h"
#include "shim/explain.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/manifest.h"
#include "store/outdir_archive.h"
#include "store/publish.h"
#include "store/rerun.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHORT_PATH = 8, STORED_MAX = 4, SLOW_US = 500000 };

extern char **environ;

struct made {
	struct entry entry;
	struct inputs inputs;
	struct digest k1;
	struct derive learn;
	char tags[WITNESS_PLACES + 1];
	struct roots keyed; /* those of the tags */
	char archive[4200]; /* the file it is made in; "" without one */
	const char *path;   /* PATH, if it is long enough to be told apart */
	bool names_path;    /* the result spells it */
	bool duplicate;
	struct digest stored[STORED_MAX]; /* where entries lie now */
	size_t nstored;
	bool first;   /* nobody bore witness before */
	bool offered; /* there is somebody to offer it to */
	const char *stays;
	struct secret_scan_set secrets;
};

static int
refuse(struct build_script_store *k, int code, const char *why,
       const char *what)
{
	if (!k->reason[0])
		snprintf(k->reason, sizeof(k->reason), "%s%s%s", why,
			 what ? ":" : "", what ? what : "");
	return code;
}

static int
learn(struct build_script_store *k, struct made *m, const struct trace *t,
      const struct observability *v)
{
	static const struct depinfo none;
	struct invocation *j = k->job;
	int r;

	m->learn = (struct derive){
		.trace = t,
		.depinfo = &none,
		.args = &j->args,
		.roots = &j->roots,
		.memo = &j->memo,
		.toolchain = &j->toolchain,
		.system = &j->system,
		.cwd = j->cwd,
		.observer = k->watched->observer,
		.started = k->watched->started,
		.run = true,
		.was_empty = k->was_empty,
		.program = k->run->program,
		.declared = j->declared,
		.whole_env = v->iterates,
		.cc_env = v->cc,
		.cpu = v->cpu,
		.host = v->host,
		.cpus = v->cpus,
		.uses = v->uses,
	};
	r = derive_inputs(&m->learn, &m->inputs);
	if (r < 0)
		refuse(k, r, m->learn.reason[0] ? m->learn.reason : err_text(r),
		       NULL);
	return r;
}

static bool
is_own(void *ctx, const char *path)
{
	const struct made *m = ctx;

	return derive_made(&m->learn, path);
}

/* PATH itself is in no key, only the programs found over it are. */
static void
see(void *ctx, const char *p, size_t n)
{
	struct made *m = ctx;

	if (m->path && memfind(p, n, m->path, strlen(m->path)))
		m->names_path = true;
}

static int
pack(struct build_script_store *k, struct made *m)
{
	struct invocation *j = k->job;
	struct outdir_in in = { .dir = j->args.out_dir,
				.roots = &m->keyed,
				.is_own = k->was_empty ? NULL : is_own,
				.since = k->watched->started,
				.see = see,
				.ctx = m };
	char name[STORE_NAME], bad[120] = "", why[160];
	int fd, r;

	in.bad = bad;
	in.bad_room = sizeof(bad);
	store_tmp(&j->store, name);
	fd = openat(j->store.dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return refuse(k, -errno, "archive", strerror(errno));
	snprintf(m->archive, sizeof(m->archive), "%s/%s", j->cache_dir, name);
	r = outdir_pack(&in, fd);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	snprintf(why, sizeof(why), "%s%s%s", err_text(r), bad[0] ? ":" : "",
		 bad);
	return r < 0 ? refuse(k, r, "archive", why) : 0;
}

static int
take_text(struct build_script_store *k, struct made *m, const struct buf *from,
	  struct buf *to)
{
	if (!from->len)
		return 0;
	if (!relocatable_is_text(from->p, from->len))
		return refuse(k, ERR_REFUSED, "output-not-text", NULL);
	see(m, from->p, from->len);
	secret_set_scan(&m->secrets, from->p, from->len);
	/* Entries are read by more than blobs are: by kache verify, and by
	 * whoever looks for what went wrong. */
	if (m->secrets.found)
		return refuse(k, ERR_REFUSED, "secret", NULL);
	relocatable_text(&m->keyed, from->p, from->len, to);
	return to->failed ? refuse(k, -ENOMEM, "memory", NULL) : 0;
}

static int
make_k1(struct build_script_store *k, struct made *m)
{
	struct invocation *j = k->job;
	struct inputs_env env = { .memo = &j->memo,
				  .roots = &j->roots,
				  .get = invocation_getenv,
				  .all = environ,
				  .cwd = j->cwd,
				  .run = true,
				  .filled = true };
	size_t bad = 0;
	int r = 0;

	if (m->names_path) {
		r = inputs_add(&m->inputs, 'v', "PATH", 4);
		r = r ? r : inputs_finish(&m->inputs);
	}
	r = r ? r : inputs_key(&m->inputs, &env, &j->k0, &m->k1, &bad);
	if (r < 0)
		return refuse(k, r, "input",
			      m->inputs.count ? inputs_item(&m->inputs, bad)
					      : NULL);
	r = witness_tags(&m->inputs, &j->roots, invocation_getenv, m->tags);
	if (r < 0)
		return refuse(k, r, "memory", NULL);
	/* The digests must be of what the script read. */
	r = derive_verify(&m->learn);
	if (r < 0)
		return refuse(k, r, m->learn.reason, NULL);
	explain_remember(j, &j->k0, &m->inputs, &env);
	return 0;
}

static int
put_blob(struct build_script_store *k, struct made *m)
{
	struct invocation *j = k->job;
	struct entry_output *o = &m->entry.out[0];
	struct blob_put put = { .path = m->archive, .link = true };
	int r = blob_put(&j->store, &j->memo, &put, &o->blob);

	if (r < 0)
		return refuse(k, r, "blob", err_text(r));
	/* A pack takes no outputs but those named after their crate. */
	snprintf(o->name, sizeof(o->name), "%s.out", m->entry.crate.p);
	o->role = ENTRY_LINK;
	o->size = put.size;
	m->entry.nout = 1;
	m->duplicate = put.existed;
	j->event.bytes = put.size;
	return 0;
}

/* What names this place outside of text, or a secret, stays here. */
static int
look_for_names(struct build_script_store *k, struct made *m)
{
	const struct invocation *j = k->job;
	struct roots raw = j->roots;
	char found[PATH_BOUND_TAGS] = "";
	struct upload_policy o = { .k1 = &m->k1, .at = &m->k1 };
	int r;

	if (!m->offered)
		return 0;
	for (size_t i = 0; i < raw.count; i++)
		raw.r[i].to = "/";
	r = path_bound_scan_file(&raw, &m->secrets, m->archive, found);
	o.secret = m->secrets.found;
	o.bound = found[0] ? &m->k1 : NULL;
	if (r == 0)
		m->stays = upload_policy_refuses(j, &o, &m->inputs);
	return r < 0 ? refuse(k, r, "archive", err_text(r)) : 0;
}

static int
inputs(struct build_script_store *k, struct made *m, struct trace *t)
{
	int r = trace_read(k->watched->trace, t);
	struct observability v = { 0 };

	if (r < 0)
		return refuse(k, r, "no-trace", err_text(r));
	if (trace_alive(t))
		return refuse(k, ERR_REFUSED, "unseen:still-running", NULL);
	observability_prepare(k->job, t);
	if (!observability_for(k->job, t, &v, k->reason, sizeof(k->reason))) {
		if (!k->job->declared)
			return ERR_REFUSED;
		k->reason[0] = '\0';
		memset(&v, 0, sizeof(v));
	}
	r = learn(k, m, t, &v);
	observability_release(&v);
	m->learn.uses = NULL;
	if (r == 0 &&
	    !invocation_same_toolchain(k->job, getenv("RUSTC"),
				       k->job->toolchain.target, NULL))
		r = refuse(k, ERR_CHANGED, "raced", getenv("RUSTC"));
	return r;
}

/* As rustc would call it: `kache purge` takes either. */
static void
name_crate(struct buf *to, const char *package)
{
	for (; *package; package++)
		buf_char(to, *package == '-' ? '_' : *package);
}

/* A path that the script did not get from its place, but from a file say, is
 * left as it is: its place is not in the key. */
static int
choose_roots(struct build_script_store *k, struct made *m)
{
	const struct roots *all = &k->job->roots;
	int r = witness_tags(&m->inputs, all, invocation_getenv, m->tags);

	m->keyed.count = 0;
	for (size_t i = 0; i < all->count && r == 0; i++)
		if (strchr(m->tags, all->r[i].tag))
			m->keyed.r[m->keyed.count++] = all->r[i];
	return r ? refuse(k, r, "memory", NULL) : 0;
}

static int
make(struct build_script_store *k, struct made *m)
{
	const char *path = getenv("PATH");
	struct trace t = { 0 };
	int r;

	m->offered = !k->job->islanded && upload_policy_wanted(k->job);
	secret_set_collect(&m->secrets, environ,
			   k->job->config.v[CONFIG_PRIVACY_NEVER_UPLOAD].text);
	name_crate(&m->entry.crate, k->job->event.crate);
	if (m->entry.crate.failed)
		return refuse(k, -ENOMEM, "memory", NULL);
	m->path = path && strlen(path) > SHORT_PATH ? path : NULL;
	r = inputs(k, m, &t);
	r = r ? r : choose_roots(k, m);
	r = r ? r : take_text(k, m, &k->run->out_text, &m->entry.stdout_text);
	r = r ? r : take_text(k, m, &k->run->err_text, &m->entry.stderr_text);
	r = r ? r : pack(k, m);
	r = r ? r : make_k1(k, m);
	r = r ? r : look_for_names(k, m);
	r = r ? r : put_blob(k, m);
	derive_release(&m->learn);
	trace_free(&t);
	return r;
}

/* The record of the first run K1 anywhere, which lies at K1 itself. */
static int
first_witness(struct invocation *j, const struct digest *k1,
	      struct witness *out)
{
	struct entry e = { 0 };
	int r = entry_load(&j->store, k1, &e);

	if (r < 0)
		return r;
	r = e.kind == ARGS_RUN && !e.nout && e.depinfo.len
		    ? witness_read(e.depinfo.p, e.depinfo.len, out)
		    : ERR_MISS;
	entry_release(&e);
	return r;
}

static int
save_witness(struct build_script_store *k, struct made *m,
	     const struct witness *w)
{
	struct entry e = { .stored_ms = m->entry.stored_ms,
			   .kind = ARGS_RUN,
			   .k0 = m->entry.k0,
			   .inputs = m->entry.inputs,
			   .crate = m->entry.crate };
	int r;

	memcpy(e.roots, m->tags, sizeof(m->tags));
	witness_write(w, &e.depinfo);
	r = e.depinfo.failed ? -ENOMEM : entry_save(&k->job->store, &m->k1, &e);
	buf_free(&e.depinfo);
	if (r == 0) {
		m->stored[m->nstored++] = m->k1;
		m->first = true;
	}
	return r;
}

static int
publish_at(struct build_script_store *k, struct made *m, int reach)
{
	const char *paths[] = { m->archive };
	struct digest at;
	int r;

	witness_key(&m->k1, &k->job->roots, m->tags, reach, &at);
	r = publish_entry(&k->job->store, &k->job->memo, &at, &m->entry, paths);
	/* Nobody asks a remote for what a name goes with: shim/ask. */
	if (r == 0 && reach != WITNESS_NAMED)
		m->stored[m->nstored++] = at;
	return r;
}

static bool
was_contradicted(struct build_script_store *k, const struct made *m)
{
	char name[STORE_NAME];
	struct digest at;

	witness_key(&m->k1, &k->job->roots, m->tags, WITNESS_REACHES, &at);
	store_name("entries", &at, name);
	return faccessat(k->job->store.dir, name, F_OK, 0) == 0;
}

/* What two runs must have made alike: files, and what cargo is told. */
static void
content_of(const struct entry *e, struct digest *out)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "kache-run-content-1");
	digest_sub(&c, &e->out[0].blob);
	if (e->stdout_text.len)
		witness_speech(&c, e->stdout_text.p, e->stdout_text.len);
	digest_end(&c, out);
}

static int
bear_witness(struct build_script_store *k, struct made *m)
{
	struct invocation *j = k->job;
	struct witness first, now;
	struct digest content;
	int r;

	content_of(&m->entry, &content);
	witness_here(&j->roots, m->tags, &content, &now);
	r = first_witness(j, &m->k1, &first);
	if (r == ERR_NEWER)
		return r;
	if (r < 0)
		return save_witness(k, m, &now);
	r = witness_compare(&first, &now, &j->roots);
	if (r == ERR_CHANGED)
		return publish_at(k, m, WITNESS_REACHES);
	if (r == WITNESS_HERE || was_contradicted(k, m))
		return 0;
	return publish_at(k, m, r);
}

/* The workspace as it is in the roots. */
static const char *
root_path(const struct invocation *j, char tag)
{
	for (size_t i = 0; i < j->roots.count; i++)
		if (j->roots.r[i].tag == tag)
			return j->roots.r[i].path;
	return "";
}

static bool
has_item(const struct inputs *s, const char *kinds, const char *name)
{
	for (size_t i = 0; i < s->count; i++) {
		const char *item = inputs_item(s, i);

		if (strchr(kinds, item[0]) &&
		    (!name || !strcmp(item + 1, name)))
			return true;
	}
	return false;
}

/* What the run can have used: what it asked for, what cargo sets, and all if
 * it took in all; never what looks like a secret, nor an address with one. */
static bool
may_be_noted(const struct build_script_store *k, const struct made *m,
	     const char *var)
{
	static const char *const begins[] = { "CARGO", "RUST", "DEP_", "KACHE_",
					      "LC_" };
	static const char *const names[] = {
		"PATH",     "HOME",    "OUT_DIR", "HOST",
		"TARGET",   "PROFILE", "DEBUG",   "OPT_LEVEL",
		"NUM_JOBS", "TMPDIR",  "LANG",    "LD_LIBRARY_PATH"
	};
	const char *more = k->job->config.v[CONFIG_PRIVACY_NEVER_UPLOAD].text;
	const char *scheme = strstr(var, "://");
	size_t n = strcspn(var, "=");
	char name[256];
	bool wanted;

	if (n >= sizeof(name) || (scheme && strchr(scheme, '@')))
		return false;
	memcpy(name, var, n);
	name[n] = '\0';
	wanted = has_item(&m->inputs, "E", NULL) ||
		 has_item(&m->inputs, "vw", name);
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins) && !wanted; i++)
		wanted = !strncmp(name, begins[i], strlen(begins[i]));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !wanted; i++)
		wanted = !strcmp(name, names[i]);
	return wanted && !vet_secret(name, more);
}

/* For `kache drain`, which bears witness of what was slow.  A secret is not
 * written down: a script that asks for one then has another key. */
static void
note_rerun(struct build_script_store *k, const struct made *m)
{
	struct invocation *j = k->job;
	struct rerun r = { 0 };

	buf_str(&r.program, j->argv[1]);
	buf_str(&r.argv0, j->argc > 2 ? j->argv[2] : j->argv[1]);
	buf_str(&r.cwd, j->cwd);
	buf_str(&r.out_dir, j->args.out_dir);
	buf_str(&r.target, j->target);
	buf_str(&r.workspace, root_path(j, 'W'));
	for (char *const *e = environ; *e; e++)
		if (may_be_noted(k, m, *e))
			buf_add(&r.env, *e, strlen(*e) + 1);
	if (!r.env.failed && rerun_save(&j->store, &m->k1, &r) < 0)
		log_msg(LOG_INFO, "%s: cannot be noted to be run again",
			j->event.crate);
	rerun_release(&r);
}

static int
commit(struct build_script_store *k, struct made *m)
{
	struct invocation *j = k->job;
	struct entry *e = &m->entry;
	struct manifest_record rec = { .last_k1 = m->k1,
				       .compile_us = k->run_us };
	int r;

	rec.stored_ms = e->stored_ms = (uint64_t)file_now() / 1000000;
	e->compile_us = k->run_us;
	e->kind = ARGS_RUN;
	e->k0 = j->k0;
	inputs_digest(&m->inputs, &e->inputs);
	/* What names a place by its key lies where only who asks can tell
	 * whether it is the one: for remotes it is a bound entry. */
	memcpy(e->roots, m->tags, sizeof(m->tags));
	r = publish_at(k, m, WITNESS_HERE);
	r = r ? r : bear_witness(k, m);
	if (r < 0)
		return refuse(k, r, "entry", err_text(r));
	if (m->offered && !m->stays && m->first && k->run_us >= SLOW_US)
		note_rerun(k, m);
	rec.inputs = m->inputs;
	memset(&m->inputs, 0, sizeof(m->inputs));
	r = manifest_add(&j->store, &j->k0, &rec);
	inputs_free(&rec.inputs);
	if (r < 0)
		return refuse(k, r, "manifest", err_text(r));
	j->event.k1 = m->k1;
	j->event.at = m->stored[0];
	/* After the manifest: the daemon takes the input list from there. */
	if (m->offered && !m->stays)
		upload_policy_runs(j, m->stored, m->nstored, &m->k1,
				   &e->inputs);
	return 0;
}

uint32_t
build_script_out_mode(const struct invocation *j)
{
	struct stat st;

	return lstat(j->args.out_dir, &st) < 0 ? 0 : st.st_mode;
}

static int
store(struct build_script_store *k, struct made *m)
{
	int r;

	if (k->run->status)
		return refuse(k, ERR_REFUSED, "exit", NULL);
	/* An archive holds what is in it, and cargo makes it. */
	if (build_script_out_mode(k->job) != k->out_mode)
		return refuse(k, ERR_REFUSED, "out-dir", NULL);
	if (k->watched->stepped)
		return refuse(k, ERR_REFUSED, "clock-stepped", NULL);
	if (k->run->overflow)
		return refuse(k, ERR_TOOBIG, "too-much-output", NULL);
	if (!store_result_has_space(k->job))
		return refuse(k, ERR_REFUSED, "min_free", NULL);
	r = make(k, m);
	return r ? r : commit(k, m);
}

void
build_script_store(struct build_script_store *k)
{
	struct invocation *j = k->job;
	struct made m = { 0 };
	char reason[640];
	int64_t start = file_monotonic();
	int r = store(k, &m), code = run_code(k->run->status);

	if (m.archive[0])
		unlink(m.archive);
	observation_forget(k->watched);
	j->event.store_us = invocation_us(start);
	if (r < 0)
		snprintf(reason, sizeof(reason), "not_stored:%s", k->reason);
	else if (m.stays)
		snprintf(reason, sizeof(reason), "local:%s", m.stays);
	else
		snprintf(reason, sizeof(reason), "%s", k->why);
	invocation_say(j, r == 0 && m.duplicate ? "dup" : "miss",
		       k->run->status || !reason[0] ? NULL : reason, code);
	if (r == 0)
		auto_gc_after_store(j, j->event.bytes);
	else
		log_msg(LOG_INFO, "%s: build script: %s", j->event.crate,
			reason);
	entry_release(&m.entry);
	inputs_free(&m.inputs);
}
