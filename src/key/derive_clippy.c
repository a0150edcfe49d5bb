/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "base/err.h"
#include "key/clippy.h"
#include "key/derive.h"
#include "key/input_kind.h"
#include "key/trace.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Lints of the group "cargo" ask `cargo metadata`, whose answer depends on
 * registries, locks of other processes and perhaps the network.
 */
static int
begin_clippy(struct work *w)
{
	const struct trace *t = w->l->trace;

	for (size_t i = 0; i < t->nprocesses; i++)
		if (!strcmp(derive_base_name(t->processes[i].exe), "cargo"))
			return derive_refuse(w, ERR_REFUSED, "starts", "cargo");
	return derive_compile_begin(w);
}

static bool
knows_absent(const struct work *w, const char *path)
{
	return clippy_is_conf(path) && clippy_is_above(w->l->cwd, path);
}

/* It calls Cargo.toml a source wherever there is one, and only some lints read
 * it.  Who asked for its stat made it an input (derive_present). */
static bool
tracks_source(const struct work *w, const char *path)
{
	const struct trace *t = w->l->trace;
	char at[PATH_MAX];

	if (strcmp(derive_base_name(path), "Cargo.toml") != 0)
		return false;
	for (size_t i = 0; i < t->nevents; i++)
		if (t->events[i].kind == TRACE_PRESENT &&
		    t->events[i].how != OBS_BY_ACCESS &&
		    derive_tidy(w->l->cwd, t->events[i].name, at) == 0 &&
		    !strcmp(at, path))
			return true;
	return false;
}

/* It resolves where it starts to look, and what it finds.  What leads to the
 * working directory itself cannot move it. */
static int
add_links(struct work *w, const char *path)
{
	struct stat st;

	if (clippy_is_above(w->l->cwd, path))
		return 0;
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		int r = derive_add_path(w, INPUT_LINK, path);

		if (r < 0)
			return r;
	}
	return derive_links(w, path);
}

static int
add_resolved(struct work *w, const struct trace_event *e, const char *path)
{
	int r = e->how == OBS_BY_REALPATH && e->process == 0
			? add_links(w, path)
			: 0;

	return r ? r : derive_compile_resolved(w, e, path);
}

const struct derive_rules derive_clippy_rules = {
	.compiles = true,
	.begin = begin_clippy,
	.env = derive_env,
	.is_place = clippy_is_place,
	.tracks_source = tracks_source,
	.knows_absent = knows_absent,
	.resolved = add_resolved,
	.tells_links = derive_compile_links,
	.hides_attributes = derive_compile_hides,
};
