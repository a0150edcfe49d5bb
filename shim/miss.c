/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/miss.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "key/shape.h"
#include "shim/ask.h"
#include "shim/hit.h"
#include "shim/job.h"
#include "shim/keep.h"
#include "shim/launch.h"
#include "shim/prefork.h"
#include "shim/run.h"
#include "shim/session.h"
#include "shim/tidy.h"
#include "shim/turn.h"
#include "shim/watched.h"
#include "shim/why.h"

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

struct miss {
	struct job *job;
	struct watched watched;
	struct turn turn;
	char **argv;
	bool ready; /* all of the above is there */
	struct prefork child;
	bool held;      /* the child waits at its gate */
	char why[600];  /* what changed since it was stored last, or "" */
	unsigned state; /* directories of incremental state before */
};

/*
 * Programs of build scripts and macros are for cargo and rustc alone, and by
 * their symbols we tell what they make use of (observe/envscan, statscan): of
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
build_argv(struct miss *m)
{
	const struct root *remaps[ROOTS_MAX];
	struct job *j = m->job;
	size_t n = roots_remaps(&j->roots, remaps), k = 0;

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
too_soon(const struct miss *m)
{
	uint64_t now = (uint64_t)file_now() / 1000000;

	return m->job->args.incremental && m->job->newest_ms &&
	       count_state(&m->job->args) <= m->state &&
	       now < m->job->newest_ms + EDIT_LOOP_MS;
}

/* 0: it is stored. */
static int
store(struct miss *m, struct run *run, struct keep *k)
{
	struct job *j = m->job;
	enum turn_end end = TURN_FAILED;
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
		r = keep_result(k);
		end = r == 0             ? TURN_STORED
		      : r == ERR_REFUSED ? TURN_NEVER
					 : TURN_FAILED;
	}
	turn_end(j, &m->turn, end);
	return r;
}

static void
finish(struct miss *m, struct run *run, struct keep *k)
{
	struct job *j = m->job;
	int code = run_code(run->status);
	char reason[240];
	int64_t start = file_monotonic();
	int r = store(m, run, k);

	watched_forget(&m->watched);
	j->event.store_us = job_us(start);
	if (r < 0 && run->status == 0)
		keep_extras(k);
	if (r == 0) {
		if (k->stays)
			snprintf(reason, sizeof(reason), "local:%s", k->stays);
		job_say(j, k->duplicate ? "dup" : "miss",
			k->stays    ? reason
			: m->why[0] ? m->why
				    : NULL,
			code);
		tidy_after_store(j, j->event.bytes);
		return;
	}
	snprintf(reason, sizeof(reason), "not_stored:%s", k->reason);
	job_say(j, "miss", run->status ? NULL : reason, code);
	log_msg(LOG_INFO, "%s: %s", j->args.crate_name, reason);
}

static void
compile(struct miss *m)
{
	struct job *j = m->job;
	struct watched *w = &m->watched;
	struct run run = { .argv = m->argv,
			   .env = w->env,
			   .roots = &j->roots,
			   .child = m->held ? &m->child : NULL };
	struct keep k = { .job = j,
			  .run = &run,
			  .trace = w->trace,
			  .observer = w->observer };
	int r;

	m->state = count_state(&j->args);
	unlink_shared(&j->args);
	watched_begin(w);
	k.started = w->started;
	r = run_compiler(&run);
	if (r < 0) {
		watched_forget(w);
		job_pass(j, "not-started");
	}
	if (run_code(run.status) == 127 && watched_never_started(w)) {
		watched_forget(w);
		job_pass(j, "observer-broken");
	}
	j->event.compile_us = k.compile_us = watched_end(w);
	finish(m, &run, &k);
	if (run.status == 0)
		launch_install(j);
	run_end(run.status);
}

/* Everything the compiler's child needs; it cannot be changed afterwards. */
static int
prepare(struct miss *m, const char **why)
{
	int r;

	if (m->ready)
		return 0;
	r = watched_prepare(m->job, &m->watched, why);
	if (r < 0)
		return r;
	*why = "memory";
	r = build_argv(m);
	m->ready = r == 0;
	return r;
}

/* It came out of a store: ends the process. */
static void
serve(struct miss *m, const char *outcome)
{
	if (m->held)
		prefork_drop(&m->child);
	watched_forget(&m->watched);
	launch_install(m->job);
	job_say(m->job, outcome, NULL, 0);
	_exit(0);
}

/*
 * The compiler's child comes first: while we wait for the daemon it sets
 * itself up, and a "no" costs the unit no more than the answer took.
 */
static void
ask(struct miss *m)
{
	const char *why;

	if (!ask_wanted(m->job))
		return;
	if (prepare(m, &why) == 0)
		m->held = prefork_start(&m->child, NULL, m->argv,
					m->watched.env, true) == 0;
	if (ask_remote(m->job) && hit_try(m->job))
		serve(m, "remote_hit");
}

/* Before the compile: afterwards its own result is what is remembered. */
static void
find_why(struct miss *m)
{
	struct job *j = m->job;
	struct shape_env env = { .memo = &j->memo,
				 .roots = &j->roots,
				 .get = job_getenv,
				 .all = environ,
				 .cwd = j->cwd,
				 .externs = j->externs,
				 .nexterns = j->args.nexterns };

	if (j->externs)
		why_find(j, &j->k0, &env, m->why, sizeof(m->why));
}

void
miss_run(struct job *j)
{
	struct miss m = { .job = j };
	const char *why;

	session_miss(j);
	find_why(&m);
	ask(&m);
	if (turn_take(j, &m.turn))
		serve(&m, j->prefetched ? "prefetch_hit" : "local_hit");
	if (prepare(&m, &why) < 0) {
		watched_forget(&m.watched);
		job_pass(j, why);
	}
	compile(&m);
	_exit(1);
}
