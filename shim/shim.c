/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/build_script.h"
#include "shim/compiler.h"
#include "shim/increments.h"
#include "shim/invocation.h"
#include "shim/kind.h"
#include "shim/name_check.h"
#include "shim/pipeline.h"
#include "shim/query.h"
#include "shim/run.h"

#include "base/file.h"
#include "base/process.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
	"usage: RUSTC_WRAPPER=kache-shim cargo build\n"
	"       kache-shim RUSTC ARGUMENT ...   compile, or fetch from the "
	"cache\n"
	"       kache-shim --print-remaps RUSTC ARGUMENT ...\n"
	"       kache-shim --version | --help\n";

static bool
is_self(const char *path)
{
	struct stat a, b;

	return strchr(path, '/') && stat("/proc/self/exe", &a) == 0 &&
	       stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* RUSTC=kache-shim as well, or a link of ours named rustc: without this we
 * would start ourselves for ever.  The real one is the next on PATH. */
static char *
real_rustc(void)
{
	const char *path = getenv("PATH");
	static char file[4096];

	while (path && *path) {
		size_t n = strcspn(path, ":");
		int len = snprintf(file, sizeof(file), "%.*s/rustc", (int)n,
				   path);

		if (n && len < (int)sizeof(file) && !access(file, X_OK) &&
		    !is_self(file))
			return file;
		path += n + (path[n] == ':');
	}
	return NULL;
}

static void
skip_self(struct invocation *j)
{
	static char name[] = "rustc";

	char *real;

	while (is_self(j->argv[1])) {
		if (j->argc > 2 && j->argv[2][0] != '-' &&
		    j->argv[2][0] != '@' && !access(j->argv[2], X_OK)) {
			j->argv++;
			j->argc--;
			continue;
		}
		real = real_rustc();
		j->argv[1] = real ? real : name;
		if (real)
			return;
		fprintf(stderr, "kache-shim: no rustc on PATH\n");
		_exit(127);
	}
}

static bool
is_text(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *p = argv[i];

		/* A newline inside an argument is text, too. */
		for (size_t n; *p; p += n + (p[n] != '\0')) {
			n = strcspn(p, "\n\t");
			if (!roots_clean(p, n))
				return false;
		}
	}
	return true;
}

static bool
is_set(const char *name)
{
	const char *v = getenv(name);

	return v && *v && strcmp(v, "0") != 0;
}

static bool
find_compiler(struct invocation *j)
{
	j->compiler = compiler_find(j->argc - 1, j->argv + 1);
	if (j->compiler)
		j->first += j->compiler->words - 1;
	return j->compiler;
}

/* What did not arrive is a failure. */
static int
flushed(int status)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? status : 1;
}

static int
print_remaps(struct invocation *j)
{
	const struct root *list[ROOTS_MAX];
	size_t n;

	j->argv++;
	j->argc--;
	invocation_open(j);
	if (!j->store_ok || j->argc < 3 || !find_compiler(j) ||
	    invocation_prepare(j) < 0)
		return 1;
	if (name_check_recall(j) && invocation_use_real_names(j) < 0)
		return 1;
	n = roots_remaps(&j->roots, list);
	for (size_t i = 0; i < n; i++)
		printf("--remap-path-prefix=%.*s=%s\n", (int)list[i]->len,
		       list[i]->path, list[i]->to);
	if (n && naming_scope(j->naming))
		puts(naming_scope(j->naming));
	return flushed(0);
}

static int
own_option(struct invocation *j)
{
	if (j->argc > 1 && !strcmp(j->argv[1], "--version")) {
		printf("kache-shim %s\n", KACHE_VERSION);
		return flushed(0);
	}
	if (j->argc > 1 && !strcmp(j->argv[1], "--print-remaps"))
		return print_remaps(j);
	fputs(usage, j->argc > 1 ? stdout : stderr);
	return j->argc > 1 && !strcmp(j->argv[1], "--help") ? flushed(0) : 2;
}

static void finish(struct invocation *j, struct ending e)
	__attribute__((noreturn));
static void
finish(struct invocation *j, struct ending e)
{
	if (e.outcome)
		invocation_say(j, e.outcome, e.reason,
			       e.how == ENDING_RAN ? run_code(e.status) : 0);
	if (e.how == ENDING_PASS)
		invocation_exec(j);
	if (e.how == ENDING_RAN)
		run_end(e.status);
	_exit(0);
}

static struct ending
serve_compiler(struct invocation *j)
{
	struct ending pass = { ENDING_PASS, "passthrough", NULL, 0 };

	increments_note(j);
	if (!is_text(j->argc, j->argv)) {
		pass.reason = "not-utf8";
		return pass;
	}
	if (!find_compiler(j)) {
		pass.reason = "unknown-driver";
		return pass;
	}
	if (query_is(j))
		return query_run(j);
	if (j->argc > j->first + 2 && !strcmp(j->argv[j->first + 2], "___"))
		j->event.kind = "query";
	return pipeline_run(j);
}

static void
serve(struct invocation *j)
{
	bool script = build_script_is(j);

	j->kind = script ? &kind_build_script : &kind_unit;
	/* A build script under the observer tries its compiler: what that
	 * reads is for the observer to see (observe/exec_check). */
	if (getenv("KACHE_OBSERVE") || is_set("KACHE_DISABLED"))
		invocation_exec(j);
	invocation_open(j);
	if (!j->store_ok || j->config.disabled)
		invocation_exec(j);
	finish(j, script ? pipeline_run(j) : serve_compiler(j));
}

int
main(int argc, char **argv)
{
	static struct invocation j;

	process_begin();
	j.argc = argc;
	j.argv = argv;
	j.first = 2;
	j.t0 = file_monotonic();
	j.memo.fd = -1;
	j.event.kind = "other";
	if (argc < 2 || argv[1][0] == '-')
		return own_option(&j);
	skip_self(&j);
	serve(&j);
	return 1;
}
