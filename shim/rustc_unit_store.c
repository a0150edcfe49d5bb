/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/rustc_unit_store.h"

#include "base/err.h"
#include "base/file.h"
#include "key/clippy.h"
#include "key/derive.h"
#include "rustc/depinfo.h"
#include "shim/compile.h"
#include "shim/compiler.h"
#include "shim/debuginfo_outputs.h"
#include "shim/depinfo_inputs.h"
#include "shim/env_exempt.h"
#include "shim/invocation.h"
#include "shim/path_bound.h"
#include "shim/run.h"
#include "shim/store_result.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/manifest.h"
#include "store/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { DEPINFO_MAX = 32 << 20 };

struct unit_result {
	struct buf depinfo_text;
	struct depinfo depinfo;
	/* Of the outputs; those behind the announced ones are ours to free. */
	char *paths[ENTRY_OUTPUTS_MAX];
	size_t nannounced;
	char tags[PATH_BOUND_TAGS];
};

static const char *const emit_words[] = { "metadata", "link", "dep-info" };
enum { ROLES = 3 };

const char *
unit_emit_word(int role)
{
	return emit_words[role];
}

static int
role_of(const char *emit)
{
	for (int i = 0; i < ROLES; i++)
		if (!strcmp(emit, emit_words[i]))
			return i;
	return -1;
}

static const char *
refuses(const struct result *r)
{
	return r->job->readable ? NULL : "extern";
}

static int
add_output(struct result *r, char *path, enum entry_role role)
{
	const char *name = path + strlen(r->job->args.out_dir) + 1;
	struct unit_result *u = r->own;
	struct entry_output *e = &r->entry.out[r->entry.nout];

	u->paths[r->entry.nout++] = path;
	*e = (struct entry_output){ .role = role };
	if (!entry_name_ok(name, strlen(name)))
		return result_refuse(r, ERR_REFUSED, "output", name);
	memcpy(e->name, name, strlen(name) + 1);
	return 0;
}

/* Outputs must lie directly in --out-dir: a hit puts them there. */
static int
add_announced(struct result *r, const struct announcement *o)
{
	const char *out_dir = r->job->args.out_dir;
	size_t dir = strlen(out_dir);
	int role = role_of(o->emit);

	if (role < 0 || r->entry.nout == ENTRY_OUTPUTS_MAX)
		return result_refuse(r, ERR_REFUSED, "emit", o->emit);
	if (strncmp(o->path, out_dir, dir) || o->path[dir] != '/')
		return result_refuse(r, ERR_REFUSED, "output", o->path);
	return add_output(r, o->path, (enum entry_role)role);
}

static const char *
depinfo_path(const struct result *r)
{
	const struct run *run = r->compile->run;

	for (size_t i = 0; i < run->nout; i++)
		if (role_of(run->out[i].emit) == ENTRY_DEPINFO)
			return run->out[i].path;
	return NULL;
}

static int
read_depinfo(struct result *r)
{
	struct unit_result *u = r->own;
	const char *path = depinfo_path(r);
	int e;

	if (!path)
		return result_refuse(r, ERR_REFUSED, "no-dep-info", NULL);
	e = file_read(AT_FDCWD, path, DEPINFO_MAX, &u->depinfo_text);
	if (e == 0)
		e = depinfo_read(u->depinfo_text.p, u->depinfo_text.len,
				 &u->depinfo);
	return e ? result_refuse(r, e, "dep-info", err_text(e)) : 0;
}

static int
outputs(struct result *r)
{
	const struct run *run = r->compile->run;
	struct unit_result *u = r->own;
	int e = 0;

	for (size_t i = 0; i < run->nout && e == 0; i++)
		e = add_announced(r, &run->out[i]);
	if (e == 0 && (!depinfo_path(r) || r->entry.nout < 2))
		e = result_refuse(r, ERR_REFUSED, "outputs-not-announced",
				  NULL);
	u->nannounced = r->entry.nout;
	return e ? e : read_depinfo(r);
}

/* Debug information that lies beside the outputs goes with them. */
static int
add_beside(struct result *r)
{
	struct unit_result *u = r->own;
	size_t first = r->entry.nout;
	int n = debuginfo_outputs_find(&r->job->args, &r->trace, u->paths,
				       first, ENTRY_OUTPUTS_MAX);
	int e = 0;

	if (n < 0)
		return result_refuse(r, n, "split-debuginfo", err_text(n));
	for (size_t i = first; i < (size_t)n; i++) {
		int one = add_output(r, u->paths[i], ENTRY_SIDE);

		e = e ? e : one;
	}
	return e;
}

static int
describe(struct result *r, struct derive *d)
{
	struct invocation *j = r->job;
	struct unit_result *u = r->own;
	int e = add_beside(r);

	d->depinfo = &u->depinfo;
	d->outputs = (const char *const *)u->paths;
	d->noutputs = r->entry.nout;
	d->externs = j->extern_ids;
	d->places = j->places;
	d->spared = env_exempt_has;
	d->spared_ctx = &j->store;
	/* No witness in another place checks what it makes of it. */
	d->raw_env = r->seen.foreign;
	d->rules = j->compiler->beside ? &derive_clippy_rules
				       : &derive_compile_rules;
	return e;
}

/* What configures the compiler above cwd is in K0, since before the compile. */
static const char *
changed(struct result *r)
{
	struct invocation *j = r->job;
	struct clippy_in in = { invocation_getenv, j->cwd, &j->memo };
	struct digest now;

	if (j->compiler->conf &&
	    (j->compiler->conf(&in, &now) < 0 || !digest_eq(&now, &j->conf)))
		return "clippy.toml";
	return invocation_same_toolchain(j, j->argv[1], j->args.target,
					 &r->trace)
		       ? NULL
		       : j->argv[1];
}

static void
scan_text(struct result *r, const struct buf *from, struct buf *to)
{
	struct unit_result *u = r->own;

	if (!from->len)
		return;
	buf_add(to, from->p, from->len);
	path_bound_scan(&r->job->roots, from->p, from->len, u->tags);
	secret_set_scan(&r->secrets, from->p, from->len);
}

static int
collect(struct result *r)
{
	const struct run *run = r->compile->run;
	struct unit_result *u = r->own;
	int e;

	/* With what cargo shall know, and cannot from rustc. */
	e = depinfo_inputs_add(r->job, &r->inputs, &u->depinfo, depinfo_path(r),
			       &u->depinfo_text);
	if (e == 0)
		e = depinfo_neutral(u->depinfo_text.p, u->depinfo_text.len,
				    &r->job->roots, &r->entry.depinfo);
	if (e < 0)
		return result_refuse(r, e, "dep-info", err_text(e));
	buf_str(&r->entry.crate, r->job->args.crate_name);
	scan_text(r, &run->out_text, &r->entry.stdout_text);
	scan_text(r, &run->err_text, &r->entry.stderr_text);
	return 0;
}

static int
put_output(struct result *r, size_t i)
{
	struct invocation *j = r->job;
	struct unit_result *u = r->own;
	struct entry_output *o = &r->entry.out[i];
	size_t n = strlen(o->name);
	struct blob_put put = { .path = u->paths[i] };
	int e;

	if (o->role == ENTRY_DEPINFO)
		return 0;
	put.link = n > 6 && (!strcmp(o->name + n - 6, ".rmeta") ||
			     !strcmp(o->name + n - 5, ".rlib"));
	e = path_bound_scan_file(&j->roots, r->offered ? &r->secrets : NULL,
				 put.path, u->tags);
	if (e == 0)
		e = blob_put(&j->store, &j->memo, &put, &o->blob);
	if (e < 0)
		return result_refuse(r, e, "blob", err_text(e));
	o->exec = put.exec;
	o->size = put.size;
	j->event.bytes += put.size;
	r->duplicate &= put.existed;
	return 0;
}

static int
put(struct result *r)
{
	int e = 0;

	r->duplicate = true;
	for (size_t i = 0; i < r->entry.nout && e == 0; i++)
		e = put_output(r, i);
	return e;
}

/* Where a path-bound entry would lie, a redirect tells which roots bind it, so
 * that checkouts do not overwrite each other. */
static int
redirect(struct result *r, const struct digest *from, struct digest *to)
{
	struct unit_result *u = r->own;
	struct entry *e = calloc(1, sizeof(*e));
	int n = e ? path_bound_key(from, u->tags, &r->job->roots, to) : -ENOMEM;

	if (n == 0) {
		e->stored_ms = r->entry.stored_ms;
		e->k0 = r->entry.k0;
		e->inputs = r->entry.inputs;
		e->kind = r->entry.kind;
		e->crate = r->entry.crate;
		memcpy(e->roots, u->tags, sizeof(u->tags));
		n = entry_save(&r->job->store, from, e);
	}
	free(e);
	return n;
}

static int
publish(struct result *r)
{
	struct invocation *j = r->job;
	struct unit_result *u = r->own;
	struct digest at = r->k1, bound;
	int e = 0;

	if (r->entry.stdout_text.len || r->entry.stderr_text.len) {
		path_bound_tagged(&r->k1, &j->tag, &at);
		r->tag = &j->tag;
	}
	r->bound = u->tags[0] != '\0';
	if (r->bound) {
		e = redirect(r, &at, &bound);
		memcpy(r->entry.roots, u->tags, sizeof(u->tags));
		result_lies_at(r, &bound);
	}
	result_lies_at(r, &at);
	e = e ? e
	      : publish_entry(&j->store, &j->memo, &r->lies[0], &r->entry,
			      (const char *const *)u->paths);
	if (e < 0)
		return result_refuse(r, e, "entry", err_text(e));
	env_exempt_note(&j->store, &r->inputs, &r->entry, j->places);
	return 0;
}

/* Cargo is told of the inputs that the result stored last had. */
static void
unstored(struct result *r)
{
	struct unit_result *u = r->own;
	struct manifest known = { 0 };

	if (manifest_load(&r->job->store, &r->job->k0, &known) < 0)
		return;
	/* As the file is by now. */
	depinfo_release(&u->depinfo);
	memset(&u->depinfo, 0, sizeof(u->depinfo));
	buf_free(&u->depinfo_text);
	if (known.count && read_depinfo(r) == 0)
		depinfo_inputs_add(r->job, &known.rec[0].inputs, &u->depinfo,
				   depinfo_path(r), &u->depinfo_text);
	manifest_release(&known);
}

static void
release(struct result *r)
{
	struct unit_result *u = r->own;

	for (size_t i = u->nannounced; i < r->entry.nout; i++)
		free(u->paths[i]);
	depinfo_release(&u->depinfo);
	buf_free(&u->depinfo_text);
}

const struct kind_store unit_store = {
	.own_size = sizeof(struct unit_result),
	.refuses = refuses,
	.outputs = outputs,
	.describe = describe,
	.changed = changed,
	.collect = collect,
	.put = put,
	.publish = publish,
	.unstored = unstored,
	.release = release,
};
