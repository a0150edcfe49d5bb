/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/inventory.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/record.h"
#include "store/entry.h"
#include "store/store.h"
#include "store/walk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct walk {
	struct store *store;
	inventory_fn *fn;
	void *ctx;
	struct inventory *out;
	struct buf text;
};

static int
give_entry(struct walk *w, const char *name, const struct digest *at)
{
	struct entry e = { 0 };
	struct stat st;
	int r;

	buf_reset(&w->text);
	/* Not by entry_load: that removes what it cannot read. */
	r = file_read_unseen(w->store->dir, name, RECORD_MAX, &w->text, &st);
	r = r ? r : entry_decode(w->text.p ? w->text.p : "", w->text.len, &e);
	/* A sweep took it. */
	if (r == -ENOENT)
		return 0;
	if (r == ERR_NEWER)
		w->out->newer++;
	else if (r < 0)
		w->out->damaged++;
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (e.nout) {
		w->out->entries++;
		r = w->fn(w->ctx, at, &e, &st);
	} else {
		w->out->redirects++;
	}
	entry_release(&e);
	return r;
}

static int
give_listed(void *ctx, const struct store_file *f)
{
	struct walk *w = ctx;

	if (f->digest)
		return give_entry(w, f->path, f->digest);
	/* A strange name, or a directory without rights. */
	w->out->foreign++;
	return 0;
}

int
inventory_read(struct store *s, inventory_fn *fn, void *ctx,
	       struct inventory *out)
{
	struct walk w = { .store = s, .fn = fn, .ctx = ctx, .out = out };
	int r;

	memset(out, 0, sizeof(*out));
	r = store_walk(s->dir, "entries", give_listed, &w);
	buf_free(&w.text);
	return r;
}
