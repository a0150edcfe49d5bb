/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/invocation.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "key/clippy.h"
#include "key/inputs.h"
#include "key/trace.h"
#include "key/unit.h"
#include "shim/compiler.h"
#include "shim/kind.h"
#include "shim/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

enum { ARGFILE_MAX = 8 << 20, WORDS_MAX = 1 << 20 };

const char *
invocation_getenv(const char *name)
{
	return getenv(name);
}

uint64_t
invocation_us(int64_t since)
{
	return (uint64_t)(file_monotonic() - since) / 1000;
}

/* Programs and the observer lie relative to us, so that an installed tree
 * can be moved. */
void
invocation_find_libexec(struct invocation *j)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct stat st;
	char *slash;

	if (n > 0) {
		exe[n] = '\0';
		slash = strrchr(exe, '/');
		if (slash)
			*slash = '\0';
		slash = strrchr(exe, '/');
		if (slash)
			*slash = '\0';
		snprintf(j->libexec, sizeof(j->libexec), "%s/libexec/kache",
			 exe);
		if (stat(j->libexec, &st) == 0)
			return;
	}
	snprintf(j->libexec, sizeof(j->libexec), "%s", KACHE_PKGLIBEXECDIR);
}

static int
choose_dir(struct invocation *j)
{
	const struct config_value *dir = &j->config.v[CONFIG_STORE_DIR];

	if (dir->origin != CONFIG_FROM_DEFAULT && dir->text[0]) {
		int n = snprintf(j->cache_dir, sizeof(j->cache_dir), "%s",
				 dir->text);

		return n < (int)sizeof(j->cache_dir) ? 0 : ERR_TOOBIG;
	}
	return config_cache_home("linux",
				 cargo_env_get(&j->trust, "XDG_CACHE_HOME"),
				 cargo_env_get(&j->trust, "HOME"), j->cache_dir,
				 sizeof(j->cache_dir));
}

static void
log_problems(const struct invocation *j)
{
	int n = j->config.problem_count;

	for (int i = 0; i < n && i < CONFIG_PROBLEMS; i++)
		log_msg(LOG_ERROR, "%s", config_problem(&j->config, i));
}

/* What lies below CARGO_HOME is no project, though it may have the file. */
void
invocation_project(struct invocation *j, const char *dir)
{
	static char home[4096];
	const char *cargo =
		invocation_home_dir("CARGO_HOME", ".cargo", home, sizeof(home));
	size_t n = cargo ? strlen(cargo) : 0;

	if (n && !strncmp(dir, cargo, n) && (dir[n] == '/' || !dir[n]))
		return;
	project_load(&j->project, dir);
	for (int i = 0; i < j->project.problem_count && i < PROJECT_PROBLEMS;
	     i++)
		log_msg(LOG_ERROR, "%s", j->project.problem[i]);
	if (j->project.places[0])
		j->places = j->project.places;
	else if (j->config.v[CONFIG_INPUTS_PLACES].text[0])
		j->places = j->config.v[CONFIG_INPUTS_PLACES].text;
}

void
invocation_open(struct invocation *j)
{
	struct config_source src = { cargo_env_get, &j->trust, environ, NULL };
	int r;

	cargo_env_init(&j->trust);
	config_load(&j->config, &src);
	j->event.session = j->trust.session;
	j->event.command = cargo_env_command(&j->trust);
	j->event.package = getenv("CARGO_PKG_NAME");
	j->event.version = getenv("CARGO_PKG_VERSION");
	if (!getcwd(j->cwd, sizeof(j->cwd)))
		j->cwd[0] = '\0';
	j->event.cwd = j->cwd;
	r = choose_dir(j);
	if (r == 0)
		r = store_open(&j->store, j->cache_dir);
	/* Nothing is written into a directory that is not ours. */
	if (r == -EPERM || (r < 0 && !j->cache_dir[0]))
		return;
	snprintf(j->log_path, sizeof(j->log_path), "%s/shim.log", j->cache_dir);
	log_open(j->log_path, (enum log_level)j->config.v[CONFIG_SHIM_LOG].num);
	log_problems(j);
	if (r < 0) {
		log_msg(LOG_ERROR, "%s: no cache: %s", j->cache_dir,
			err_text(r));
		return;
	}
	j->store.always =
		j->config.v[CONFIG_STORE_VERIFY].num == CONFIG_VERIFY_ALWAYS;
	j->store_ok = 1;
}

void
invocation_say(struct invocation *j, const char *outcome, const char *reason,
	       int status)
{
	if (!j->store_ok)
		return;
	j->event.outcome = outcome;
	j->event.reason = reason;
	j->event.status = status;
	j->event.total_us = invocation_us(j->t0);
	if (events_append(&j->store, &j->event) < 0)
		log_msg(LOG_ERROR, "events.log cannot be written");
}

void
invocation_exec(struct invocation *j)
{
	struct command c;

	j->kind->untouched(j, &c);
	execvp(c.program, c.argv);
	fprintf(stderr, "kache-shim: %s: %s\n", c.program, strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* rustc takes one argument a line, without quoting or nesting. */
static int
expand_file(struct invocation *j, const char *path, size_t *cap)
{
	struct buf b = { 0 };
	char *p, *nl;
	int r = file_read(AT_FDCWD, path, ARGFILE_MAX, &b);

	if (r < 0)
		return r;
	/* The text is kept: words point into it. */
	for (p = b.p; p && *p; p = nl ? nl + 1 : NULL) {
		size_t n;

		nl = strchr(p, '\n');
		if (nl)
			*nl = '\0';
		n = strlen(p);
		if (n && p[n - 1] == '\r')
			p[n - 1] = '\0';
		if ((size_t)j->nwords + 2 > *cap) {
			void *more =
				*cap > WORDS_MAX
					? NULL
					: realloc(j->words,
						  *cap * 2 * sizeof(char *));

			if (!more)
				return -ENOMEM;
			j->words = more;
			*cap *= 2;
		}
		j->words[j->nwords++] = p;
	}
	return 0;
}

static int
expand(struct invocation *j)
{
	size_t cap = (size_t)j->argc + 64;
	int r = 0;

	j->words = malloc(cap * sizeof(char *));
	if (!j->words)
		return -ENOMEM;
	for (int i = j->first; i < j->argc && r == 0; i++) {
		size_t need = (size_t)j->nwords + (size_t)(j->argc - i) + 1;

		if (need > cap) {
			void *more =
				realloc(j->words, need * 2 * sizeof(char *));

			if (!more)
				return -ENOMEM;
			j->words = more;
			cap = need * 2;
		}
		if (j->argv[i][0] == '@')
			r = expand_file(j, j->argv[i] + 1, &cap);
		else
			j->words[j->nwords++] = j->argv[i];
	}
	return r;
}

static int
fail(struct invocation *j, int code, const char *reason)
{
	j->event.reason = reason;
	return code;
}

/* What cargo calls the directory of a --target: a triple, or the name of the
 * file that describes it. */
static size_t
triple_of(const struct invocation *j, const char **name)
{
	const char *t = j->triple;
	const char *slash = t ? strrchr(t, '/') : NULL;
	size_t n;

	*name = slash ? slash + 1 : t;
	n = *name ? strlen(*name) : 0;
	return n > 5 && !strcmp(*name + n - 5, ".json") ? n - 5 : n;
}

/* The LEN bytes at DIR are that name. */
static bool
is_called(const struct invocation *j, const char *dir, size_t len)
{
	const char *name;
	size_t n = triple_of(j, &name);

	return n > 0 && n == len && !memcmp(dir, name, n);
}

static bool
is_triple(const struct invocation *j, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && is_called(j, slash + 1, strlen(slash + 1));
}

/* Cut to the directory above. */
static void
cut(char *path)
{
	*strrchr(path, '/') = '\0';
}

/* The nearest directory above --out-dir that holds NAME, or "". */
static void
find_above(const struct invocation *j, const char *name, char *to, size_t room)
{
	char path[4200];
	size_t n = strlen(j->args.out_dir);

	to[0] = '\0';
	if (n >= room || j->args.out_dir[0] != '/')
		return;
	memcpy(to, j->args.out_dir, n + 1);
	for (; to[0]; cut(to)) {
		snprintf(path, sizeof(path), "%s/%s", to, name);
		if (access(path, F_OK) == 0 && !is_triple(j, to))
			return;
	}
}

/*
 * cargo marks the target directory (any cargo since 1.43), and of late that
 * of a --target in it, too; what is made for the host lies in the outer one.
 * Unless it was there already, empty, as where a volume is mounted: there only
 * what cargo locks, one for each profile, tells.
 */
void
invocation_find_target(struct invocation *j)
{
	find_above(j, "CACHEDIR.TAG", j->target, sizeof(j->target));
	if (j->target[0])
		return;
	find_above(j, ".cargo-lock", j->target, sizeof(j->target));
	if (!j->target[0])
		return;
	cut(j->target);
	if (is_triple(j, j->target))
		cut(j->target);
}

const char *
invocation_home_dir(const char *var, const char *rest, char *out, size_t room)
{
	const char *v = getenv(var), *home = getenv("HOME");

	if (v && v[0] == '/')
		return v;
	if (!home || snprintf(out, room, "%s/%s", home, rest) >= (int)room)
		return NULL;
	return out;
}

const char *
invocation_rustup_home(void)
{
	static char path[4096];

	return invocation_home_dir("RUSTUP_HOME", ".rustup", path,
				   sizeof(path));
}

static void
choose_roots(struct invocation *j)
{
	static char cargo[4096];
	struct roots_in in = {
		.args = &j->args,
		.cwd = j->cwd,
		.target = j->target[0] ? j->target : NULL,
		.out_dir_env = getenv("OUT_DIR"),
		.cargo_home = invocation_home_dir("CARGO_HOME", ".cargo", cargo,
						  sizeof(cargo)),
		.rustup_home = invocation_rustup_home(),
		.home = getenv("HOME"),
		.sysroot = j->toolchain.sysroot,
	};

	in.mode = j->mode;
	in.cwd_name = workspace_cwd_name(j, j->naming_in.place, &in.workspace);
	if (j->naming == NAMING_PACKAGE) {
		in.cwd_name = ".";
		in.cwd_always = true;
	}
	roots_init(&j->roots, &in);
}

static enum roots_mode
choose_mode(const struct invocation *j)
{
	int64_t portable = j->config.v[CONFIG_STORE_PORTABLE].num;

	/* What is to travel must not know where it was made. */
	if (portable == CONFIG_PORTABLE_AUTO &&
	    j->config.v[CONFIG_REMOTE_URL].text[0])
		portable = CONFIG_PORTABLE_YES;
	if (portable == CONFIG_PORTABLE_NO || j->args.by_path)
		return ROOTS_NONE;
	return portable == CONFIG_PORTABLE_YES ? ROOTS_MACHINE : ROOTS_CHECKOUT;
}

static void
choose_names(struct invocation *j)
{
	static char cargo[4096];
	struct naming_in *in = &j->naming_in;

	const char *home = invocation_home_dir("CARGO_HOME", ".cargo", cargo,
					       sizeof(cargo));

	j->mode = choose_mode(j);
	j->naming = NAMING_REAL;
	if (j->mode == ROOTS_NONE)
		return;
	*in = (struct naming_in){
		.kind = j->args.kind,
		.place = workspace_place(j, home),
		.home_renamed = j->mode == ROOTS_MACHINE,
		.scopes = !j->args.user_remap &&
			  naming_has_scopes(j->toolchain.verbose),
	};
	j->naming = naming_choose(in);
	if (j->naming == NAMING_REAL)
		j->mode = ROOTS_NONE;
}

const char *
invocation_profile(const struct invocation *j)
{
	static char name[64];
	size_t n = strlen(j->target), k;
	const char *p = j->args.out_dir + n;

	if (!n || *p != '/')
		return "";
	k = strcspn(++p, "/");
	if (is_called(j, p, k) && p[k])
		k = strcspn(p += k + 1, "/");
	snprintf(name, sizeof(name), "%.*s", (int)k, p);
	return name;
}

struct inputs_env
invocation_inputs_env(struct invocation *j)
{
	return (struct inputs_env){ .memo = &j->memo,
				    .roots = &j->roots,
				    .get = invocation_getenv,
				    .all = environ,
				    .cwd = j->cwd,
				    .externs = j->externs,
				    .nexterns = j->args.nexterns,
				    .run = j->args.kind == ARGS_RUN };
}

int
invocation_toolchain(const struct invocation *j, const char *compiler,
		     const char *target, bool driver, struct toolchain *out)
{
	struct toolchain_in in = {
		.dirfd = j->store.dir,
		.locks = j->store.locks,
		.compiler = compiler,
		.target = target,
		.path = getenv("PATH"),
		.rustup_home = invocation_rustup_home(),
		.rustup_toolchain = getenv("RUSTUP_TOOLCHAIN"),
		.driver = driver,
	};

	return toolchain_load(&in, out);
}

/* A script may lead to any compiler, which is an input then. */
static bool
is_script(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[2] = "";
	bool script = fd >= 0 && read(fd, head, 2) == 2 && head[0] == '#' &&
		      head[1] == '!';

	if (fd >= 0)
		close(fd);
	return script;
}

static bool
ran(const struct trace *t, const char *rustc)
{
	for (size_t i = 0; i < t->nprocesses; i++)
		if (!strcmp(t->processes[i].exe, rustc))
			return true;
	return is_script(rustc);
}

bool
invocation_same_toolchain(const struct invocation *j, const char *compiler,
			  const char *target, const struct trace *t)
{
	struct toolchain now = { 0 };
	bool beside = j->compiler && j->compiler->beside;
	bool same =
		invocation_toolchain(j, compiler, target, beside, &now) == 0 &&
		digest_eq(&now.id, &j->toolchain.id) &&
		!strcmp(now.rustc, j->toolchain.rustc) &&
		!strcmp(now.sysroot, j->toolchain.sysroot);

	toolchain_release(&now);
	return same && (!t || ran(t, j->toolchain.rustc));
}

int
invocation_unit_key(struct invocation *j, bool incremental, struct digest *k0,
		    struct buf *list)
{
	/* -C rpath counts the steps from where links of the name lead to. */
	char *place = j->args.by_path ? realpath(j->args.out_dir, NULL) : NULL;
	struct unit_in in = {
		.args = &j->args,
		.roots = &j->roots,
		.toolchain = &j->toolchain.id,
		.get = invocation_getenv,
		.cwd = j->cwd,
		.sysroot = j->toolchain.sysroot,
		.mode = j->mode,
		.scope = naming_scope(j->naming),
		.places = j->places,
		.conf = j->compiler->conf ? &j->conf : NULL,
		.place = place,
		.incremental = incremental,
	};
	int r = unit_key(&in, k0, list);

	free(place);
	return r;
}

static int
make_keys(struct invocation *j)
{
	struct clippy_in clippy = { invocation_getenv, j->cwd, &j->memo };
	int r = j->compiler->conf ? j->compiler->conf(&clippy, &j->conf) : 0;

	r = r ? r : invocation_unit_key(j, false, &j->k0_plain, NULL);
	j->k0 = j->k0_plain;
	if (r == 0 && j->args.incremental)
		r = invocation_unit_key(j, true, &j->k0, NULL);
	unit_tag(&j->args, &j->tag);
	j->event.k0 = j->k0;
	return r;
}

static void
note_externs(struct invocation *j)
{
	for (size_t i = 0; i < j->args.nexterns; i++) {
		const struct args_extern *e = &j->args.externs[i];
		char hex[DIGEST_HEX + 1];

		if (!e->path || !j->externs)
			continue;
		digest_hex(&j->externs[i], hex);
		buf_fmt(&j->event.externs, "%s%.*s:%.16s",
			j->event.externs.len ? "," : "", (int)e->name_len,
			e->name, hex);
	}
}

int
invocation_prepare(struct invocation *j)
{
	const char *why;
	int r = expand(j);

	if (r < 0)
		return fail(j, ERR_REFUSED, "argument-file");
	r = args_read(&j->args, j->nwords, j->words);
	if (r < 0)
		return fail(j, r, j->args.reason);
	j->triple = j->args.target;
	j->event.crate = j->args.crate_name;
	j->event.kind = args_kind_name(j->args.kind);
	why = unit_env_refuses(invocation_getenv);
	if (!why && j->compiler->refuses)
		why = j->compiler->refuses(invocation_getenv);
	if (why)
		return fail(j, ERR_REFUSED, why);
	if (!j->cwd[0] || !roots_clean(j->cwd, strlen(j->cwd)))
		return fail(j, ERR_REFUSED, "cwd");
	r = invocation_toolchain(j, j->argv[1], j->args.target,
				 j->compiler->beside, &j->toolchain);
	if (r < 0)
		return fail(j, r, "toolchain");
	invocation_find_target(j);
	choose_names(j);
	choose_roots(j);
	j->event.profile = invocation_profile(j);
	/* cargo compiles what is of the workspace in its root. */
	invocation_project(j, j->cwd);
	digest_cache_open(&j->memo, j->store.dir);
	r = make_keys(j);
	if (r < 0)
		return fail(j, r, "path");
	/* An extern that cannot be read: compile, and do not store. */
	if (inputs_externs(&j->args, &j->memo, &j->externs, &j->extern_ids) < 0)
		j->externs = NULL;
	j->readable = j->externs != NULL;
	note_externs(j);
	j->event.key_us = invocation_us(j->t0);
	return 0;
}

int
invocation_use_real_names(struct invocation *j)
{
	j->naming = NAMING_REAL;
	j->mode = ROOTS_NONE;
	choose_roots(j);
	return make_keys(j);
}
