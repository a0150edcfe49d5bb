/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/learn_internal.h"

#include "base/err.h"
#include "key/clippy.h"
#include "key/learn.h"
#include "key/trace.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Lints of the group "cargo" ask `cargo metadata`, whose answer depends on
 * registries, locks of other processes and perhaps the network.
 */
int
learn_clippy_begin(struct work *w)
{
	const struct trace *t = w->l->trace;

	for (size_t i = 0; i < t->nprocesses; i++)
		if (!strcmp(learn_base_name(t->processes[i].exe), "cargo"))
			return learn_refuse(w, ERR_REFUSED, "starts", "cargo");
	return 0;
}

bool
learn_clippy_knows(const struct work *w, const char *path)
{
	return w->l->driver && clippy_is_conf(path) &&
	       clippy_is_above(w->l->cwd, path);
}

/* It calls Cargo.toml a source wherever there is one, and only some lints read
 * it.  Who asked for its stat made it an input (learn_present). */
bool
learn_clippy_tracks(const struct work *w, const char *path)
{
	const struct trace *t = w->l->trace;
	char at[PATH_MAX];

	if (!w->l->driver || strcmp(learn_base_name(path), "Cargo.toml") != 0)
		return false;
	for (size_t i = 0; i < t->nevents; i++)
		if (t->events[i].kind == TRACE_PRESENT &&
		    t->events[i].how != TRACE_BY_ACCESS &&
		    learn_tidy(w->l->cwd, t->events[i].name, at) == 0 &&
		    !strcmp(at, path))
			return true;
	return false;
}

/* It resolves where it starts to look, and what it finds.  What leads to the
 * working directory itself cannot move it. */
int
learn_clippy_links(struct work *w, const char *path)
{
	struct stat st;

	if (clippy_is_above(w->l->cwd, path))
		return 0;
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		int r = learn_add_path(w, 'k', path);

		if (r < 0)
			return r;
	}
	return learn_links(w, path);
}
