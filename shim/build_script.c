/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/build_script.h"

#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "key/run_key.h"
#include "key/witness.h"
#include "rustc/relocatable.h"
#include "shim/build_script_store.h"
#include "shim/compile.h"
#include "shim/exec_dir.h"
#include "shim/invocation.h"
#include "shim/launcher.h"
#include "shim/remote_query.h"
#include "shim/workspace.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/outdir_archive.h"
#include "store/unit_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
build_script_is(const struct invocation *j)
{
	size_t n = strlen(j->argv[1]), k = strlen(LAUNCHER_SUFFIX);

	return n > k && j->argc <= 3 &&
	       !strcmp(j->argv[1] + n - k, LAUNCHER_SUFFIX);
}

/* What cargo executed, which current_exe() tells. */
static const char *
called(const struct invocation *j)
{
	return exec_dir_base(j->argc > 2 ? j->argv[2] : j->argv[1]);
}

static const char *
find_program(const struct invocation *j)
{
	static char path[8500];

	exec_dir_program(j->argv[1], called(j), path, sizeof(path));
	return path;
}

/* The script is told nothing of us, not even by argv[0]. */
static void
untouched(const struct invocation *j, struct command *c)
{
	static char *argv[2];

	argv[0] = j->argc > 2 ? j->argv[2] : j->argv[1];
	c->program = find_program(j);
	c->argv = argv;
}

static int
command(struct invocation *j, struct command *c)
{
	untouched(j, c);
	return 0;
}

static void
choose_roots(struct invocation *j)
{
	static char cargo[4096];
	struct roots_in in = {
		.cwd = j->cwd,
		.target = j->target[0] ? j->target : NULL,
		.out_dir_env = j->args.out_dir,
		.cargo_home = invocation_home_dir("CARGO_HOME", ".cargo", cargo,
						  sizeof(cargo)),
		.rustup_home = invocation_rustup_home(),
		.home = getenv("HOME"),
		.sysroot = j->toolchain.sysroot,
		.workspace = workspace_find(j, j->cwd),
	};

	roots_init_run(&j->roots, &in);
}

/* The paths declared for the package NAME, "" for none, or NULL: it is not
 * allowed.  TEXT: NAME[:PATH...], with blanks or commas between. */
static const char *
find_allowed(const char *text, const char *name)
{
	static const char between[] = " \t,";
	static char found[4096];
	size_t k = strlen(name);

	while (*text) {
		size_t n = strcspn(text, between);

		if (n >= k && n - k < sizeof(found) && !memcmp(text, name, k) &&
		    (n == k || text[k] == ':')) {
			snprintf(found, sizeof(found), "%.*s", (int)(n - k),
				 text + k);
			return found;
		}
		text += n + (text[n] != '\0');
	}
	return NULL;
}

static void
find_declared(struct invocation *j)
{
	const char *dir = workspace_find(j, j->cwd);

	j->declared = find_allowed(j->config.v[CONFIG_INPUTS_ALLOW].text,
				   j->args.crate_name);
	if (j->declared || !dir)
		return;
	invocation_project(j, dir);
	j->declared = find_allowed(j->project.allow, j->args.crate_name);
	j->islanded = j->declared != NULL;
}

static int
make_key(struct invocation *j, struct digest *k0, struct buf *list)
{
	struct digest program;
	struct run_in in = {
		.program = &program,
		.toolchain = &j->toolchain.id,
		.root = geteuid() == 0,
		/* By another name it may do something else. */
		.called = strcmp(called(j), "build-script-build") ? called(j)
								  : NULL,
		.declared = j->declared,
		.project = j->islanded ? j->project.id : NULL,
	};
	struct file_id id;
	int r = digest_cache_digest(&j->memo, AT_FDCWD, j->argv[1], &program,
				    &id);

	return r ? r : run_key(&in, k0, list);
}

static int
key_list(struct invocation *j, struct buf *list)
{
	struct digest k0;

	return make_key(j, &k0, list);
}

/* What cargo says of the run; a reason why it cannot be looked up, or NULL. */
static const char *
read_cargo(struct invocation *j)
{
	static struct args none;
	const char *target = getenv("TARGET"), *host = getenv("HOST");

	j->args = none;
	j->args.out_dir = getenv("OUT_DIR");
	j->args.crate_name = getenv("CARGO_PKG_NAME");
	j->args.extra_filename = "";
	j->args.kind = ARGS_RUN;
	j->mode = ROOTS_MACHINE;
	j->triple = target;
	/* A compiler that is tried looks at what it has of the target. */
	j->args.target =
		target && host && !strcmp(target, host) ? NULL : target;
	if (!j->args.crate_name)
		j->args.crate_name = "?";
	j->event.crate = j->args.crate_name;
	j->event.kind = "run";
	if (!j->config.v[CONFIG_SHIM_BUILD_SCRIPTS].num)
		return "build_scripts";
	if (!j->args.out_dir || j->args.out_dir[0] != '/' || !getenv("RUSTC"))
		return "not-by-cargo";
	if (!j->cwd[0] || !roots_clean(j->cwd, strlen(j->cwd)) ||
	    !roots_clean(j->args.out_dir, strlen(j->args.out_dir)))
		return "cwd";
	return NULL;
}

static int
fail(struct invocation *j, const char *reason)
{
	j->event.reason = reason;
	return ERR_REFUSED;
}

static int
prepare(struct invocation *j)
{
	const char *why = read_cargo(j);

	if (why)
		return fail(j, why);
	if (invocation_toolchain(j, getenv("RUSTC"), j->args.target, false,
				 &j->toolchain) < 0)
		return fail(j, "toolchain");
	digest_cache_open(&j->memo, j->store.dir);
	invocation_find_target(j);
	choose_roots(j);
	j->event.profile = invocation_profile(j);
	find_declared(j);
	if (make_key(j, &j->k0, NULL) < 0)
		return fail(j, "program");
	j->event.k0 = j->k0;
	j->readable = true;
	j->event.key_us = invocation_us(j->t0);
	return 0;
}

static int
open_archive(struct invocation *j, const struct entry *e)
{
	char name[STORE_NAME];
	struct file_id id;
	int r, fd;

	if (e->nout != 1 || e->kind != ARGS_RUN)
		return ERR_CORRUPT;
	r = blob_check(&j->store, &j->memo, &e->out[0].blob, &id);
	if (r < 0)
		return r;
	if (id.size != e->out[0].size)
		return ERR_CORRUPT;
	store_name("blobs", &e->out[0].blob, name);
	fd = openat(j->store.dir, name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
put_out_dir(struct invocation *j, const struct entry *e)
{
	int fd = open_archive(j, e), r;
	char tmp[64];

	if (fd < 0)
		return fd;
	snprintf(tmp, sizeof(tmp), ".kache-%016llx",
		 (unsigned long long)j->store.nonce);
	r = outdir_unpack(fd, &j->roots, j->args.out_dir, tmp, &j->memo,
			  &j->event.bytes);
	close(fd);
	return r;
}

static int
expand(const struct invocation *j, const struct buf *text, struct buf *out)
{
	int r = text->len
			? relocatable_expand(&j->roots, text->p, text->len, out)
			: 0;

	return r == 0 && out->failed ? -ENOMEM : r;
}

static int
speak(const struct buf *out, const struct buf *err, bool *lost)
{
	int r = out->len ? file_write_fd(1, out->p, out->len) : 0;

	if (r == 0 && err->len)
		r = file_write_fd(2, err->p, err->len);
	*lost = r < 0;
	return r;
}

/* All or nothing: what the script says comes when its files are there. */
static int
restore(struct invocation *j, const struct entry *e, bool *lost)
{
	struct buf out = { 0 }, err = { 0 };
	int r = expand(j, &e->stdout_text, &out);

	r = r ? r : expand(j, &e->stderr_text, &err);
	r = r ? r : put_out_dir(j, e);
	r = r ? r : speak(&out, &err, lost);
	buf_free(&out);
	buf_free(&err);
	return r;
}

static int
places(const struct invocation *j, const struct inputs *s,
       const struct digest *k1, struct digest *at)
{
	char tags[WITNESS_PLACES + 1];
	int r = witness_tags(s, &j->roots, invocation_getenv, tags);

	if (r < 0)
		return r;
	for (int reach = 0; reach < WITNESS_REACHES; reach++)
		witness_key(k1, &j->roots, tags, reach, &at[reach]);
	return WITNESS_REACHES;
}

/*
 * A result for this place, for checkouts like this one, or for any place;
 * failing these who bore witness, for our own run to be compared with.  What
 * only checkouts of one name share is not asked for: each question is a round
 * trip, and `kache drain` proves more.
 */
static int
ask(struct remote_query *q, const struct unit_manifest_record *rec,
    const struct digest *k1)
{
	struct digest at[KIND_PLACES_MAX], contradicted;
	char tags[WITNESS_PLACES + 1];
	int r = places(q->job, &rec->inputs, k1, at);

	if (r < 0)
		return r;
	r = ERR_MISS;
	for (int reach = 0; reach < WITNESS_NAMED && r == ERR_MISS; reach++)
		r = remote_query_get(q, &at[reach]);
	if (r != ERR_MISS || remote_query_get(q, k1) < 0 ||
	    witness_tags(&rec->inputs, &q->job->roots, invocation_getenv,
			 tags) < 0)
		return r;
	witness_key(k1, &q->job->roots, tags, WITNESS_REACHES, &contradicted);
	remote_query_get(q, &contradicted);
	return ERR_MISS;
}

static void
before(struct compile *c)
{
	c->was_empty = outdir_is_empty(c->job->args.out_dir);
	c->out_mode = build_script_out_mode(c->job);
}

const struct kind kind_build_script = {
	.name = "build script",
	.trace_room = 256 << 20,
	.intent = UPLOAD_INTENT_RUN,
	.prepare = prepare,
	.key_list = key_list,
	.untouched = untouched,
	.places = places,
	.restore = restore,
	.ask = ask,
	.command = command,
	.before = before,
	.store = &build_script_store,
};
