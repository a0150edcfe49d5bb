/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/ambient.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "key/secret_name.h"
#include "rustc/relocatable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { NAME_LEN = 256 };

/* A '*' stands for any rest.  A change of this list is a change of keys. */
static const char *const noise[] = {
	/* the shell's own state */
	"_",
	"SHLVL",
	"PWD",
	"OLDPWD",
	"PS1",
	"PS2",
	"PS4",
	"PROMPT_COMMAND",
	"HISTFILE",
	"HISTSIZE",
	"HISTFILESIZE",
	"HISTCONTROL",
	/* the terminal */
	"TERM",
	"TERM_*",
	"TERMINFO",
	"TERMCAP",
	"COLORTERM",
	"COLORFGBG",
	"COLUMNS",
	"LINES",
	"LS_COLORS",
	"LSCOLORS",
	"WINDOWID",
	"VTE_VERSION",
	"TMUX",
	"TMUX_*",
	"STY",
	"SSH_*",
	"LESS*",
	"PAGER",
	"MAIL",
	/* the session */
	"XDG_SESSION_*",
	"XDG_RUNTIME_DIR",
	"XDG_SEAT*",
	"XDG_VTNR",
	"XDG_CURRENT_DESKTOP",
	"XDG_MENU_PREFIX",
	"XDG_ACTIVATION_TOKEN",
	"DBUS_*",
	"DISPLAY",
	"WAYLAND_*",
	"XAUTHORITY",
	"SESSION_MANAGER",
	"DESKTOP_*",
	"GNOME_*",
	"KDE_*",
	"GPG_AGENT_INFO",
	"INVOCATION_ID",
	"JOURNAL_STREAM",
	"SYSTEMD_EXEC_PID",
	"MEMORY_PRESSURE_*",
	"VSCODE_*",
	"INSIDE_EMACS",
	/* cargo's job server, and how often rustup called itself */
	"CARGO_MAKEFLAGS",
	"MAKEFLAGS",
	"MFLAGS",
	"MAKELEVEL",
	"NUM_JOBS",
	"RUST_RECURSION_COUNT",
	/* ours */
	"RUSTC_WRAPPER",
	"KACHE_*",
};

/*
 * True for variables that do not count when a program takes in the whole
 * environment: those of the terminal, the desktop session, the shell's own
 * state, cargo's job server and kache.  They still count for programs that ask
 * for them by name.
 */
static bool
is_noise(const char *name)
{
	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
		size_t n = strlen(noise[i]);

		if (noise[i][n - 1] == '*' ? !strncmp(noise[i], name, n - 1)
					   : !strcmp(noise[i], name))
			return true;
	}
	return false;
}

/* Words of names that cc 1.0 to 1.11 look for, and of their likes. */
static const char *const cc_words[] = {
	"AR",     "NM",      "LD",      "RANLIB",     "NVCC",      "CUDA",
	"HOST",   "TARGET",  "CROSS",   "COMPILE",    "COMPILER",  "SYSROOT",
	"SDK",    "SDKROOT", "NDK",     "ANDROID",    "WASI",      "WASM",
	"EMCC",   "CFG",     "ENCODED", "RUSTC",      "OUT",       "OPT",
	"DEBUG",  "PROFILE", "INCLUDE", "LIB",        "LIBRARY",   "PAUTHTEST",
	"STDLIB", "WRAPPER", "DATE",    "DEPLOYMENT", "TOOLCHAIN",
};

static const char *const cc_ends[] = { "FLAGS", "CC", "CXX", "STDLIB" };

static bool
is_cc_word(const char *w, size_t n)
{
	for (size_t i = 0; i < sizeof(cc_words) / sizeof(cc_words[0]); i++)
		if (strlen(cc_words[i]) == n && !memcmp(cc_words[i], w, n))
			return true;
	for (size_t i = 0; i < sizeof(cc_ends) / sizeof(cc_ends[0]); i++) {
		size_t k = strlen(cc_ends[i]);

		if (n >= k && !memcmp(cc_ends[i], w + n - k, k))
			return true;
	}
	return false;
}

bool
ambient_is_cc(const char *name)
{
	/* One too long for the tables. */
	if (!*name)
		return true;
	while (*name) {
		size_t n = strcspn(name, "_");

		if (is_cc_word(name, n))
			return true;
		name += n + (name[n] != '\0');
	}
	return false;
}

/* The name of the variable V, or "" if it is too long to be in a table. */
static void
variable_name(const char *v, char name[NAME_LEN])
{
	size_t n = strcspn(v, "=");

	if (n >= NAME_LEN)
		n = 0;
	memcpy(name, v, n);
	name[n] = '\0';
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_counted(const struct ambient *a, const char *name)
{
	if (is_noise(name) || (a->cc && !ambient_is_cc(name)))
		return false;
	return !a->roots || strcmp(name, "PATH") != 0;
}

/* The variables that count, sorted, as a new array.  ERR_MISS if one looks like
 * a secret. */
static int
collect_variables(const struct ambient *a, const char ***out, size_t *count)
{
	char name[NAME_LEN];
	size_t n = 0, k = 0;

	while (a->all[n])
		n++;
	*out = calloc(n + 1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		variable_name(a->all[i], name);
		if (!is_counted(a, name))
			continue;
		if (a->guarded && secret_name_is(name, NULL))
			return ERR_MISS;
		(*out)[k++] = a->all[i];
	}
	qsort(*out, k, sizeof(**out), by_text);
	*count = k;
	return 0;
}

int
ambient_environment(struct digest_ctx *c, const struct ambient *a)
{
	const char **vars = NULL;
	struct buf b = { 0 };
	size_t n = 0;
	int r;

	if (!a->all)
		return ERR_MISS;
	r = collect_variables(a, &vars, &n);
	digest_u64(c, n);
	for (size_t i = 0; i < n && r == 0; i++) {
		size_t len = strlen(vars[i]);

		buf_reset(&b);
		if (a->roots && relocatable_is_text(vars[i], len))
			relocatable_text(a->roots, vars[i], len, &b);
		else
			buf_str(&b, vars[i]);
		r = b.failed ? -ENOMEM : 0;
		digest_field(c, b.p ? b.p : "", b.len);
	}
	buf_free(&b);
	free(vars);
	return r;
}

/* One small file of the kernel's; none is an answer, too. */
static void
fold_text(struct digest_ctx *c, const char *path)
{
	struct buf b = { 0 };

	if (file_read(AT_FDCWD, path, 4096, &b) < 0)
		buf_reset(&b);
	digest_field(c, b.p ? b.p : "", b.len);
	buf_free(&b);
}

/* The CPU quota of the control group and of those above it (cgroup v2), without
 * their names. */
static void
fold_quota(struct digest_ctx *c)
{
	char path[PATH_MAX];
	struct buf b = { 0 };
	char *at = NULL, *slash;

	if (file_read(AT_FDCWD, "/proc/self/cgroup", 65536, &b) == 0 && b.p)
		at = strstr(b.p, "0::/");
	if (at)
		at[strcspn(at, "\n")] = '\0';
	while (at) {
		if (snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max",
			     at + 3) < (int)sizeof(path) &&
		    access(path, F_OK) == 0)
			fold_text(c, path);
		slash = strrchr(at + 3, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	buf_free(&b);
}

int
ambient_cpus(struct digest_ctx *c)
{
	cpu_set_t may;

	CPU_ZERO(&may);
	if (sched_getaffinity(0, sizeof(may), &may) < 0)
		return -errno;
	digest_add(c, &may, sizeof(may));
	fold_text(c, "/sys/devices/system/cpu/online");
	fold_text(c, "/sys/devices/system/cpu/possible");
	fold_text(c, "/sys/devices/system/cpu/present");
	fold_quota(c);
	return 0;
}

int
ambient_host(struct digest_ctx *c, struct digest_cache *memo)
{
	static const char *const files[] = { "/etc/passwd", "/etc/group" };
	struct utsname u;

	if (uname(&u) < 0)
		return -errno;
	digest_str(c, u.sysname);
	digest_str(c, u.nodename);
	digest_str(c, u.release);
	digest_str(c, u.version);
	digest_str(c, u.machine);
	digest_u64(c, getuid());
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct digest d = { { 0 } };
		struct file_id id;

		/* None is an answer, too. */
		digest_cache_digest(memo, AT_FDCWD, files[i], &d, &id);
		digest_sub(c, &d);
	}
	return 0;
}
