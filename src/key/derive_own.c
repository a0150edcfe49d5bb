/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "base/err.h"
#include "key/derive.h"
#include "key/trace.h"
#include "rustc/args.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

bool
derive_real_name(const struct work *w, const char *path, char out[PATH_MAX])
{
	const char *dir = w->l->args->out_dir;
	size_t n = strlen(dir);

	if (!w->real_out[0] || !derive_below(path, dir))
		return false;
	return snprintf(out, PATH_MAX, "%s%s", w->real_out, path + n) <
	       PATH_MAX;
}

int
derive_note_own(struct work *w, const char *name)
{
	char path[PATH_MAX], real[PATH_MAX];

	if (derive_tidy(w->l->cwd, name, path) < 0)
		return derive_refuse(w, ERR_REFUSED, "path", name);
	strset_add(&w->own, path, NULL);
	if (derive_real_name(w, path, real))
		strset_add(&w->own, real, NULL);
	return 0;
}

int
derive_own(struct work *w)
{
	const struct trace *t = w->l->trace;
	int r = 0;

	for (size_t i = 0; i < w->l->noutputs && r == 0; i++)
		r = derive_note_own(w, w->l->outputs[i]);
	for (size_t i = 0; i < t->nevents && r == 0; i++) {
		const struct trace_event *e = &t->events[i];

		if (e->kind == TRACE_WRITE || e->kind == TRACE_MKDIR)
			r = derive_note_own(w, e->name);
		else if (e->kind == TRACE_RENAME || e->kind == TRACE_LINK ||
			 e->kind == TRACE_SYMLINK)
			r = derive_note_own(w, e->other);
	}
	return r;
}
