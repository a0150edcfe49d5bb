/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/session_record.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/sessions.h"
#include "daemon/services.h"
#include "daemon/tempfile.h"
#include "plan/build_manifest.h"
#include "plan/history.h"
#include "plan/cargo_lock.h"
#include "remote/pack.h"
#include "remote/remote.h"
#include "store/entry.h"
#include "work/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOG_MAX = 64 << 20 };

/* OWN: the object of this run; then, for each id, look and put. */
enum stage { READ, OWN, LOOK, LATEST };

struct session_record {
	struct queue_job job;
	struct remote_op op;
	struct services *hub;
	struct services_setup *setup;
	uint64_t session;
	uint64_t log_from;
	char workspace[4097];
	struct digest lock;
	struct digest toolchain;
	bool writes;
	bool continued;
	struct digest id[2]; /* of the dependencies, of the workspace */
	size_t nids, which;
	struct build_manifest bman;
	struct buf body;
	int fd;
	enum stage stage;
	bool under_way;
};

static struct session_record *
of_job(struct queue_job *job)
{
	return (struct session_record *)((char *)job -
					 offsetof(struct session_record, job));
}

static void
notify(struct remote_op *op)
{
	struct session_record *l =
		(struct session_record *)((char *)op -
					  offsetof(struct session_record, op));

	queue_post(l->hub->queue, &l->job);
}

/* --- what the run did --- */

/* Which unit made the output with these first bytes of a digest. */
struct maker {
	uint64_t prefix;
	uint32_t unit;
};

struct makers {
	struct maker *of;
	size_t count;
	uint32_t parents[BUILD_MANIFEST_PARENTS];
	size_t nparents;
};

static int
by_prefix(const void *a, const void *b)
{
	const struct maker *x = a, *y = b;

	return x->prefix < y->prefix ? -1 : x->prefix > y->prefix;
}

static void
add_parent(void *ctx, uint64_t prefix)
{
	struct makers *m = ctx;
	struct maker want = { prefix, 0 };
	const struct maker *is =
		bsearch(&want, m->of, m->count, sizeof(*m->of), by_prefix);

	if (!is || m->nparents == BUILD_MANIFEST_PARENTS)
		return;
	for (size_t i = 0; i < m->nparents; i++)
		if (m->parents[i] == is->unit)
			return;
	m->parents[m->nparents++] = is->unit;
}

/* The outputs of unit I, which is the N-th of the manifest. */
static uint64_t
add_makers(struct makers *m, const struct entry *e, uint32_t n)
{
	uint64_t size = 0;

	for (size_t i = 0; i < e->nout; i++) {
		size += e->out[i].size;
		if (e->out[i].role == ENTRY_DEPINFO)
			continue;
		m->of[m->count].prefix = history_prefix(&e->out[i].blob);
		m->of[m->count++].unit = n;
	}
	return size;
}

/* Units in order of demand.  Sizes and makers first, since a unit's parents
 * may stand behind it (a run in parallel). */
static int
make_bman(struct session_record *l, struct services_store *s,
	  const struct history *h)
{
	struct makers m = { 0 };
	uint64_t *size = calloc(h->count + 1, sizeof(*size));
	uint32_t n = 0;
	int r = 0;

	m.of = calloc(h->count * ENTRY_OUTPUTS_MAX + 1, sizeof(*m.of));
	if (!m.of || !size)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < h->count; i++) {
		struct entry e = { 0 };

		if (h->unit[i].local ||
		    entry_load(&s->store, &h->unit[i].at, &e) < 0)
			continue;
		size[i] = add_makers(&m, &e, n++) + 1;
		entry_release(&e);
	}
	if (r == 0)
		qsort(m.of, m.count, sizeof(*m.of), by_prefix);
	for (size_t i = 0; r == 0 && i < h->count; i++) {
		const struct history_unit *u = &h->unit[i];
		struct build_manifest_unit b = { .at = u->at,
						 .k0 = u->k0,
						 .size = size[i] - 1,
						 .compile_us = u->compile_us,
						 .script = u->script };

		if (!size[i])
			continue;
		m.nparents = 0;
		history_externs(u, add_parent, &m);
		r = build_manifest_add(&l->bman, &b, u->package, u->version,
				       m.parents, m.nparents);
		r = r < 0 ? r : 0;
	}
	free(m.of);
	free(size);
	return r;
}

/* The log from where the run began; after a rotation from its start. */
static int
read_log(struct session_record *l, struct services_store *s, struct buf *out)
{
	int fd = openat(s->store.dir, "events.log",
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_END) >= (off_t)l->log_from)
		lseek(fd, (off_t)l->log_from, SEEK_SET);
	else
		lseek(fd, 0, SEEK_SET);
	r = file_read_fd(fd, LOG_MAX, out);
	close(fd);
	return r;
}

static int
read_run(struct session_record *l)
{
	struct services_store *s = services_store(l->hub);
	struct history h = { 0 };
	struct buf log = { 0 };
	int r = s ? read_log(l, s, &log) : -EIO;

	r = r ? r : history_read(log.p, log.len, l->session, &h);
	if (r == 0) {
		services_add(l->hub, HUB_IN_TIME, h.prefetch_hits);
		r = make_bman(l, s, &h);
	}
	history_release(&h);
	buf_free(&log);
	l->bman.lock = l->lock;
	l->bman.toolchain = l->toolchain;
	l->bman.stored_ms = (uint64_t)file_now() / 1000000;
	return r;
}

/* --- where it goes --- */

static void
make_ids(struct session_record *l)
{
	struct lockfile f = { 0 };
	char path[4200];
	struct buf b = { 0 };

	cargo_lock_build_id(&l->lock, &l->toolchain, SERVICES_SCOPE,
			    &l->id[l->nids++]);
	snprintf(path, sizeof(path), "%s/Cargo.lock", l->workspace);
	if (file_read(AT_FDCWD, path, CARGO_LOCK_MAX, &b) == 0 &&
	    cargo_lock_read(b.p ? b.p : "", b.len, &f) == 0) {
		cargo_lock_nearest_id(&f, &l->toolchain, SERVICES_SCOPE,
				      &l->id[l->nids++]);
		cargo_lock_release(&f);
	}
	buf_free(&b);
}

static enum queue_step
over(int r, const char *what)
{
	if (r < 0 && r != -ECANCELED)
		log_msg(LOG_INFO, "build manifest: %s: %s", what, err_text(r));
	return QUEUE_DONE;
}

static enum queue_step
start(struct session_record *l, enum stage stage, const char *name)
{
	char hex[DIGEST_HEX + 1];
	int r;

	digest_hex(&l->id[l->which], hex);
	snprintf(l->op.name, sizeof(l->op.name), "v1/builds/%s/%s", hex, name);
	l->op.lane = REMOTE_BACKGROUND;
	l->op.notify = notify;
	l->op.max = BUILD_MANIFEST_BYTES;
	l->stage = stage;
	l->under_way = true;
	r = remote_start(l->setup->remote, &l->op);
	if (r == 0)
		return QUEUE_PARK;
	l->under_way = false;
	return over(r, name);
}

static int
fill_put(struct session_record *l, bool if_absent)
{
	struct services_store *s = services_store(l->hub);
	struct buf record = { 0 }, out = { 0 };
	int r = s ? 0 : -EIO;

	memset(&l->op, 0, sizeof(l->op));
	build_manifest_encode(&l->bman, &record);
	if (record.failed)
		r = -ENOMEM;
	r = r ? r : pack_squeeze("kchbman", record.p, record.len, &out);
	if (r == 0) {
		if (l->fd >= 0)
			close(l->fd);
		l->fd = tempfile_open(&s->store);
		r = l->fd < 0 ? l->fd : file_write_fd(l->fd, out.p, out.len);
	}
	if (r == 0) {
		digest_bytes(out.p, out.len, &l->op.sha);
		l->op.verb = REMOTE_PUT;
		l->op.fd = l->fd;
		l->op.size = out.len;
		l->op.if_absent = if_absent;
	}
	buf_free(&record);
	buf_free(&out);
	return r;
}

static enum queue_step
look(struct session_record *l)
{
	if (l->which == l->nids)
		return QUEUE_DONE;
	memset(&l->op, 0, sizeof(l->op));
	l->op.verb = REMOTE_GET;
	buf_reset(&l->body);
	return start(l, LOOK, "latest");
}

static enum queue_step
begin(struct session_record *l)
{
	char name[64];
	int r = read_run(l);

	if (r < 0)
		return over(r, "reading");
	if (!l->writes || !l->bman.count || !l->setup->remote ||
	    !remote_writable(l->setup->remote))
		return QUEUE_DONE;
	make_ids(l);
	r = fill_put(l, true);
	if (r < 0)
		return over(r, "writing");
	snprintf(name, sizeof(name), "%016llx-%llu",
		 (unsigned long long)l->session,
		 (unsigned long long)l->bman.stored_ms);
	return start(l, OWN, name);
}

/* What was there is merged; what cannot be read is replaced, unless a later
 * version can. */
static enum queue_step
merge(struct session_record *l, int r)
{
	struct buf record = { 0 };
	struct build_manifest older;

	if (r < 0 && r != ERR_MISS && r != ERR_TOOBIG)
		return over(r, "latest");
	if (r == 0)
		r = pack_unsqueeze("kchbman", l->body.p ? l->body.p : "",
				   l->body.len, BUILD_MANIFEST_BYTES, &record);
	if (r == 0)
		r = build_manifest_decode(record.p, record.len, &older);
	buf_free(&record);
	if (r == ERR_NEWER)
		return over(r, "latest");
	if (r == 0) {
		build_manifest_merge(&l->bman, &older, !l->continued);
		build_manifest_release(&older);
	}
	r = fill_put(l, false);
	return r < 0 ? over(r, "writing") : start(l, LATEST, "latest");
}

static enum queue_step
ended(struct session_record *l)
{
	int r = remote_result(&l->op);

	l->under_way = false;
	remote_finish(&l->op);
	if (l->stage == LOOK)
		return merge(l, r);
	if (r < 0)
		return over(r, "putting");
	if (l->stage == LATEST)
		l->which++;
	return look(l);
}

static enum queue_step
run(struct queue_job *job)
{
	struct session_record *l = of_job(job);
	bool end = false;
	const void *p;
	size_t n;

	if (!l->under_way)
		return begin(l);
	n = remote_peek(&l->op, &p, &end);
	if (n == 0)
		return end ? ended(l) : QUEUE_PARK;
	buf_add(&l->body, p, n);
	remote_consume(&l->op, n);
	queue_post(l->hub->queue, &l->job);
	return QUEUE_PARK;
}

static void
done(struct queue_job *job, int result)
{
	struct session_record *l = of_job(job);

	(void)result;
	atomic_fetch_sub(&l->hub->ledgers, 1);
	if (l->fd >= 0)
		close(l->fd);
	build_manifest_release(&l->bman);
	buf_free(&l->body);
	services_put(l->setup);
	mailbox_nudge(&l->hub->mail);
	free(l);
}

void
session_record_write(struct services *h, const struct session *b)
{
	struct session_record *l = calloc(1, sizeof(*l));

	if (!l)
		return;
	l->hub = h;
	l->fd = -1;
	l->session = b->session;
	l->log_from = b->log_from;
	memcpy(l->workspace, b->workspace, sizeof(l->workspace));
	l->lock = b->lock;
	l->toolchain = b->toolchain;
	l->writes = b->writes;
	l->continued = b->continued;
	l->job.run = run;
	l->job.done = done;
	l->setup = services_get(h);
	atomic_fetch_add(&h->ledgers, 1);
	if (queue_admit(h->queue, &l->job, QUEUE_BACKGROUND) < 0)
		done(&l->job, 0);
}

size_t
session_record_left(struct services *h)
{
	return atomic_load(&h->ledgers);
}
