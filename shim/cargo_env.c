/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/cargo_env.h"

#include "base/digest.h"
#include "base/file.h"
#include "config/config.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANCESTORS = 8, PROC_MAX = 4 << 20 };

static int
proc_read(int pid, const char *what, struct buf *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	return file_read(AT_FDCWD, path, PROC_MAX, out);
}

static int
is_cargo(int pid)
{
	char path[64], exe[PATH_MAX];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n <= 0)
		return 0;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	return slash && (!strcmp(slash + 1, "cargo") ||
			 !strcmp(slash + 1, "cargo (deleted)"));
}

/* Field N of /proc/<pid>/stat, counted behind the name in parentheses,
 * which may itself hold blanks and parentheses. */
static unsigned long long
stat_field(const struct buf *stat, int n)
{
	const char *p = stat->p ? strrchr(stat->p, ')') : NULL;

	for (n -= 2; p && n > 0; n--) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	return p ? strtoull(p, NULL, 10) : 0;
}

static uint64_t
session_of(int pid, const struct buf *stat)
{
	uint64_t v[2] = { (uint64_t)pid, stat_field(stat, 22) }, id;
	struct digest d;

	digest_bytes(v, sizeof(v), &d);
	memcpy(&id, d.b, sizeof(id));
	return id;
}

/* Whether /proc numbers processes as we do: it may be missing, or belong to
 * another PID namespace. */
static bool
proc_is_ours(void)
{
	char self[24];
	ssize_t n = readlink("/proc/self", self, sizeof(self) - 1);

	if (n <= 0)
		return false;
	self[n] = '\0';
	return strtol(self, NULL, 10) == (long)getpid();
}

void
cargo_env_init(struct cargo_env *t)
{
	struct buf stat = { 0 };
	int pid = getppid();

	memset(t, 0, sizeof(*t));
	if (!proc_is_ours()) {
		t->pid = -1;
		return;
	}
	for (int i = 0; i < ANCESTORS && pid > 1; i++) {
		buf_reset(&stat);
		if (proc_read(pid, "stat", &stat) < 0)
			break;
		if (is_cargo(pid)) {
			t->pid = pid;
			t->session = session_of(pid, &stat);
			t->readable = proc_read(pid, "environ", &t->env) == 0;
			proc_read(pid, "cmdline", &t->cmdline);
			break;
		}
		pid = (int)stat_field(&stat, 4);
	}
	buf_free(&stat);
}

void
cargo_env_release(struct cargo_env *t)
{
	buf_free(&t->env);
	buf_free(&t->cmdline);
}

static const char *
lookup(const struct buf *env, const char *name)
{
	size_t n = strlen(name);
	const char *p = env->p, *end = env->p + env->len;

	while (p && p < end) {
		if (!strncmp(p, name, n) && p[n] == '=')
			return p + n + 1;
		p += strlen(p) + 1;
	}
	return NULL;
}

const char *
cargo_env_get(void *ctx, const char *name)
{
	const struct cargo_env *t = ctx;

	if (!t->pid || (!config_guarded(name) && strcmp(name, "HOME") &&
			strncmp(name, "XDG_", 4)))
		return getenv(name);
	return t->readable ? lookup(&t->env, name) : NULL;
}

/* The first word that is no option; +toolchain never reaches cargo. */
const char *
cargo_env_command(const struct cargo_env *t)
{
	const char *p = t->cmdline.p, *end = p + t->cmdline.len;

	if (!p)
		return "";
	for (p += strlen(p) + 1; p < end; p += strlen(p) + 1)
		if (*p && *p != '-' && *p != '+')
			return p;
	return "";
}
