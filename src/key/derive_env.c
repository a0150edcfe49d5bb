/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/memfind.h"
#include "key/env_macro.h"
#include "key/derive.h"
#include "key/digest_cache.h"
#include "key/input_kind.h"
#include "key/inputs.h"
#include "key/trace.h"
#include "key/unit.h"
#include "rustc/args.h"
#include "rustc/depinfo.h"
#include "rustc/roots.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE_MAX = 64 << 20 };

/* True if a file below this checkout is named by the value. */
static bool
names_root(const struct work *w, const char *value)
{
	struct buf enc = { 0 };
	bool named = value && roots_encode(w->l->roots, value, &enc) == 0 &&
		     enc.p[0] != '/';

	buf_free(&enc);
	return named;
}

/* Metadata that rustc looked at, or a macro that it loaded. */
static bool
reads_crate(const struct work *w, const struct trace_event *e)
{
	if (e->kind == TRACE_DLOPEN || e->kind == TRACE_OBJECT)
		return !derive_in_toolchain(w->l, e->name);
	return e->kind == TRACE_READ && (derive_has_suffix(e->name, ".rmeta") ||
					 derive_has_suffix(e->name, ".rlib") ||
					 derive_has_suffix(e->name, ".so"));
}

static bool
is_spared(const struct work *w, const char *path, const char *name)
{
	struct file_id id;
	struct digest d;

	return w->l->spared &&
	       digest_cache_digest(w->l->memo, AT_FDCWD, path, &d, &id) == 0 &&
	       w->l->spared(w->l->spared_ctx, &d, name);
}

/*
 * A macro of a dependency may spell the variable where we cannot see it, in
 * its text or in its code.  (One that is told the name by the unit's source
 * is seen there.)
 */
static bool
named_by_crates(const struct work *w, const char *name)
{
	const struct trace *t = w->l->trace;
	char path[PATH_MAX];

	for (size_t i = 0; i < t->nevents; i++) {
		const struct trace_event *e = &t->events[i];

		if (e->process != 0 || !reads_crate(w, e))
			continue;
		if (derive_tidy(w->l->cwd, e->name, path) < 0 ||
		    (!derive_skips(w, path) && env_macro_named_in(path, name) &&
		     !is_spared(w, path, name)))
			return true;
	}
	return false;
}

/* Included source may have any name, and data may be included as well. */
static bool
is_source(const char *path, const struct buf *b, const char *name)
{
	static const char defines[] = "macro_rules";

	return derive_has_suffix(path, ".rs") ||
	       (b->len &&
		(memfind(b->p, b->len, name, strlen(name)) ||
		 memfind(b->p, b->len, defines, sizeof(defines) - 1)));
}

static enum env_macro_use
scan_sources(const struct work *w, const char *name)
{
	const struct depinfo *d = w->l->depinfo;
	unsigned sights = 0;

	for (size_t i = 0; i < d->nfiles && !(sights & ENV_MACRO_ELSE); i++) {
		struct buf b = { 0 };
		char path[PATH_MAX];
		int r = derive_tidy(w->l->cwd, d->files[i], path);

		r = r ? r : file_read(AT_FDCWD, path, SOURCE_MAX, &b);
		/* No data of that size are compiled. */
		if (r < 0 &&
		    (r != ERR_TOOBIG || derive_has_suffix(d->files[i], ".rs")))
			sights |= ENV_MACRO_ELSE;
		else if (r == 0 && b.len && is_source(path, &b, name))
			sights |= env_macro_look(b.p, b.len, name);
		buf_free(&b);
	}
	return env_macro_judge(sights);
}

/* A dependency called core has an include! of its own. */
static bool
renames_std(const struct args *a)
{
	static const char *const names[] = { "core", "std", "alloc" };

	for (size_t i = 0; i < a->nexterns; i++) {
		const char *p = a->externs[i].name;
		const char *colon = memrchr(p, ':', a->externs[i].name_len);
		size_t n = a->externs[i].name_len;

		if (colon) {
			n -= (size_t)(colon + 1 - p);
			p = colon + 1;
		}
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
			if (strlen(names[k]) == n && !memcmp(p, names[k], n))
				return true;
	}
	return false;
}

/* The driver asks for it by itself, to find its configuration. */
static bool
is_own_place(const struct work *w, const char *name)
{
	return w->l->rules->is_place && w->l->rules->is_place(name);
}

/*
 * A variable that holds a place of this checkout but serves includes only:
 * the files are items of their own, under a name that moves along.
 */
static bool
is_include_only(const struct work *w, const char *name)
{
	enum env_macro_use use;

	if (!names_root(w, getenv(name)) || renames_std(w->l->args))
		return false;
	use = scan_sources(w, name);
	if (use != ENV_MACRO_ONLY &&
	    !(use == ENV_MACRO_NONE && is_own_place(w, name)))
		return false;
	return !named_by_crates(w, name);
}

/* The user says that it names a place; it must do so here. */
static bool
is_declared_place(const struct work *w, const char *name)
{
	return memfind_word(w->l->places, name) && names_root(w, getenv(name));
}

int
derive_env(struct work *w, const struct trace_event *e)
{
	if (strset_has(&w->places, e->name))
		return 0;
	/* rustc itself reads PATH to start a linker. */
	if (unit_env_known(e->name) ||
	    (!strcmp(e->name, "PATH") &&
	     (w->l->args->linked || e->process != 0)))
		return 0;
	if (!roots_clean(e->name, strlen(e->name)))
		return derive_refuse(w, ERR_REFUSED, "env", NULL);
	if (is_own_place(w, e->name) && is_include_only(w, e->name)) {
		strset_add(&w->places, e->name, NULL);
		return inputs_add(w->inputs, INPUT_PLACE, e->name,
				  strlen(e->name));
	}
	return inputs_add(w->inputs,
			  is_declared_place(w, e->name) ? INPUT_PLACE
							: INPUT_VALUE,
			  e->name, strlen(e->name));
}

int
derive_declared_env(struct work *w)
{
	const struct depinfo *d = w->l->depinfo;
	int r = 0;

	for (size_t i = 0; i < d->nenvs && r == 0; i++) {
		const char *name = d->envs[i].name;
		bool place = d->envs[i].set && (is_declared_place(w, name) ||
						is_include_only(w, name));

		if (!name[0])
			continue;
		if (place)
			strset_add(&w->places, name, NULL);
		r = inputs_add(w->inputs, place ? INPUT_PLACE : INPUT_VALUE,
			       name, strlen(name));
	}
	return r;
}

int
derive_surroundings(struct work *w)
{
	const struct derive *l = w->l;
	const struct {
		bool is;
		char kind;
		const char *name;
	} all[] = {
		{ l->whole_env && !l->raw_env, INPUT_ENVIRONMENT, "all" },
		{ l->raw_env, INPUT_ENVIRONMENT, "raw" },
		{ l->cc_env && !l->whole_env, INPUT_ENVIRONMENT, "cc" },
		{ l->cpu, INPUT_MACHINE, "cpu" },
		{ l->cpus, INPUT_MACHINE, "cpus" },
		{ l->host, INPUT_MACHINE, "host" },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && r == 0; i++)
		if (all[i].is)
			r = inputs_add(w->inputs, all[i].kind, all[i].name,
				       strlen(all[i].name));
	return r;
}
