/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/upload_intent.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1, FIELDS = 5, DIRS = 256, DEAD_MAX = 1024, REASON = 256 };

static const char waiting[] = "spool", dead[] = "spool/dead";

static void
dead_name(const struct digest *at, char name[STORE_NAME])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(at, hex);
	snprintf(name, STORE_NAME, "%s/%s", dead, hex);
}

static void
encode(const struct upload_intent_intent *i, const char *reason,
       struct buf *out)
{
	struct buf b = { 0 };

	mp_put_list(&b, FIELDS + (reason != NULL));
	mp_put_uint(&b, (uint64_t)i->kind);
	mp_put_bin(&b, i->at.b, DIGEST_LEN);
	mp_put_bin(&b, i->k1.b, DIGEST_LEN);
	mp_put_bin(&b, i->tag.b, DIGEST_LEN);
	mp_put_bin(&b, i->inputs.b, DIGEST_LEN);
	if (reason)
		mp_put_str(&b, reason);
	if (b.failed)
		out->failed = true;
	else
		record_seal(out, 's', VERSION, b.p, b.len);
	buf_free(&b);
}

static int
take(struct mp_list *l, struct upload_intent_intent *i, char reason[REASON])
{
	uint64_t kind = 0;
	const char *p;
	size_t n;
	int r = mp_next_uint(l, &kind);

	r = r ? r : mp_next_fixed(l, i->at.b, DIGEST_LEN);
	r = r ? r : mp_next_fixed(l, i->k1.b, DIGEST_LEN);
	r = r ? r : mp_next_fixed(l, i->tag.b, DIGEST_LEN);
	r = r ? r : mp_next_fixed(l, i->inputs.b, DIGEST_LEN);
	if (r == 0 && kind != UPLOAD_INTENT_UNIT && kind != UPLOAD_INTENT_RUN)
		r = ERR_CORRUPT;
	i->kind = (enum upload_intent_kind)kind;
	reason[0] = '\0';
	if (r == 0 && l->left) {
		r = mp_next_bin(l, &p, &n);
		if (r == 0)
			snprintf(reason, REASON, "%.*s", (int)n, p);
	}
	return r;
}

static int
load(struct store *s, const char *name, const struct digest *at,
     struct upload_intent_intent *out, char reason[REASON])
{
	struct upload_intent_intent i = { 0 };
	struct buf b = { 0 };
	const char *content;
	struct mp_doc doc;
	struct mp_list l;
	size_t len;
	int r = file_read(s->dir, name, UPLOAD_INTENT_INTENT_MAX, &b);

	if (r == 0)
		r = record_open(b.p ? b.p : "", b.len, 's', VERSION, &content,
				&len);
	if (r == 0)
		r = mp_open_max(&doc, content, len, 64);
	if (r == 0) {
		l = mp_root(&doc);
		r = take(&l, &i, reason);
		mp_close(&doc);
	}
	buf_free(&b);
	if (r == 0 && !digest_eq(&i.at, at))
		r = ERR_CORRUPT;
	if (r == 0)
		*out = i;
	return r == ERR_TOOBIG ? ERR_CORRUPT : r;
}

/* Number of files in DIR, at most MAX. */
static unsigned
count(struct store *s, const char *dir, unsigned max)
{
	int fd = openat(s->dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	unsigned n = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (e = readdir(d); e && n < max; e = readdir(d))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static int
write_intent(struct store *s, const char *name,
	     const struct upload_intent_intent *i, const char *reason)
{
	char tmp[STORE_NAME];
	struct buf b = { 0 };
	int r = -ENOMEM;

	if (mkdirat(s->dir, waiting, 0700) < 0 && errno != EEXIST)
		return -errno;
	encode(i, reason, &b);
	store_tmp(s, tmp);
	if (!b.failed)
		r = file_publish(s->dir, tmp, name, b.p, b.len);
	buf_free(&b);
	return r;
}

int
upload_intent_add(struct store *s, const struct upload_intent_intent *i)
{
	char name[STORE_NAME], dir[STORE_NAME];
	struct stat st;

	store_name(waiting, &i->at, name);
	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode))
		return 0;
	memcpy(dir, name, sizeof(waiting) + 2);
	dir[sizeof(waiting) + 2] = '\0';
	if (count(s, dir, UPLOAD_INTENT_MAX / DIRS) == UPLOAD_INTENT_MAX / DIRS)
		return ERR_TOOBIG;
	return write_intent(s, name, i, NULL);
}

int
upload_intent_read(struct store *s, const struct digest *at,
		   struct upload_intent_intent *out)
{
	char name[STORE_NAME], reason[REASON];
	int r;

	store_name(waiting, at, name);
	r = load(s, name, at, out, reason);
	if (r == ERR_CORRUPT)
		upload_intent_bury(s, at, "damaged");
	return r == -ENOENT || r == -ENOTDIR ? ERR_MISS : r;
}

bool
upload_intent_is_older(struct store *s, const struct digest *at, int64_t time)
{
	char name[STORE_NAME];
	struct file_id id;

	store_name(waiting, at, name);
	return file_id_at(s->dir, name, &id) == 0 && id.mtime < time &&
	       !record_is_newer(s->dir, name, 's', VERSION);
}

void
upload_intent_retire(struct store *s, const struct digest *at)
{
	char name[STORE_NAME];

	store_name(waiting, at, name);
	store_remove(s, name);
}

int
upload_intent_bury(struct store *s, const struct digest *at, const char *reason)
{
	struct upload_intent_intent i = { .kind = UPLOAD_INTENT_UNIT,
					  .at = *at };
	char name[STORE_NAME], old[REASON], text[REASON];
	int r = 0;

	store_name(waiting, at, name);
	/* Of a damaged one the name is left. */
	load(s, name, at, &i, old);
	snprintf(text, sizeof(text), "%s", reason);
	dead_name(at, name);
	/* Dead letters are for people: a thousand tell as much as all. */
	if (count(s, dead, DEAD_MAX) < DEAD_MAX)
		r = write_intent(s, name, &i, text);
	if (r == 0)
		upload_intent_retire(s, at);
	return r;
}

static int
each_in(struct store *s, const char *dir, bool buried,
	int (*use)(void *ctx, const struct digest *at, const char *reason),
	void *ctx)
{
	int fd = openat(s->dir, dir,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char name[STORE_NAME], reason[REASON] = "";
	struct upload_intent_intent i;
	struct dirent *e;
	struct digest at;
	int r = 0;

	if (!d) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r == -ENOENT || r == -ENOTDIR || r == -ELOOP ? 0 : r;
	}
	for (e = readdir(d); e && r == 0; e = readdir(d)) {
		if (digest_parse(e->d_name, strlen(e->d_name), &at) < 0)
			continue;
		if (buried) {
			dead_name(&at, name);
			if (load(s, name, &at, &i, reason) < 0)
				continue;
		}
		r = use(ctx, &at, reason);
	}
	closedir(d);
	return r;
}

int
upload_intent_each(struct store *s, int of_dead,
		   int (*use)(void *ctx, const struct digest *at,
			      const char *reason),
		   void *ctx)
{
	char dir[STORE_NAME];
	int r = 0;

	if (of_dead)
		return each_in(s, dead, true, use, ctx);
	for (unsigned i = 0; i < DIRS && r == 0; i++) {
		snprintf(dir, sizeof(dir), "%s/%02x", waiting, i);
		r = each_in(s, dir, false, use, ctx);
	}
	return r;
}
