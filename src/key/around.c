/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/around.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/memo.h"
#include "key/vet.h"
#include "rustc/neutral.h"

#include <errno.h>
#include <fcntl.h>
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

bool
around_is_noise(const char *name)
{
	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
		size_t n = strlen(noise[i]);

		if (noise[i][n - 1] == '*' ? !strncmp(noise[i], name, n - 1)
					   : !strcmp(noise[i], name))
			return true;
	}
	return false;
}

/* The name of the variable V, or "" if it is too long to be in a table. */
static void
name_of(const char *v, char name[NAME_LEN])
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

/* What counts, sorted: a new array.  ERR_MISS if one looks like a secret. */
static int
collect(char *const *all, bool moves, bool guarded, const char ***out,
	size_t *count)
{
	char name[NAME_LEN];
	size_t n = 0, k = 0;

	while (all[n])
		n++;
	*out = calloc(n + 1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		name_of(all[i], name);
		if (guarded && vet_secret(name, NULL))
			return ERR_MISS;
		if (!around_is_noise(name) && !(moves && !strcmp(name, "PATH")))
			(*out)[k++] = all[i];
	}
	qsort(*out, k, sizeof(**out), by_text);
	*count = k;
	return 0;
}

int
around_environment(struct digest_ctx *c, char *const *all,
		   const struct roots *roots, bool guarded)
{
	const char **vars = NULL;
	struct buf b = { 0 };
	size_t n = 0;
	int r;

	if (!all)
		return ERR_MISS;
	r = collect(all, roots != NULL, guarded, &vars, &n);
	digest_u64(c, n);
	for (size_t i = 0; i < n && r == 0; i++) {
		buf_reset(&b);
		if (roots && neutral_is_text(vars[i], strlen(vars[i])))
			neutral_text(roots, vars[i], strlen(vars[i]), &b);
		else
			buf_str(&b, vars[i]);
		r = b.failed ? -ENOMEM : 0;
		digest_field(c, b.p ? b.p : "", b.len);
	}
	buf_free(&b);
	free(vars);
	return r;
}

int
around_host(struct digest_ctx *c, struct memo *memo)
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
		memo_digest(memo, AT_FDCWD, files[i], &d, &id);
		digest_sub(c, &d);
	}
	return 0;
}
