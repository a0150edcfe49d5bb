/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/derive.h"
#include "key/digest_cache.h"
#include "key/trace.h"
#include "rustc/args.h"
#include "rustc/roots.h"

#include <fcntl.h>
#include <string.h>

bool
derive_is_linked(const struct work *w, const char *path)
{
	const struct derive *l = w->l;

	for (size_t i = 0; i < l->roots->count; i++)
		if (strchr("tO", l->roots->r[i].tag) &&
		    derive_below(path, l->roots->r[i].path))
			return true;
	return derive_below(path, l->args->out_dir) ||
	       (w->real_out[0] && derive_below(path, w->real_out));
}

/*
 * A program that writes a file can give it any mtime afterwards, as cp -p, tar
 * and rsync do; only the kernel sets the ctime.
 */
bool
derive_settled(const struct work *w, const char *path, const struct file_id *id,
	       int64_t when)
{
	int64_t written = derive_is_linked(w, path) ? id->mtime : id->ctime;
	struct digest d;

	return written < when ||
	       (w->l->memo && digest_cache_get_own(w->l->memo, id, &d) == 0);
}

static bool
is_same(const struct work *w, const char *path, const struct file_id *id,
	const struct trace_stat *st)
{
	return id->dev == st->dev && id->ino == st->ino &&
	       id->size == st->size && id->mtime == st->mtime_ns &&
	       (id->ctime == st->ctime_ns || derive_is_linked(w, path));
}

/* A time in the tick of the opening proves nothing: the file may be written
 * once more without showing. */
int
derive_race(struct work *w, const struct trace_event *e, const char *path)
{
	struct file_id id;

	if (file_id_at(AT_FDCWD, path, &id) < 0 ||
	    !is_same(w, path, &id, &e->st))
		return derive_refuse(w, ERR_CHANGED, "raced", path);
	if (!derive_settled(w, path, &id, e->st.seen_ns))
		return derive_refuse(w, ERR_CHANGED, "raced-tick", path);
	return 0;
}
