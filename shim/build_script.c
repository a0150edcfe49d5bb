/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/build_script.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "key/digest_cache.h"
#include "key/inputs.h"
#include "key/witness.h"
#include "rustc/relocatable.h"
#include "shim/remote_query.h"
#include "shim/invocation.h"
#include "shim/launcher.h"
#include "shim/exec_dir.h"
#include "shim/run.h"
#include "shim/build_script_store.h"
#include "shim/observation.h"
#include "shim/explain.h"
#include "shim/workspace.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/manifest.h"
#include "store/outdir_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

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
void
build_script_exec(struct invocation *j)
{
	const char *program = find_program(j);
	char *name = j->argc > 2 ? j->argv[2] : j->argv[1];
	char *argv[] = { name, NULL };

	execv(program, argv);
	fprintf(stderr, "kache-shim: %s: %s\n", program, strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void pass(struct invocation *j, const char *reason)
	__attribute__((noreturn));
static void
pass(struct invocation *j, const char *reason)
{
	invocation_say(j, "passthrough", reason, 0);
	build_script_exec(j);
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

/* Another program or toolchain, another script.  All else it asks for; what
 * the user answers for is kept apart from what was proven. */
static int
make_key(struct invocation *j)
{
	struct digest_ctx c;
	struct digest program;
	struct file_id id;
	int r = digest_cache_digest(&j->memo, AT_FDCWD, j->argv[1], &program,
				    &id);

	if (r < 0)
		return r;
	digest_init(&c);
	digest_str(&c, "kache-r0-2");
	digest_sub(&c, &program);
	digest_sub(&c, &j->toolchain.id);
	/* Whom permissions do not concern. */
	digest_u64(&c, geteuid() == 0);
	/* By another name than cargo's it may do something else. */
	if (strcmp(called(j), "build-script-build")) {
		digest_str(&c, "called");
		digest_str(&c, called(j));
	}
	if (j->declared) {
		digest_str(&c, "declared");
		digest_str(&c, j->declared);
	}
	/* A project answers for itself: another one, or a copy of it, may lie
	 * in what cannot be observed. */
	for (size_t i = 0; j->islanded && i < 3; i++)
		digest_u64(&c, j->project.id[i]);
	digest_end(&c, &j->k0);
	j->event.k0 = j->k0;
	return 0;
}

/* A reason why this run cannot be looked up, or NULL. */
static const char *
prepare(struct invocation *j)
{
	const char *rustc = getenv("RUSTC"), *host = getenv("HOST");
	const char *target = getenv("TARGET");

	/* A compiler that is tried looks at what it has of the target. */
	if (target && host && !strcmp(target, host))
		target = NULL;

	j->args.out_dir = getenv("OUT_DIR");
	j->args.crate_name = getenv("CARGO_PKG_NAME");
	j->args.extra_filename = "";
	j->args.kind = ARGS_RUN;
	j->mode = ROOTS_MACHINE;
	if (!j->args.crate_name)
		j->args.crate_name = "?";
	j->event.crate = j->args.crate_name;
	if (!j->args.out_dir || j->args.out_dir[0] != '/' || !rustc)
		return "not-by-cargo";
	if (!j->cwd[0] || !roots_clean(j->cwd, strlen(j->cwd)) ||
	    !roots_clean(j->args.out_dir, strlen(j->args.out_dir)))
		return "cwd";
	if (invocation_toolchain(j, rustc, target, false, &j->toolchain) < 0)
		return "toolchain";
	digest_cache_open(&j->memo, j->store.dir);
	invocation_find_target(j);
	choose_roots(j);
	j->event.profile = invocation_profile(j);
	find_declared(j);
	if (make_key(j) < 0)
		return "program";
	j->event.key_us = invocation_us(j->t0);
	return NULL;
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

/* All or nothing: what the script says comes when its files are there. */
static bool
replay(struct invocation *j, const struct entry *e, const struct digest *at)
{
	struct buf out = { 0 }, err = { 0 };
	int64_t start = file_monotonic();
	int r = expand(j, &e->stdout_text, &out);

	r = r ? r : expand(j, &e->stderr_text, &err);
	r = r ? r : put_out_dir(j, e);
	if (r < 0)
		log_msg(r == ERR_MISS ? LOG_INFO : LOG_ERROR,
			"%s: build script not replayed: %s", j->event.crate,
			err_text(r));
	if (r == 0) {
		if ((out.len && file_write_fd(1, out.p, out.len) < 0) ||
		    (err.len && file_write_fd(2, err.p, err.len) < 0))
			pass(j, "lost-output");
		entry_touch(&j->store, at);
		j->event.restore_us = invocation_us(start);
		j->event.saved_us = e->compile_us;
		j->event.at = *at;
	}
	buf_free(&out);
	buf_free(&err);
	return r == 0;
}

static bool
try_at(struct invocation *j, const struct digest *at)
{
	struct entry e = { 0 };
	bool served;

	if (entry_load(&j->store, at, &e) < 0)
		return false;
	served = replay(j, &e, at);
	if (served)
		j->prefetched = e.origin == ENTRY_PREFETCHED &&
				entry_take_fresh(&j->store, at);
	entry_release(&e);
	return served;
}

static bool
try_inputs(struct invocation *j, const struct inputs *s)
{
	struct inputs_env env = { .memo = &j->memo,
				  .roots = &j->roots,
				  .get = invocation_getenv,
				  .all = environ,
				  .cwd = j->cwd,
				  .run = true };
	char tags[WITNESS_PLACES + 1];
	struct digest k1, at;
	bool served = false;

	if (inputs_key(s, &env, &j->k0, &k1, NULL) < 0 ||
	    witness_tags(s, &j->roots, invocation_getenv, tags) < 0)
		return false;
	j->event.k1 = k1;
	for (int reach = 0; reach < WITNESS_REACHES && !served; reach++) {
		witness_key(&k1, &j->roots, tags, reach, &at);
		served = try_at(j, &at);
	}
	return served;
}

static bool
look_up(struct invocation *j)
{
	int64_t start = file_monotonic();
	struct manifest m = { 0 };
	bool served = false;

	if (manifest_load(&j->store, &j->k0, &m) == 0) {
		for (size_t i = 0; i < m.count && !served; i++)
			served = try_inputs(j, &m.rec[i].inputs);
		manifest_release(&m);
	}
	j->event.lookup_us = invocation_us(start) - j->event.restore_us;
	return served;
}

static void
run_observed(struct invocation *j)
{
	char *argv[] = { j->argc > 2 ? j->argv[2] : j->argv[1], NULL };
	struct observation w = { 0 };
	struct run run = { .program = find_program(j),
			   .argv = argv,
			   .roots = &j->roots,
			   .plain = true };
	struct build_script_store k = { .job = j, .run = &run, .watched = &w };
	struct inputs_env env = { .memo = &j->memo,
				  .roots = &j->roots,
				  .get = invocation_getenv,
				  .all = environ,
				  .cwd = j->cwd,
				  .run = true };
	const char *why;

	k.was_empty = outdir_is_empty(j->args.out_dir);
	k.out_mode = build_script_out_mode(j);
	explain_find(j, &j->k0, &env, k.why, sizeof(k.why));
	if (observation_prepare(j, &w, &why) < 0) {
		observation_forget(&w);
		pass(j, why);
	}
	run.env = w.env;
	observation_begin(&w);
	if (run_compiler(&run) < 0) {
		observation_forget(&w);
		pass(j, run.lost ? "lost-output" : "not-started");
	}
	if (run_code(run.status) == 127 && observation_never_started(&w)) {
		observation_forget(&w);
		pass(j, "observer-broken");
	}
	j->event.compile_us = k.run_us = observation_end(&w);
	build_script_store(&k);
	run_end(run.status);
}

void
build_script_serve(struct invocation *j)
{
	const char *why;

	invocation_open(j);
	j->event.kind = "run";
	if (!j->store_ok || j->config.disabled)
		build_script_exec(j);
	if (!j->config.v[CONFIG_SHIM_BUILD_SCRIPTS].num)
		pass(j, "build_scripts");
	why = prepare(j);
	if (why)
		pass(j, why);
	if (look_up(j)) {
		invocation_say(j, j->prefetched ? "prefetch_hit" : "local_hit",
			       NULL, 0);
		_exit(0);
	}
	if (!j->islanded && remote_query_wanted(j) && remote_query(j) &&
	    look_up(j)) {
		invocation_say(j, "remote_hit", NULL, 0);
		_exit(0);
	}
	run_observed(j);
	_exit(1);
}
