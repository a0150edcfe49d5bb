/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/verify.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/record.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/gc_scan.h"
#include "store/manifest.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct run {
	struct store *s;
	const struct verify_options *o;
	struct verify_report *rep;
	uint64_t total;
};

static void
bad(struct run *r, const char *name, const char *what)
{
	if (r->o->problem)
		r->o->problem(r->o->ctx, name, what);
	if (r->o->repair && unlinkat(r->s->dir, name, 0) == 0)
		r->rep->repaired++;
}

/* Not by the loaders of the rooms: those remove what they cannot read. */
static int
check_manifest(struct run *r, const char *name)
{
	struct manifest m = { 0 };
	struct buf b = { 0 };
	int e = file_read(r->s->dir, name, RECORD_MAX, &b);

	if (e == 0)
		e = manifest_decode(b.p ? b.p : "", b.len, &m);
	buf_free(&b);
	if (e == 0)
		manifest_release(&m);
	return e;
}

static int
check_entry(struct run *r, const char *name)
{
	struct entry e = { 0 };
	struct buf b = { 0 };
	int code = file_read(r->s->dir, name, RECORD_MAX, &b);

	if (code == 0)
		code = entry_decode(b.p ? b.p : "", b.len, &e);
	buf_free(&b);
	if (code < 0)
		return code;
	for (size_t i = 0; i < e.nout && code == 0; i++)
		if (e.out[i].role != ENTRY_DEPINFO &&
		    !blob_exists(r->s, &e.out[i].blob))
			code = ERR_MISS;
	entry_release(&e);
	return code;
}

static int
check_blob(struct run *r, const char *name, const struct digest *d)
{
	int fd = openat(r->s->dir, name,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct digest have;
	off_t size;
	int e;

	if (fd < 0)
		return -errno;
	e = digest_fd(fd, &have);
	size = lseek(fd, 0, SEEK_END);
	close(fd);
	if (size > 0)
		r->rep->bytes += (uint64_t)size;
	if (r->o->progress)
		r->o->progress(r->o->ctx, r->rep->bytes, r->total);
	if (e == 0 && !digest_eq(&have, d))
		e = ERR_CORRUPT;
	return e;
}

static void
judge(struct run *r, const char *kind, const char *name, const struct digest *d)
{
	struct verify_report *rep = r->rep;
	int e;

	if (kind[0] == 'm') {
		rep->manifests++;
		e = check_manifest(r, name);
		rep->bad_manifests += e < 0 && e != -ENOENT && e != ERR_NEWER;
	} else if (kind[0] == 'e') {
		rep->entries++;
		e = check_entry(r, name);
		rep->missing_blobs += e == ERR_MISS;
		rep->bad_entries += e < 0 && e != -ENOENT && e != ERR_NEWER &&
				    e != ERR_MISS;
	} else {
		rep->blobs++;
		e = check_blob(r, name, d);
		rep->bad_blobs += e < 0 && e != -ENOENT;
	}
	/* Gone since it was listed: swept, not wrong. */
	if (e < 0 && e != -ENOENT && e != ERR_NEWER)
		bad(r, name,
		    e == ERR_MISS ? "names a blob that is gone" : err_text(e));
}

static int
walk(struct run *r, const char *kind)
{
	struct gc_names names = { 0 };
	int e = gc_scan_tree(r->s, kind, &names);

	for (size_t i = 0; i < names.count && e == 0; i++) {
		char name[STORE_NAME];
		struct digest d;

		if (digest_parse(names.name[i], strlen(names.name[i]), &d) < 0)
			continue;
		store_name(kind, &d, name);
		judge(r, kind, name, &d);
	}
	gc_names_free(&names);
	return e;
}

static uint64_t
count_bytes(struct store *s)
{
	struct gc_names names = { 0 };
	uint64_t total = 0;

	gc_scan_tree(s, "blobs", &names);
	for (size_t i = 0; i < names.count; i++) {
		char name[STORE_NAME];
		struct file_id id;
		struct digest d;

		if (digest_parse(names.name[i], strlen(names.name[i]), &d) < 0)
			continue;
		store_name("blobs", &d, name);
		if (file_id_at(s->dir, name, &id) == 0)
			total += id.size;
	}
	gc_names_free(&names);
	return total;
}

int
verify_run(struct store *s, const struct verify_options *o,
	   struct verify_report *report)
{
	struct verify_report rep = { 0 };
	struct run r = { s, o, &rep, count_bytes(s) };
	int e = walk(&r, "blobs");

	/* Blobs first: an entry whose blob is found wrong and removed is then
	 * found to name a missing one. */
	e = e ? e : walk(&r, "entries");
	e = e ? e : walk(&r, "manifests");
	if (e == 0)
		*report = rep;
	return e;
}
