/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/compile.h"

#include "base/log.h"
#include "shim/invocation.h"
#include "shim/name_check.h"

#include <dirent.h>
#include <string.h>
#include <sys/wait.h>

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

/* One that made its own directory just now had none. */
bool
compile_had_state(const struct compile *c)
{
	const struct args *a = &c->job->args;

	return a->incremental && count_state(a) <= c->state;
}

int
compile_prepare(struct compile *c, const char **why)
{
	int r;

	if (c->ready)
		return 0;
	r = observation_prepare(c->job, &c->watched, why);
	if (r < 0)
		return r;
	*why = "memory";
	r = c->job->kind->command(c->job, &c->command);
	c->ready = r == 0;
	return r;
}

void
compile_hold(struct compile *c)
{
	const char *why;

	if (compile_prepare(c, &why) == 0)
		c->held = prefork_start(&c->child, c->command.program,
					c->command.argv, c->watched.env,
					true) == 0;
}

void
compile_drop(struct compile *c)
{
	if (c->held)
		prefork_drop(&c->child);
	observation_forget(&c->watched);
	c->held = c->ready = false;
}

static bool
believed(struct run *run, void *ctx)
{
	struct compile *c = ctx;

	c->doubt = name_check_doubt(c->job, run, c->watched.trace, false);
	return !c->doubt;
}

/* A compiler that did not start is started by exec. */
static const char *
run_once(struct compile *c, struct run *run)
{
	struct observation *w = &c->watched;
	int r;

	run->program = c->command.program;
	run->argv = c->command.argv;
	run->env = w->env;
	run->roots = &c->job->roots;
	run->plain = !c->job->compiler;
	if (c->job->kind->before)
		c->job->kind->before(c);
	observation_begin(w);
	r = run_compiler(run);
	c->held = false;
	if (r < 0)
		return run->lost ? "lost-output" : "not-started";
	if (run_code(run->status) == 127 && observation_never_started(w))
		return "observer-broken";
	c->job->event.compile_us = observation_end(w);
	c->run = run;
	return NULL;
}

/* Whether it is to be run again.  What cargo knows already cannot be taken
 * back: then the next build does it. */
static bool
is_doubted(struct compile *c, struct run *run, const struct digest *k0)
{
	if (run->disbelieved)
		return true;
	if (WIFSIGNALED(run->status) || (run->committed && !run->status))
		return false;
	c->doubt = name_check_doubt(c->job, run, c->watched.trace,
				    run->status != 0);
	if (c->doubt && run->committed)
		name_check_remember(&c->job->store, k0);
	return c->doubt && !run->committed;
}

/* As cargo asked.  What the first run said is not said again. */
static const char *
run_again(struct compile *c, struct run *first)
{
	struct invocation *j = c->job;
	struct digest k0 = j->k0_plain;
	struct run *again = &c->runs[1];
	const char *why = "memory";

	log_msg(LOG_INFO, "%s: compiled again under its real names: %s",
		j->args.crate_name, c->doubt);
	compile_drop(c);
	if (invocation_use_real_names(j) < 0 || compile_prepare(c, &why) < 0)
		return why;
	*again = (struct run){ .before = first };
	why = run_once(c, again);
	/* What fails both times does not fail because of names. */
	if (!why && (first->status == 0 || again->status == 0))
		name_check_remember(&j->store, &k0);
	return why;
}

static const char *
run_believed(struct compile *c)
{
	struct invocation *j = c->job;
	struct run *first = &c->runs[0];
	const char *why;

	*first = (struct run){ .child = c->held ? &c->child : NULL, .ctx = c };
	if (j->naming != NAMING_REAL)
		first->believed = believed;
	c->state = count_state(&j->args);
	why = run_once(c, first);
	if (!why && first->believed && is_doubted(c, first, &j->k0_plain))
		why = run_again(c, first);
	return why;
}

const char *
compile_run(struct compile *c)
{
	const char *why = "memory";

	if (compile_prepare(c, &why) == 0)
		why = run_believed(c);
	if (why)
		compile_drop(c);
	else
		run_release(c->run);
	return why;
}
