/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/kind.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "rustc/depinfo.h"
#include "rustc/outname.h"
#include "shim/compile.h"
#include "shim/compiler.h"
#include "shim/invocation.h"
#include "shim/launcher.h"
#include "shim/path_bound.h"
#include "shim/remote_query.h"
#include "shim/rustc_unit_store.h"
#include "store/entry.h"
#include "store/restore.h"
#include "store/unit_manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
key_list(struct invocation *j, struct buf *list)
{
	struct digest k0;

	return invocation_unit_key(j, j->args.incremental != NULL, &k0, list);
}

static void
untouched(const struct invocation *j, struct command *c)
{
	c->program = j->argv[1];
	c->argv = j->argv + 1;
}

/* At K1, else, for results with diagnostics, at the key of their form. */
static int
places(const struct invocation *j, const struct inputs *s,
       const struct digest *k1, struct digest *at)
{
	(void)s;
	at[0] = *k1;
	path_bound_tagged(k1, &j->tag, &at[1]);
	return 2;
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

/* Metadata first: cargo starts dependents on that line. */
static void
announce(const struct invocation *j, const struct entry *e, struct buf *to)
{
	for (int role = ENTRY_METADATA; role <= ENTRY_DEPINFO; role++)
		for (size_t i = 0; i < e->nout; i++)
			if ((int)e->out[i].role == role)
				announcement_write(j->args.out_dir,
						   e->out[i].name,
						   unit_emit_word(role), to);
}

static int
speak(const struct invocation *j, const struct entry *e, bool *lost)
{
	struct buf out = { 0 }, err = { 0 };
	int r;

	announce(j, e, &err);
	roots_unmap(&j->roots, e->stdout_text.p ? e->stdout_text.p : "",
		    e->stdout_text.len, &out);
	roots_unmap(&j->roots, e->stderr_text.p ? e->stderr_text.p : "",
		    e->stderr_text.len, &err);
	r = out.failed || err.failed ? -ENOMEM : 0;
	if (r == 0 && out.len)
		r = file_write_fd(1, out.p, out.len);
	if (r == 0 && err.len)
		r = file_write_fd(2, err.p, err.len);
	*lost = r < 0;
	buf_free(&out);
	buf_free(&err);
	return r;
}

static int
put_outputs(struct invocation *j, const struct entry *e)
{
	struct buf depinfo = { 0 };
	struct restore put = {
		.store = &j->store,
		.memo = &j->memo,
		.entry = e,
		.dir = j->args.out_dir,
		.depinfo = &depinfo,
	};
	int r = depinfo_expand(e->depinfo.p ? e->depinfo.p : "", e->depinfo.len,
			       &j->roots, invocation_getenv, &depinfo);

	if (r == 0)
		r = depinfo.failed ? ERR_TOOBIG : restore_outputs(&put);
	if (r == 0)
		j->event.bytes = put.bytes;
	buf_free(&depinfo);
	return r;
}

static int
restore(struct invocation *j, const struct entry *e, bool *lost)
{
	int r;

	if (e->origin && !names_fit(j, e)) {
		log_msg(LOG_ERROR,
			"%s: a remote result names files that are not its own",
			j->args.crate_name);
		return ERR_REFUSED;
	}
	r = put_outputs(j, e);
	return r ? r : speak(j, e, lost);
}

/* The record says where its own result lies; another list's may lie at either
 * place. */
static int
ask(struct remote_query *q, const struct unit_manifest_record *rec,
    const struct digest *k1)
{
	static const struct digest none;
	const struct digest *tag = &q->job->tag;
	struct digest at;
	int r;

	if (digest_eq(k1, &rec->k1)) {
		/* Diagnostics in another form are of no use. */
		if (!digest_eq(&rec->tag, &none) && !digest_eq(&rec->tag, tag))
			return ERR_MISS;
		unit_manifest_at(k1, &rec->tag, &at);
		return remote_query_bring(q, &at);
	}
	r = remote_query_bring(q, k1);
	if (r == ERR_MISS) {
		unit_manifest_at(k1, tag, &at);
		r = remote_query_bring(q, &at);
	}
	return r;
}

/*
 * Programs of build scripts and macros are for cargo and rustc alone, and by
 * their symbols we tell what they make use of (classify/envscan, statscan): of
 * those that are to be stripped only debug information goes.
 */
static const char *
other_strip(const struct args *a)
{
	const char *strip = NULL;

	if (a->kind != ARGS_BUILD_SCRIPT && a->kind != ARGS_PROC_MACRO)
		return NULL;
	for (size_t i = 0; i < a->nitems; i++)
		if (!strcmp(a->items[i].opt, "-C") && a->items[i].val &&
		    !strncmp(a->items[i].val, "strip=", 6))
			strip = a->items[i].val + 6;
	return strip && strcmp(strip, "none") != 0 &&
			       strcmp(strip, "debuginfo") != 0
		       ? "-Cstrip=debuginfo"
		       : NULL;
}

/* Our remaps stand before the user's own: the last match wins. */
static int
command(struct invocation *j, struct command *c)
{
	const struct root *remaps[ROOTS_MAX];
	size_t n = roots_remaps(&j->roots, remaps), k = 0;
	const char *scope = n ? naming_scope(j->naming) : NULL;
	char **argv = calloc((size_t)j->argc + n + 2, sizeof(char *));

	if (!argv)
		return -ENOMEM;
	for (int i = 1; i < j->first; i++)
		argv[k++] = j->argv[i];
	for (size_t i = 0; i < n; i++)
		if (asprintf(&argv[k++], "--remap-path-prefix=%.*s=%s",
			     (int)remaps[i]->len, remaps[i]->path,
			     remaps[i]->to) < 0)
			return -ENOMEM;
	if (scope)
		argv[k++] = (char *)scope;
	for (int i = j->first; i < j->argc; i++)
		argv[k++] = j->argv[i];
	argv[k] = (char *)other_strip(&j->args);
	*c = (struct command){ .argv = argv };
	return 0;
}

/*
 * rustc makes new files for these, but a foreign tool in its place might
 * write into them, and they may be second names of blobs.
 */
static void
unlink_shared(const struct args *a)
{
	static const char *const names[][2] = { { "lib", ".rlib" },
						{ "lib", ".rmeta" },
						{ "", "" } };
	char path[4200];
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int n = snprintf(path, sizeof(path), "%s/%s%s%s%s", a->out_dir,
				 names[i][0], a->crate_name, a->extra_filename,
				 names[i][1]);

		/* A launcher has a second name, and no linker may write
		 * through it. */
		if (!names[i][0][0] && a->kind != ARGS_BUILD_SCRIPT)
			continue;
		if (n < (int)sizeof(path) && lstat(path, &st) == 0 &&
		    S_ISREG(st.st_mode) && st.st_nlink > 1)
			unlink(path);
	}
}

static void
before(struct compile *c)
{
	unlink_shared(&c->job->args);
}

const struct kind kind_unit = {
	.name = "unit",
	.plans = true,
	.coalesces = true,
	.trace_room = 32 << 20,
	.intent = UPLOAD_INTENT_UNIT,
	.prepare = invocation_prepare,
	.key_list = key_list,
	.untouched = untouched,
	.places = places,
	.restore = restore,
	.ask = ask,
	.command = command,
	.before = before,
	.done = launcher_install,
	.store = &unit_store,
};
