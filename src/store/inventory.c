/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/inventory.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/record.h"
#include "store/entry.h"
#include "store/gc_scan.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
	struct store *store;
	inventory_fn *fn;
	void *ctx;
	struct inventory *out;
	struct buf text;
};

/* Not by entry_load: that removes what it cannot read. */
static int
read_file(struct walk *w, const char *name, struct stat *st)
{
	enum { FLAGS = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK };
	int fd = openat(w->store->dir, name, FLAGS), r = 0;

	if (fd < 0)
		return -errno;
	buf_reset(&w->text);
	if (fstat(fd, st) < 0)
		r = -errno;
	else if (!S_ISREG(st->st_mode))
		r = ERR_CORRUPT;
	else
		r = file_read_fd(fd, RECORD_MAX, &w->text);
	close(fd);
	return r;
}

static int
give(struct walk *w, const char *name, const struct digest *at)
{
	struct entry e = { 0 };
	struct stat st;
	int r = read_file(w, name, &st);

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
read_dir(struct walk *w, const char *dir)
{
	struct gc_names names = { 0 };
	int r = gc_scan_flat(w->store, dir, &names);

	/* A file in the place of a directory, or one without rights. */
	if (r < 0 && r != -ENOMEM) {
		w->out->foreign++;
		r = 0;
	}
	for (size_t i = 0; i < names.count && r == 0; i++) {
		const char *name = names.name[i];
		char path[STORE_NAME];
		struct digest at;

		if (digest_parse(name, strlen(name), &at) < 0 ||
		    memcmp(name, dir + strlen(dir) - 2, 2) != 0) {
			w->out->foreign++;
			continue;
		}
		store_name("entries", &at, path);
		r = give(w, path, &at);
	}
	gc_names_free(&names);
	return r;
}

int
inventory_read(struct store *s, inventory_fn *fn, void *ctx,
	       struct inventory *out)
{
	struct walk w = { .store = s, .fn = fn, .ctx = ctx, .out = out };
	struct gc_names dirs = { 0 };
	int r = gc_scan_flat(s, "entries", &dirs);

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < dirs.count && r == 0; i++) {
		char dir[STORE_NAME];

		if (strlen(dirs.name[i]) != 2) {
			out->foreign++;
			continue;
		}
		snprintf(dir, sizeof(dir), "entries/%s", dirs.name[i]);
		r = read_dir(&w, dir);
	}
	gc_names_free(&dirs);
	buf_free(&w.text);
	return r;
}
