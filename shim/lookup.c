/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/lookup.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "key/inputs.h"
#include "rustc/depinfo.h"
#include "rustc/outname.h"
#include "shim/path_bound.h"
#include "shim/invocation.h"
#include "store/entry.h"
#include "store/manifest.h"
#include "store/restore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static void
add_json(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_char(b, '\\');
		buf_char(b, *s);
	}
}

static void
artifact(struct invocation *j, const struct entry_output *o, struct buf *b)
{
	static const char *const emit[] = { "metadata", "link", "dep-info" };

	buf_str(b, "{\"$message_type\":\"artifact\",\"artifact\":\"");
	add_json(b, j->args.out_dir);
	buf_char(b, '/');
	add_json(b, o->name);
	buf_fmt(b, "\",\"emit\":\"%s\"}\n", emit[o->role]);
}

/* Metadata first: cargo starts dependents on that line.  0 or -errno. */
static int
speak(struct invocation *j, const struct entry *e)
{
	struct buf out = { 0 }, err = { 0 };
	int r;

	for (int role = ENTRY_METADATA; role <= ENTRY_DEPINFO; role++)
		for (size_t i = 0; i < e->nout; i++)
			if ((int)e->out[i].role == role)
				artifact(j, &e->out[i], &err);
	roots_unmap(&j->roots, e->stdout_text.p ? e->stdout_text.p : "",
		    e->stdout_text.len, &out);
	roots_unmap(&j->roots, e->stderr_text.p ? e->stderr_text.p : "",
		    e->stderr_text.len, &err);
	r = out.failed || err.failed ? -ENOMEM : 0;
	if (r == 0 && out.len)
		r = file_write_fd(1, out.p, out.len);
	if (r == 0 && err.len)
		r = file_write_fd(2, err.p, err.len);
	buf_free(&out);
	buf_free(&err);
	return r;
}

/* At K1, else, for results with diagnostics, at the key of their form.  A
 * redirect leads to the entry of these roots. */
static int
find(struct invocation *j, const struct digest *k1, struct entry *e,
     struct digest *at)
{
	int r;

	*at = *k1;
	r = entry_load(&j->store, at, e);
	if (r == ERR_MISS) {
		path_bound_tagged(k1, &j->tag, at);
		r = entry_load(&j->store, at, e);
	}
	if (r == 0 && e->roots[0] && !e->nout) {
		struct digest to;

		r = path_bound_key(at, e->roots, &j->roots, &to);
		entry_release(e);
		if (r == 0)
			r = entry_load(&j->store, &to, e);
		*at = to;
	}
	return r;
}

/* What a remote gave may only be called as rustc would have called it: one
 * more file could stand in for another crate. */
static bool
names_fit(const struct invocation *j, const struct entry *e)
{
	const struct args *a = &j->args;

	for (size_t i = 0; i < e->nout; i++)
		if (!outname_fits(a->crate_name, a->extra_filename,
				  e->out[i].name))
			return false;
	return true;
}

static bool
serve(struct invocation *j, const struct entry *e, const struct digest *at)
{
	struct buf depinfo = { 0 };
	struct restore r = {
		.store = &j->store,
		.memo = &j->memo,
		.entry = e,
		.dir = j->args.out_dir,
		.depinfo = &depinfo,
	};
	int64_t start = file_monotonic();
	int n;

	if (e->origin && !names_fit(j, e)) {
		log_msg(LOG_ERROR,
			"%s: a remote result names files that are "
			"not its own",
			j->args.crate_name);
		return false;
	}
	n = depinfo_expand(e->depinfo.p ? e->depinfo.p : "", e->depinfo.len,
			   &j->roots, invocation_getenv, &depinfo);

	if (n == 0)
		n = depinfo.failed ? ERR_TOOBIG : restore_outputs(&r);
	if (n < 0)
		log_msg(n == ERR_MISS ? LOG_INFO : LOG_ERROR,
			"%s: not restored: %s", j->args.crate_name,
			err_text(n));
	buf_free(&depinfo);
	if (n < 0)
		return false;
	/* What rustc does where it cannot say what it has to say. */
	if (speak(j, e) < 0)
		invocation_pass(j, "lost-output");
	entry_touch(&j->store, at);
	j->event.restore_us = invocation_us(start);
	j->event.bytes = r.bytes;
	j->event.saved_us = e->compile_us;
	return true;
}

static bool
try_inputs(struct invocation *j, const struct digest *k0,
	   const struct manifest_record *rec, bool newest)
{
	struct inputs_env env = {
		.memo = &j->memo,
		.roots = &j->roots,
		.get = invocation_getenv,
		.all = environ,
		.cwd = j->cwd,
		.externs = j->externs,
		.nexterns = j->args.nexterns,
	};
	struct digest k1, at;
	struct entry e = { 0 };
	bool served;

	if (inputs_key(&rec->inputs, &env, k0, &k1, NULL) < 0)
		return false;
	if (newest) {
		j->k1 = k1;
		j->k1_known = 1;
	}
	if (find(j, &k1, &e, &at) < 0)
		return false;
	served = serve(j, &e, &at);
	if (served) {
		j->event.k1 = k1;
		j->event.at = at;
		j->prefetched = e.origin == ENTRY_PREFETCHED &&
				entry_take_fresh(&j->store, &at);
	}
	entry_release(&e);
	return served;
}

static bool
try_key(struct invocation *j, const struct digest *k0, bool first)
{
	struct manifest m = { 0 };
	bool served = false;

	if (manifest_load(&j->store, k0, &m) < 0)
		return false;
	if (first && m.count) {
		j->newest_us = m.rec[0].compile_us;
		j->newest_ms = m.rec[0].stored_ms;
	}
	for (size_t i = 0; i < m.count && !served; i++)
		served = try_inputs(j, k0, &m.rec[i], first && i == 0);
	manifest_release(&m);
	return served;
}

bool
lookup(struct invocation *j)
{
	int64_t start = file_monotonic();
	bool served = false;

	if (j->externs) {
		served = try_key(j, &j->k0, true);
		if (!served && j->args.incremental)
			served = try_key(j, &j->k0_plain, false);
	}
	j->event.lookup_us = invocation_us(start) - j->event.restore_us;
	return served;
}
