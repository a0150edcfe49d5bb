/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/verify.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/file.h"
#include "base/record.h"
#include "base/vec.h"
#include "key/digest_cache.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/manifest.h"
#include "store/store.h"
#include "store/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 8, TRIES = 3 };

/* In this order: an entry whose blob is found wrong and removed is then found
 * to name a missing one. */
enum kind { BLOB, ENTRY, MANIFEST, INTENT, ID, KINDS };

static const char *const rooms[KINDS] = { "blobs", "entries", "manifests",
					  "spool", "ids" };

struct item {
	char *name; /* below the store */
	enum kind kind;
	bool foreign; /* its name is none of ours */
};

struct list {
	struct item *item;
	size_t count;
};

struct verdict {
	int e;
	struct file_id id; /* of what was judged */
	uint64_t bytes;    /* read of a blob */
};

struct run {
	struct store *s;
	const struct verify_options *o;
	struct list all;
	uint64_t total;
	size_t end; /* of the phase */
	atomic_size_t next;
	pthread_mutex_t lock; /* of the rest, and of the calls of O */
	struct verify_report rep;
	struct list suspects; /* borrowed names: entries without a blob */
	int error;
};

/* --- what there is --- */

/* NAME stays the caller's if this fails. */
static int
add_item(struct list *l, char *name, enum kind kind, bool foreign)
{
	struct item *more = vec_grow(l->item, l->count, 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	l->item = more;
	l->item[l->count++] = (struct item){ name, kind, foreign };
	return 0;
}

/* Of what lies at NAME itself: links are not followed.  0 or -errno. */
static int
look_at(struct store *s, const char *name, struct file_id *id)
{
	struct stat st;

	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	file_id_of(&st, id);
	return 0;
}

static int
add_path(struct run *r, const char *path, enum kind kind, bool foreign)
{
	char *name = strdup(path);
	int e = name ? add_item(&r->all, name, kind, foreign) : -ENOMEM;

	if (e < 0)
		free(name);
	return e;
}

/* All of DIR, which has no directories of its own. */
static int
list_flat(struct run *r, const char *dir, enum kind kind)
{
	struct dir_names names;
	char path[STORE_NAME + NAME_MAX];
	struct digest d;
	int e = dir_list(r->s->dir, dir, 0, &names);

	if (e < 0)
		return e == -ENOENT ? 0 : e;
	for (size_t i = 0; i < names.count && e == 0; i++) {
		const char *name = names.name[i];

		snprintf(path, sizeof(path), "%s/%s", dir, name);
		e = add_path(r, path, kind,
			     kind != ID &&
				     digest_parse(name, strlen(name), &d) < 0);
	}
	dir_names_free(&names);
	return e;
}

struct listing {
	struct run *r;
	enum kind kind;
};

static int
list_file(void *ctx, const struct store_file *f)
{
	const struct listing *l = ctx;

	if (f->error)
		return f->error;
	if (l->kind == INTENT && !strcmp(f->path, "spool/dead"))
		return list_flat(l->r, f->path, INTENT);
	return add_path(l->r, f->path, l->kind, !f->digest);
}

static int
list_kind(struct run *r, enum kind kind)
{
	struct listing l = { r, kind };

	return kind == ID ? list_flat(r, rooms[kind], kind)
			  : store_walk(r->s->dir, rooms[kind], list_file, &l);
}

static void
add_sizes(struct run *r)
{
	struct file_id id;

	for (size_t i = 0; i < r->all.count; i++)
		if (r->all.item[i].kind == BLOB && !r->all.item[i].foreign &&
		    look_at(r->s, r->all.item[i].name, &id) == 0 &&
		    S_ISREG(id.mode))
			r->total += id.size;
}

/* --- one file --- */

static int
check_blob(struct run *r, const struct item *it, uint64_t *bytes)
{
	int fd = file_open_unseen(r->s->dir, it->name);
	const char *base = strrchr(it->name, '/') + 1;
	struct digest have, want;
	struct stat st;
	int e;

	if (fd < 0)
		return fd;
	e = digest_fd(fd, &have);
	if (e == 0 && fstat(fd, &st) == 0)
		*bytes = (uint64_t)st.st_size;
	close(fd);
	if (e == 0 && (digest_parse(base, strlen(base), &want) < 0 ||
		       !digest_eq(&have, &want)))
		e = ERR_CORRUPT;
	return e;
}

/* A sweep moves what it may delete to trash/ and back: one of the two looks
 * at the store finds it, or it was in trash/ between them. */
static bool
has_blob(struct store *s, const struct digest *d)
{
	char name[STORE_NAME], hex[DIGEST_HEX + 1];

	if (blob_exists(s, d))
		return true;
	digest_hex(d, hex);
	snprintf(name, sizeof(name), "trash/%s", hex);
	return faccessat(s->dir, name, F_OK, 0) == 0 || blob_exists(s, d);
}

static int
check_entry(struct run *r, const char *p, size_t n)
{
	struct entry e = { 0 };
	int code = entry_decode(p, n, &e);

	if (code < 0)
		return code;
	for (size_t i = 0; i < e.nout && code == 0; i++)
		if (e.out[i].role != ENTRY_DEPINFO &&
		    !has_blob(r->s, &e.out[i].blob))
			code = ERR_MISS;
	entry_release(&e);
	return code;
}

static int
check_manifest(const char *p, size_t n)
{
	struct manifest m = { 0 };
	int e = manifest_decode(p, n, &m);

	if (e == 0)
		manifest_release(&m);
	return e;
}

/* Not by the loaders of the rooms: those remove what they cannot read. */
static int
check_record(struct run *r, const struct item *it)
{
	const char *content, *p;
	struct buf b = { 0 };
	struct stat st;
	size_t len;
	int e = file_read_unseen(r->s->dir, it->name, RECORD_MAX + RECORD_HEAD,
				 &b, &st);

	p = b.p ? b.p : "";
	if (e == 0 && it->kind == ENTRY)
		e = check_entry(r, p, b.len);
	else if (e == 0 && it->kind == MANIFEST)
		e = check_manifest(p, b.len);
	else if (e == 0)
		e = record_open(p, b.len, it->kind == INTENT ? 's' : 'i', 1,
				&content, &len);
	buf_free(&b);
	return e;
}

static int
check_item(struct run *r, const struct item *it, uint64_t *bytes)
{
	if (it->foreign)
		return ERR_REFUSED;
	return it->kind == BLOB ? check_blob(r, it, bytes)
				: check_record(r, it);
}

/* What was replaced while we read it is read again; what went is fine.  */
static void
judge_item(struct run *r, const struct item *it, struct verdict *v)
{
	struct file_id after;

	for (int i = 0; i < TRIES; i++) {
		v->e = -ENOENT;
		if (look_at(r->s, it->name, &v->id) < 0)
			return;
		if (!S_ISREG(v->id.mode))
			v->e = ERR_CORRUPT;
		else
			v->e = check_item(r, it, &v->bytes);
		if (v->e == 0 || v->e == ERR_NEWER)
			return;
		if (look_at(r->s, it->name, &after) < 0)
			v->e = -ENOENT;
		else if (!file_id_same(&v->id, &after))
			continue;
		return;
	}
}

/* --- what is wrong --- */

static const char *
describe(const struct item *it, int e)
{
	if (it->foreign)
		return "does not belong here";
	return e == ERR_MISS ? "names a blob that is gone" : err_text(e);
}

/* Only what is known to be worth nothing: a failure of ours (no memory, no
 * descriptor) says nothing of the file. */
static bool
may_remove(struct run *r, const struct item *it, int e)
{
	struct stat st;

	if (it->foreign)
		return fstatat(r->s->dir, it->name, &st, AT_SYMLINK_NOFOLLOW) ==
			       0 &&
		       S_ISREG(st.st_mode) && st.st_uid == geteuid();
	return e <= ERR_MISS || e == -EIO || e == -EACCES;
}

/* What was restored from it is as wrong. */
static void
condemn(struct run *r, const struct item *it)
{
	const char *base = strrchr(it->name, '/') + 1;
	struct digest d;

	if (it->kind == BLOB && !it->foreign && r->o->memo &&
	    digest_parse(base, strlen(base), &d) == 0)
		digest_cache_condemn(r->o->memo, &d);
}

/* A store may have put the right file there since. */
static bool
repair(struct run *r, const struct item *it, const struct verdict *v)
{
	struct file_id id;

	if (!r->o->repair || !may_remove(r, it, v->e) ||
	    look_at(r->s, it->name, &id) < 0 || !file_id_same(&id, &v->id))
		return false;
	condemn(r, it);
	store_remove(r->s, it->name);
	return look_at(r->s, it->name, &id) == -ENOENT;
}

static void
count_bad(struct verify_report *rep, const struct item *it, int e)
{
	if (it->foreign)
		rep->foreign++;
	else if (e == ERR_MISS)
		rep->missing_blobs++;
	else if (it->kind == BLOB)
		rep->bad_blobs++;
	else if (it->kind == ENTRY)
		rep->bad_entries++;
	else if (it->kind == MANIFEST)
		rep->bad_manifests++;
	else
		rep->bad_others++;
}

/* With the lock. */
static void
bad(struct run *r, const struct item *it, const struct verdict *v)
{
	count_bad(&r->rep, it, v->e);
	if (r->o->problem)
		r->o->problem(r->o->ctx, it->name, describe(it, v->e));
	if (repair(r, it, v))
		r->rep.repaired++;
	else
		r->rep.left++;
}

static void
count_item(struct verify_report *rep, const struct item *it)
{
	if (it->foreign)
		return;
	if (it->kind == BLOB)
		rep->blobs++;
	else if (it->kind == ENTRY)
		rep->entries++;
	else if (it->kind == MANIFEST)
		rep->manifests++;
	else
		rep->others++;
}

/* With the lock. */
static void
take_verdict(struct run *r, const struct item *it, const struct verdict *v)
{
	if (v->e == -ENOENT)
		return;
	count_item(&r->rep, it);
	r->rep.bytes += v->bytes;
	if (v->e == ERR_NEWER)
		r->rep.newer++;
	else if (v->e == ERR_MISS)
		r->error = r->error ? r->error
				    : add_item(&r->suspects, it->name, it->kind,
					       false);
	else if (v->e < 0)
		bad(r, it, v);
	if (r->o->progress && r->rep.bytes <= r->total)
		r->o->progress(r->o->ctx, r->rep.bytes, r->total);
}

/* --- all of them --- */

static void *
work(void *arg)
{
	struct run *r = arg;

	for (;;) {
		size_t i = atomic_fetch_add(&r->next, 1);
		struct verdict v = { 0 };

		if (i >= r->end)
			return NULL;
		judge_item(r, &r->all.item[i], &v);
		pthread_mutex_lock(&r->lock);
		take_verdict(r, &r->all.item[i], &v);
		pthread_mutex_unlock(&r->lock);
	}
}

static unsigned
threads(const struct verify_options *o)
{
	long n = o->threads ? (long)o->threads : sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		return 1;
	return n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

/* The items FROM to TO; a thread that does not start is only missed. */
static void
work_all(struct run *r, size_t from, size_t to)
{
	unsigned want = threads(r->o) - 1, n = 0;
	pthread_t t[THREADS_MAX];

	r->end = to;
	atomic_store(&r->next, from);
	while (n < want && n + 1 < to - from &&
	       pthread_create(&t[n], NULL, work, r) == 0)
		n++;
	work(r);
	while (n > 0)
		pthread_join(t[--n], NULL);
}

/* --- entries without a blob --- */

/* A store publishes its entry and then makes the blobs again that a sweep
 * took meanwhile: what is young may still be under way. */
static bool
is_settled(struct run *r, const struct item *it)
{
	struct file_id id;

	if (look_at(r->s, it->name, &id) < 0)
		return true;
	return file_now() - id.ctime >= (int64_t)r->o->settle_ms * 1000000;
}

static bool
wait_for_young(struct run *r)
{
	const struct timespec pause = { 0, 50000000 };
	bool young = false;

	for (size_t i = 0; i < r->suspects.count && !young; i++)
		young = !is_settled(r, &r->suspects.item[i]) &&
			check_record(r, &r->suspects.item[i]) == ERR_MISS;
	if (young)
		nanosleep(&pause, NULL);
	return young;
}

/* A sweep removes an entry before its blobs: an entry that is there after its
 * blob was not is wrong. */
static void
settle_suspects(struct run *r)
{
	int64_t end = file_monotonic() + (int64_t)r->o->settle_ms * 1000000;

	while (file_monotonic() < end && wait_for_young(r))
		;
	for (size_t i = 0; i < r->suspects.count; i++) {
		const struct item *it = &r->suspects.item[i];
		struct verdict v = { 0 };

		judge_item(r, it, &v);
		if (v.e < 0 && v.e != -ENOENT && v.e != ERR_NEWER)
			bad(r, it, &v);
	}
}

static void
release_run(struct run *r)
{
	for (size_t i = 0; i < r->all.count; i++)
		free(r->all.item[i].name);
	free(r->all.item);
	free(r->suspects.item);
	pthread_mutex_destroy(&r->lock);
}

int
verify_run(struct store *s, const struct verify_options *o,
	   struct verify_report *report)
{
	struct run r = { .s = s, .o = o };
	size_t end[KINDS] = { 0 }, from = 0;
	int e = 0;

	pthread_mutex_init(&r.lock, NULL);
	for (int k = 0; k < KINDS && e == 0; k++) {
		e = list_kind(&r, (enum kind)k);
		end[k] = r.all.count;
	}
	add_sizes(&r);
	for (int k = 0; k < KINDS && e == 0; k++) {
		work_all(&r, from, end[k]);
		from = end[k];
	}
	settle_suspects(&r);
	e = e ? e : r.error;
	if (e == 0)
		*report = r.rep;
	release_run(&r);
	return e;
}
