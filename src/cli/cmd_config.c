/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/err.h"
#include "config/config.h"
#include "config/project.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int problems;

static void complain(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static void
complain(const char *fmt, ...)
{
	va_list ap;

	if (problems++ == 0)
		puts("\nProblems:");
	fputs("  ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void
print_value(const struct config *c, int id)
{
	const struct config_key *k = &config_keys[id];
	const struct config_value *v = &c->v[id];
	char name[64];

	/* What has no effect yet is shown only where somebody set it. */
	if (k->later && v->origin == CONFIG_FROM_DEFAULT)
		return;
	snprintf(name, sizeof(name), "[%s] %s", k->section, k->name);
	printf("  %-24s %-20s ", name, *v->text ? v->text : "(empty)");
	if (v->origin == CONFIG_FROM_DEFAULT)
		printf("default");
	else if (v->origin == CONFIG_FROM_ENV)
		printf("%s", v->where);
	else
		printf("%s:%d", v->where, v->line);
	puts(k->later ? " (no effect in this release)" : "");
}

static void
print_files(const struct config *c)
{
	int i;

	puts("\nFiles, later ones win:");
	for (i = 0; i < CONFIG_FILES; i++) {
		const struct config_file *f = &c->file[i];

		if (!f->path)
			continue;
		printf("  %-45s %s\n", f->path,
		       f->status == 0         ? "read"
		       : f->status == -ENOENT ? "not there"
					      : err_text(f->status));
	}
}

/* What a build in this directory would find. */
static void
print_project(struct project *p)
{
	static const char *const keys[] = { "allow", "places" };
	char dir[PATH_MAX];
	size_t n = getcwd(dir, sizeof(dir)) ? project_find(dir, getenv("HOME"))
					    : 0;
	struct stat st;

	if (n == 0)
		return;
	dir[n] = '\0';
	project_load(p, dir);
	printf("\nThe project's own file:\n  %-45s %s\n", p->path,
	       p->status == 0 ? "read" : "ignored");
	for (size_t i = 0; i < 2; i++) {
		const char *text = i ? p->places : p->allow;

		if (*text)
			printf("  [inputs] %-15s %s\n", keys[i], text);
	}
	if (snprintf(dir + n, sizeof(dir) - n, "/Cargo.lock") <
		    (int)(sizeof(dir) - n) &&
	    stat(dir, &st) < 0)
		complain("%s: builds do not look here: there is no Cargo.lock "
			 "beside it",
			 p->path);
}

/* The nearest directory at or above PATH that exists, into OUT. */
static int
nearest(const char *path, char out[PATH_MAX], struct stat *st)
{
	char *slash;

	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(out, path, strlen(path) + 1);
	while (stat(out, st) < 0) {
		if (errno != ENOENT)
			return -errno;
		slash = strrchr(out, '/');
		if (!slash)
			return -ENOENT;
		slash[slash == out] = '\0';
	}
	return S_ISDIR(st->st_mode) ? 0 : -ENOTDIR;
}

/* By doing it: root, full disks and odd file systems make access(2) lie. */
static int
try_to_write(const char *dir)
{
	char probe[PATH_MAX];

	if (snprintf(probe, sizeof(probe), "%s/.kache-XXXXXX", dir) >=
	    (int)sizeof(probe))
		return -ENAMETOOLONG;
	return mkdtemp(probe) && rmdir(probe) == 0 ? 0 : -errno;
}

/* The same question as before each store: is there room by min_free? */
static void
check_room(const char *dir, const struct config_value *min)
{
	struct statvfs f;
	uint64_t bytes;

	if (statvfs(dir, &f) < 0)
		return;
	bytes = (uint64_t)f.f_bavail * f.f_frsize;
	if (min->percent &&
	    (f.f_bavail < f.f_blocks / 100 * (uint64_t)min->num ||
	     f.f_favail < f.f_files / 100 * (uint64_t)min->num))
		complain("%s: nothing is stored: less than %d%% of the space "
			 "or the inodes are free (min_free)",
			 dir, (int)min->num);
	else if (!min->percent && bytes < (uint64_t)min->num)
		complain("%s: nothing is stored: less than %s is free "
			 "(min_free)",
			 dir, min->text);
}

/* A store that is there already is opened as the shim does it. */
static void
check_version(const char *dir)
{
	struct store s;
	int r = store_open(&s, dir);

	if (r == 0)
		store_close(&s);
	else if (r == ERR_NEWER)
		complain("%s: was made by a later version of kache; this one "
			 "leaves it alone",
			 dir);
	else
		complain("%s: cannot be opened: %s", dir, err_text(r));
}

static void
check_store(const struct config *c)
{
	const char *dir = c->v[CONFIG_STORE_DIR].text;
	char at[PATH_MAX];
	struct stat st;
	int r;

	if (!*dir)
		return;
	r = nearest(dir, at, &st);
	if (r < 0) {
		complain("%s: no store can be there: %s: %s", dir, at,
			 err_text(r));
		return;
	}
	r = try_to_write(at);
	if (r < 0)
		complain("%s: nothing can be stored: %s: %s", dir, at,
			 err_text(r));
	check_room(at, &c->v[CONFIG_STORE_MIN_FREE]);
	if (strcmp(at, dir) != 0)
		return;
	if (st.st_uid != geteuid())
		complain("%s: belongs to user id %u; the shim will not use it",
			 dir, (unsigned)st.st_uid);
	else if (st.st_mode & 022)
		complain("%s: others may write to it (mode %o)", dir,
			 (unsigned)st.st_mode & 07777);
	else
		check_version(dir);
}

/* Whether lines can be appended to DIR/NAME, where it exists. */
static void
check_log(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= PATH_MAX)
		return;
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW |
				O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		close(fd);
	else if (errno != ENOENT && errno != ENOTDIR)
		complain("%s: cannot be written: %s", path, strerror(errno));
}

/* As the shim finds it: beside its own directory, else as configured. */
static void
check_helper(const char *name, const char *effect)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		snprintf(slash, 64, "/../libexec/kache/%s", name);
		if (access(path, R_OK) == 0)
			return;
	}
	snprintf(path, sizeof(path), "%s/%s", KACHE_PKGLIBEXECDIR, name);
	if (access(path, R_OK) < 0)
		complain("%s: not found: %s", path, effect);
}

static void
check_wrapper(void)
{
	const char *w = getenv("RUSTC_WRAPPER");
	const char *base = w ? strrchr(w, '/') : NULL;

	base = base ? base + 1 : w;
	if (!w || !*w)
		puts("\nRUSTC_WRAPPER is not set here; cargo may name "
		     "kache-shim in .cargo/config.toml instead.");
	else if (strcmp(base, "kache-shim") != 0)
		printf("\nRUSTC_WRAPPER is %s, not kache-shim.\n", w);
}

static int
show_config(int argc, char **argv)
{
	static const struct cmd_option none[] = { { 0 } };
	static struct project p;
	static struct config c;
	const char *dir;
	int i, status = cmd_options(&cmd_config, argc, argv, none, NULL, 0);

	if (status != CMD_OK)
		return status;
	cmd_load_config(&c);
	puts("Values, and where they come from:");
	for (i = 0; i < CONFIG_KEYS; i++)
		print_value(&c, i);
	if (c.disabled)
		puts("  KACHE_DISABLED is set: every compile passes through");
	print_files(&c);
	check_wrapper();
	print_project(&p);
	for (i = 0; i < p.problem_count && i < PROJECT_PROBLEMS; i++)
		complain("%s", p.problem[i]);
	for (i = 0; i < c.problem_count && i < CONFIG_PROBLEMS; i++)
		complain("%s", config_problem(&c, i));
	if (c.problem_count > CONFIG_PROBLEMS)
		complain("and %d more", c.problem_count - CONFIG_PROBLEMS);
	dir = c.v[CONFIG_STORE_DIR].text;
	check_store(&c);
	check_log(dir, "events.log");
	check_log(dir, "shim.log");
	check_helper("libkache-observe.so", "nothing is cached without it");
	check_helper("kache-classify", "programs it would look at are not "
				       "known, and what runs them not cached");
	if (problems == 0)
		puts("\nNo problems.");
	return problems ? CMD_FAILED : CMD_OK;
}

const struct cmd cmd_config = {
	.name = "config",
	.args = "",
	.summary = "effective values, where they come from, and problems",
	.help = "Shows every value that is in force and the file and line or "
		"the variable it\ncomes from; then what is wrong: values that "
		"were not understood, files that\ncannot be read, a store or "
		"log that cannot be written, and why.\n\n"
		"Exit status 1 if there are problems.\n",
	.run = show_config,
};
