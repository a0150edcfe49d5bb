/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/compile.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "key/inputs.h"
#include "shim/remote_query.h"
#include "shim/name_check.h"
#include "shim/lookup.h"
#include "shim/invocation.h"
#include "shim/store_result.h"
#include "shim/launcher.h"
#include "shim/prefork.h"
#include "shim/run.h"
#include "shim/session.h"
#include "shim/auto_gc.h"
#include "shim/compile_lock.h"
#include "shim/observation.h"
#include "shim/explain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { EDIT_LOOP_MS = 600000 };

struct compile {
	struct invocation *job;
	struct observation watched;
	struct compile_lock turn;
	char **argv;
	bool ready; /* all of the above is there */
	struct prefork child;
	bool held;         /* the child waits at its gate */
	char why[600];     /* what changed since it was stored last, or "" */
	unsigned state;    /* directories of incremental state before */
	const char *doubt; /* why what it made is not believed, or NULL */
};

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
build_argv(struct compile *m)
{
	const struct root *remaps[ROOTS_MAX];
	struct invocation *j = m->job;
	size_t n = roots_remaps(&j->roots, remaps), k = 0;
	const char *scope = n ? naming_scope(j->naming) : NULL;

	m->argv = calloc((size_t)j->argc + n + 2, sizeof(char *));
	if (!m->argv)
		return -ENOMEM;
	for (int i = 1; i < j->first; i++)
		m->argv[k++] = j->argv[i];
	for (size_t i = 0; i < n; i++)
		if (asprintf(&m->argv[k++], "--remap-path-prefix=%.*s=%s",
			     (int)remaps[i]->len, remaps[i]->path,
			     remaps[i]->to) < 0)
			return -ENOMEM;
	if (scope)
		m->argv[k++] = (char *)scope;
	for (int i = j->first; i < j->argc; i++)
		m->argv[k++] = j->argv[i];
	m->argv[k] = (char *)other_strip(&j->args);
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

/* How many directories of state for crates of this name there are. */
static unsigned
count_state(const struct args *a)
{
	DIR *d = a->incremental ? opendir(a->incremental) : NULL;
	size_t n = strlen(a->crate_name);
	struct dirent *e;
	unsigned found = 0;

	for (e = d ? readdir(d) : NULL; e; e = readdir(d))
		found += !strncmp(e->d_name, a->crate_name, n) &&
			 e->d_name[n] == '-';
	if (d)
		closedir(d);
	return found;
}

/*
 * In an edit loop copying every result would cost time: a unit that had
 * incremental state is stored every 10 minutes.  One that made its own
 * directory just now had none.
 */
static bool
too_soon(const struct compile *m)
{
	uint64_t now = (uint64_t)file_now() / 1000000;

	return m->job->args.incremental && m->job->newest_ms &&
	       count_state(&m->job->args) <= m->state &&
	       now < m->job->newest_ms + EDIT_LOOP_MS;
}

/* 0: it is stored. */
static int
store(struct compile *m, struct run *run, struct store_result *k)
{
	struct invocation *j = m->job;
	enum compile_lock_end end = COMPILE_LOCK_FAILED;
	int r = ERR_REFUSED;

	if (run->status != 0)
		snprintf(k->reason, sizeof(k->reason), "exit");
	else if (!j->externs)
		snprintf(k->reason, sizeof(k->reason), "extern");
	else if (m->watched.stepped)
		snprintf(k->reason, sizeof(k->reason), "clock-stepped");
	else if (too_soon(m))
		snprintf(k->reason, sizeof(k->reason), "edit-loop");
	else {
		r = store_result(k);
		end = r == 0             ? COMPILE_LOCK_STORED
		      : r == ERR_REFUSED ? COMPILE_LOCK_NEVER
					 : COMPILE_LOCK_FAILED;
	}
	compile_lock_end(j, &m->turn, end);
	return r;
}

static void
finish(struct compile *m, struct run *run, struct store_result *k)
{
	struct invocation *j = m->job;
	int code = run_code(run->status);
	char reason[240];
	int64_t start = file_monotonic();
	int r = store(m, run, k);

	observation_forget(&m->watched);
	j->event.store_us = invocation_us(start);
	if (r < 0 && run->status == 0)
		store_result_extras(k);
	if (r == 0) {
		if (k->stays)
			snprintf(reason, sizeof(reason), "local:%s", k->stays);
		invocation_say(j, k->duplicate ? "dup" : "miss",
			       k->stays    ? reason
			       : m->why[0] ? m->why
					   : NULL,
			       code);
		auto_gc_after_store(j, j->event.bytes);
		return;
	}
	snprintf(reason, sizeof(reason), "not_stored:%s", k->reason);
	invocation_say(j, "miss", run->status ? NULL : reason, code);
	log_msg(LOG_INFO, "%s: %s", j->args.crate_name, reason);
}

/* Everything the compiler's child needs; it cannot be changed afterwards. */
static int
prepare(struct compile *m, const char **why)
{
	int r;

	if (m->ready)
		return 0;
	r = observation_prepare(m->job, &m->watched, why);
	if (r < 0)
		return r;
	*why = "memory";
	r = build_argv(m);
	m->ready = r == 0;
	return r;
}

static bool
believed(struct run *run, void *ctx)
{
	struct compile *m = ctx;

	m->doubt = name_check_doubt(m->job, run, m->watched.trace, false);
	return !m->doubt;
}

/* A compiler that did not start is started by exec. */
static void
run_once(struct compile *m, struct run *run)
{
	struct observation *w = &m->watched;
	int r;

	run->argv = m->argv;
	run->env = w->env;
	run->roots = &m->job->roots;
	unlink_shared(&m->job->args);
	observation_begin(w);
	r = run_compiler(run);
	if (r < 0) {
		observation_forget(w);
		invocation_pass(m->job,
				run->lost ? "lost-output" : "not-started");
	}
	if (run_code(run->status) == 127 && observation_never_started(w)) {
		observation_forget(w);
		invocation_pass(m->job, "observer-broken");
	}
	m->job->event.compile_us = observation_end(w);
}

/* Whether it is to be run again.  What cargo knows already cannot be taken
 * back: then the next build does it. */
static bool
is_doubted(struct compile *m, struct run *run, const struct digest *k0)
{
	if (run->disbelieved)
		return true;
	if (WIFSIGNALED(run->status) || (run->committed && !run->status))
		return false;
	m->doubt = name_check_doubt(m->job, run, m->watched.trace,
				    run->status != 0);
	if (m->doubt && run->committed)
		name_check_remember(&m->job->store, k0);
	return m->doubt && !run->committed;
}

/* As cargo asked.  What the first run said is not said again. */
static void
run_again(struct compile *m, struct run *first, struct run *run)
{
	struct invocation *j = m->job;
	struct digest k0 = j->k0_plain;
	const char *why = "memory";

	log_msg(LOG_INFO, "%s: compiled again under its real names: %s",
		j->args.crate_name, m->doubt);
	observation_forget(&m->watched);
	m->ready = false;
	if (invocation_use_real_names(j) < 0 || prepare(m, &why) < 0)
		invocation_pass(j, why);
	*run = (struct run){ .before = first };
	run_once(m, run);
	/* What fails both times does not fail because of names. */
	if (first->status == 0 || run->status == 0)
		name_check_remember(&j->store, &k0);
}

static void
compile(struct compile *m)
{
	struct invocation *j = m->job;
	struct run first = { .child = m->held ? &m->child : NULL,
			     .ctx = m,
			     .believed = j->naming == NAMING_REAL ? NULL
								  : believed };
	struct run again, *run = &first;
	struct store_result k = { .job = j };

	m->state = count_state(&j->args);
	run_once(m, &first);
	if (first.believed && is_doubted(m, &first, &j->k0_plain)) {
		run = &again;
		run_again(m, &first, run);
	}
	run_release(run);
	k.run = run;
	k.trace = m->watched.trace;
	k.observer = m->watched.observer;
	k.started = m->watched.started;
	k.compile_us = j->event.compile_us;
	finish(m, run, &k);
	if (run->status == 0)
		launcher_install(j);
	run_end(run->status);
}

/* It came out of a store: ends the process. */
static void
serve(struct compile *m, const char *outcome)
{
	if (m->held)
		prefork_drop(&m->child);
	observation_forget(&m->watched);
	launcher_install(m->job);
	invocation_say(m->job, outcome, NULL, 0);
	_exit(0);
}

/* A unit that needs its real names has results under the key of these. */
static void
take_names(struct compile *m)
{
	struct invocation *j = m->job;

	if (!name_check_recall(j))
		return;
	/* What waits at its gate would call things by our names. */
	if (m->held)
		prefork_drop(&m->child);
	observation_forget(&m->watched);
	m->held = m->ready = false;
	if (invocation_use_real_names(j) < 0)
		invocation_pass(j, "path");
	if (lookup(j))
		serve(m, j->prefetched ? "prefetch_hit" : "local_hit");
}

/*
 * The compiler's child comes first: while we wait for the daemon it sets
 * itself up, and a "no" costs the unit no more than the answer took.
 */
static void
ask(struct compile *m)
{
	const char *why;

	if (!remote_query_wanted(m->job))
		return;
	if (prepare(m, &why) == 0)
		m->held = prefork_start(&m->child, NULL, m->argv,
					m->watched.env, true) == 0;
	if (remote_query(m->job) && lookup(m->job))
		serve(m, "remote_hit");
}

/* Before the compile: afterwards its own result is what is remembered. */
static void
find_why(struct compile *m)
{
	struct invocation *j = m->job;
	struct inputs_env env = { .memo = &j->memo,
				  .roots = &j->roots,
				  .get = invocation_getenv,
				  .all = environ,
				  .cwd = j->cwd,
				  .externs = j->externs,
				  .nexterns = j->args.nexterns };

	if (j->externs)
		explain_find(j, &j->k0, &env, m->why, sizeof(m->why));
}

void
compile_run(struct invocation *j)
{
	struct compile m = { .job = j };
	const char *why;

	take_names(&m);
	session_miss(j);
	find_why(&m);
	ask(&m);
	if (compile_lock_take(j, &m.turn))
		serve(&m, j->prefetched ? "prefetch_hit" : "local_hit");
	/* Somebody may have found it out while we waited. */
	take_names(&m);
	if (prepare(&m, &why) < 0) {
		observation_forget(&m.watched);
		invocation_pass(j, why);
	}
	compile(&m);
	_exit(1);
}
