/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "arch/arch.h"
#include "base/buf.h"
#include "base/err.h"
#include "key/derive.h"
#include "key/inputs.h"
#include "key/programs.h"
#include "rustc/args.h"
#include "rustc/roots.h"
#include "rustc/toolchain.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Own reads of rustc, LLVM, libc and the linkers, by their start. */
static const struct {
	const char *start;
	bool tools; /* who else reads it wants to know */
} noise[] = {
	{ "/proc/self/", false }, /* derive_proc says which */
	{ "/proc/thread-self/", false },
	{ "/proc/sys/vm/overcommit_memory", false },
	{ "/proc/cpuinfo", true },
	{ "/proc/meminfo", true },
	{ "/proc/stat", true },
	{ "/proc/mounts", true },
	{ "/proc/filesystems", true }, /* libselinux, in cp and its like */
	{ "/sys/kernel/mm/transparent_hugepage/", false },
	{ "/sys/devices/system/cpu",
	  false }, /* counted in shim/observability */
	{ "/sys/fs/cgroup", true },
	{ "/sys/fs/selinux", true },
	{ "/etc/malloc.conf", false },
	{ "/etc/ld.so.cache", false },
	{ "/etc/ld.so.preload", false },
	{ "/etc/localtime", true },
	{ "/etc/locale", false },
	{ "/etc/nsswitch.conf", false },
	{ "/usr/lib/locale", false },
	{ "/usr/share/locale", false },
	{ "/usr/share/locale-langpack", false },
	{ ("/usr/lib/" ARCH_TRIPLE "/gconv"), false },
	{ "/dev/null", false },
	{ "/dev/zero", false },
	{ "/dev/tty", false },
	{ "/dev/urandom", true },
	{ "/dev/random", true },
	{ "/dev/shm/sem.", false },
	{ "/dev/fd", false },
	{ "/dev/std", false },
};

int
derive_refuse(struct work *w, int code, const char *why, const char *what)
{
	/* Somebody answers for it; but a key must hold what it names. */
	if (w->l->declared && code == ERR_REFUSED && strcmp(why, "path") &&
	    strcmp(why, "env"))
		return 0;
	if (!w->l->reason[0])
		snprintf(w->l->reason, sizeof(w->l->reason), "%s%s%s", why,
			 what ? ":" : "", what ? what : "");
	return code;
}

bool
derive_below(const char *path, const char *dir)
{
	size_t n = dir ? strlen(dir) : 0;

	while (n > 1 && dir[n - 1] == '/')
		n--;
	return n > 1 && !strncmp(path, dir, n) && (path[n] == '/' || !path[n]);
}

const char *
derive_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool
derive_has_suffix(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	return n > k && !strcmp(name + n - k, end);
}

/* Without empty and "." parts, which two spellings of a name may differ in.
 * ".." stays: it means what the links on the way say. */
int
derive_tidy(const char *cwd, const char *path, char out[PATH_MAX])
{
	size_t n = 0;

	for (int pass = path[0] == '/'; pass < 2; pass++) {
		const char *p = pass ? path : cwd;

		while (*p) {
			size_t k = strcspn(p, "/");

			if (k > 0 && !(k == 1 && p[0] == '.')) {
				if (n + k + 2 > PATH_MAX)
					return ERR_TOOBIG;
				out[n++] = '/';
				memcpy(out + n, p, k);
				n += k;
			}
			p += k + (p[k] == '/');
		}
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return 0;
}

/* Files that are in the toolchain's identity.  The loader spells its own
 * libraries with "..", from where programs of it lie. */
bool
derive_in_toolchain(const struct derive *l, const char *path)
{
	char real[PATH_MAX];

	if (!strstr(path, "/../"))
		return toolchain_holds(l->toolchain, path);
	return derive_below(path, l->toolchain->sysroot) &&
	       realpath(path, real) && toolchain_holds(l->toolchain, real);
}

static int
find_noise(const char *path)
{
	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		if (!strncmp(path, noise[i].start, strlen(noise[i].start)))
			return (int)i;
	return -1;
}

bool
derive_is_noise(const char *path)
{
	return find_noise(path) >= 0;
}

bool
derive_is_tools_noise(const char *path)
{
	int i = find_noise(path);

	return i >= 0 && noise[i].tools;
}

bool
derive_is_proc(const char *path)
{
	return !strncmp(path, "/proc/", 6) && path[6] >= '0' && path[6] <= '9';
}

bool
derive_is_sink(const char *path)
{
	return derive_is_proc(path) ||
	       (derive_is_noise(path) && (!strncmp(path, "/proc/self/", 11) ||
					  !strncmp(path, "/proc/thread-", 13) ||
					  !strncmp(path, "/dev/", 5)));
}

bool
derive_is_state(const struct work *w, const char *path)
{
	return derive_below(path, w->l->args->incremental) ||
	       derive_below(path, w->state);
}

/* Nothing to record about PATH: not outside, not an input, or known. */
bool
derive_skips(const struct work *w, const char *path)
{
	return derive_in_toolchain(w->l, path) || derive_is_noise(path) ||
	       derive_is_proc(path) || derive_is_state(w, path) ||
	       !strcmp(path, w->l->observer) || strset_covers(&w->own, path);
}

int
derive_add_path(struct work *w, char kind, const char *path)
{
	struct buf enc = { 0 };
	int r = roots_encode(w->l->roots, path, &enc);

	if (r == 0 && enc.failed)
		r = -ENOMEM;
	if (r == 0)
		r = inputs_add(w->inputs, kind, enc.p, enc.len);
	buf_free(&enc);
	if (r == ERR_TOOBIG || r == ERR_REFUSED)
		return derive_refuse(w, ERR_REFUSED, "path", path);
	return r;
}

bool
derive_is_compiler(const struct work *w, const struct trace_event *e)
{
	return w->l->rules->compiles && e->process == 0;
}

static const struct trace_process *
find_process(const struct work *w, const struct trace_event *e)
{
	static const struct trace_process nobody = { .exe = "" };
	const struct trace *t = w->l->trace;
	uint32_t process = e->process;

	for (unsigned hops = 0; hops < 64; hops++) {
		const struct trace_process *p = &t->processes[process];
		size_t i = process;

		if (p->exe[0] || process == 0)
			return p;
		while (i > 0 && t->processes[i - 1].pid != p->parent)
			i--;
		process = i > 0 ? (uint32_t)(i - 1) : 0;
	}
	return &nobody;
}

const char *
derive_program_of(const struct work *w, const struct trace_event *e)
{
	return find_process(w, e)->exe;
}

unsigned
derive_tool_of(const struct work *w, const struct trace_event *e)
{
	const struct trace_process *p = find_process(w, e);

	return p->known ? programs_find(p->exe)->flags : 0;
}
