/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/vouch.h"

#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"
#include "base/strset.h"
#include "key/classify.h"
#include "key/trace.h"
#include "shim/job.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { VERSION = 1 };

struct vouch {
	struct job *job;
	struct strset seen;
	char *reason;
	size_t room;
};

static void
name_of(const struct vouch *v, const char *path, const struct file_id *id,
	char name[STORE_NAME])
{
	uint64_t st[5] = { id->dev, id->ino, id->size, (uint64_t)id->mtime,
			   (uint64_t)id->ctime };
	struct digest_ctx c;
	struct digest d;
	char hex[DIGEST_HEX + 1];

	digest_init(&c);
	digest_str(&c, "class-1");
	digest_str(&c, path);
	digest_str(&c, v->job->toolchain.sysroot);
	digest_add(&c, st, sizeof(st));
	digest_end(&c, &d);
	digest_hex(&d, hex);
	snprintf(name, STORE_NAME, "ids/%s", hex);
}

static bool
recall(const struct vouch *v, const char *name, enum classify_class *class)
{
	struct buf b = { 0 };
	struct mp_doc doc;
	struct mp_list l;
	const char *p;
	uint64_t n;
	size_t len;
	bool known = false;

	if (record_read(v->job->store.dir, name, 'i', VERSION, &b, &p, &len) ==
		    0 &&
	    mp_open(&doc, p, len) == 0) {
		l = mp_root(&doc);
		known = mp_next_uint(&l, &n) == 0 && n < CLASSIFY_CLASSES;
		if (known)
			*class = (enum classify_class)n;
		mp_close(&doc);
	}
	buf_free(&b);
	return known;
}

static void
remember(const struct vouch *v, const char *name, enum classify_class class)
{
	struct buf b = { 0 }, out = { 0 };
	char tmp[STORE_NAME];

	mp_put_list(&b, 1);
	mp_put_uint(&b, (uint64_t) class);
	if (!b.failed)
		record_seal(&out, 'i', VERSION, b.p, b.len);
	store_tmp(&v->job->store, tmp);
	/* Not remembered: decided again at the next compile. */
	if (!b.failed && !out.failed &&
	    !record_is_newer(v->job->store.dir, name, 'i', VERSION))
		file_publish(v->job->store.dir, tmp, name, out.p, out.len);
	buf_free(&b);
	buf_free(&out);
}

static enum classify_class
decide(const struct vouch *v, const char *path)
{
	enum classify_class class =
		classify_file(path, v->job->toolchain.sysroot);
	char helper[4200];

	if (class != CLASSIFY_ASK)
		return class;
	snprintf(helper, sizeof(helper), "%s/kache-classify", v->job->libexec);
	if (classify_ask(helper, &path, 1, &class) < 0)
		return CLASSIFY_UNREADABLE;
	return class;
}

static int
look(void *ctx, const char *path)
{
	struct vouch *v = ctx;
	enum classify_class class;
	char name[STORE_NAME];
	struct file_id id;

	if (path[0] != '/' || !strset_add(&v->seen, path, NULL) ||
	    !strncmp(path, v->job->libexec, strlen(v->job->libexec)))
		return 0;
	if (file_id_at(AT_FDCWD, path, &id) < 0) {
		snprintf(v->reason, v->room, "unseen:gone:%s", path);
		return 1;
	}
	name_of(v, path, &id, name);
	if (!recall(v, name, &class)) {
		class = decide(v, path);
		if (class != CLASSIFY_UNREADABLE)
			remember(v, name, class);
	}
	if (classify_is_seen(class))
		return 0;
	snprintf(v->reason, v->room, "unseen:%s:%s", classify_word(class),
		 path);
	return 1;
}

bool
vouch_for(struct job *j, const struct trace *t, char *reason, size_t room)
{
	struct vouch v = { .job = j, .reason = reason, .room = room };
	int r = trace_each_object(t, look, &v);

	strset_free(&v.seen);
	return r == 0;
}
