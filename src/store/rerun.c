/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/rerun.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1, TEXTS = 7 };

static void
texts_of(struct rerun *r, struct buf *out[TEXTS])
{
	struct buf *all[] = { &r->program, &r->argv0,     &r->cwd, &r->out_dir,
			      &r->target,  &r->workspace, &r->env };

	memcpy(out, all, sizeof(all));
}

static void
name_of(const struct digest *k1, char name[STORE_NAME])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(k1, hex);
	snprintf(name, STORE_NAME, "reruns/%s", hex);
}

int
rerun_save(struct store *s, const struct digest *k1, const struct rerun *r)
{
	char name[STORE_NAME], tmp[STORE_NAME];
	struct buf b = { 0 }, out = { 0 }, *text[TEXTS];
	struct rerun copy = *r;
	int e = -ENOMEM;

	texts_of(&copy, text);
	mp_put_list(&b, TEXTS);
	for (size_t i = 0; i < TEXTS; i++)
		mp_put_bin(&b, text[i]->p ? text[i]->p : "", text[i]->len);
	if (!b.failed)
		record_seal(&out, 'r', VERSION, b.p, b.len);
	name_of(k1, name);
	store_tmp(s, tmp);
	if (record_is_newer(s->dir, name, 'r', VERSION))
		e = ERR_NEWER;
	else if (!b.failed && !out.failed)
		e = file_publish(s->dir, tmp, name, out.p, out.len);
	buf_free(&b);
	buf_free(&out);
	return e;
}

static int
decode(const char *p, size_t n, struct rerun *out)
{
	struct buf *text[TEXTS];
	struct mp_doc doc;
	struct mp_list l;
	int r = mp_open(&doc, p, n);

	if (r < 0)
		return r;
	l = mp_root(&doc);
	texts_of(out, text);
	for (size_t i = 0; i < TEXTS && r == 0; i++) {
		const char *t;
		size_t len;

		r = mp_next_bin(&l, &t, &len);
		if (r == 0)
			buf_add(text[i], t, len);
		if (r == 0 && text[i]->failed)
			r = -ENOMEM;
	}
	mp_close(&doc);
	return r;
}

int
rerun_load(struct store *s, const struct digest *k1, struct rerun *out)
{
	struct rerun got = { 0 };
	char name[STORE_NAME];
	struct buf b = { 0 };
	const char *p;
	size_t n;
	int r;

	name_of(k1, name);
	r = record_read(s->dir, name, 'r', VERSION, &b, &p, &n);
	r = r ? r : decode(p, n, &got);
	buf_free(&b);
	if (r == ERR_CORRUPT)
		store_remove(s, name);
	if (r < 0)
		rerun_release(&got);
	else
		*out = got;
	return r == -ENOENT ? ERR_MISS : r;
}

void
rerun_release(struct rerun *r)
{
	struct buf *text[TEXTS];

	texts_of(r, text);
	for (size_t i = 0; i < TEXTS; i++)
		buf_free(text[i]);
}

void
rerun_remove(struct store *s, const struct digest *k1)
{
	char name[STORE_NAME];

	name_of(k1, name);
	unlinkat(s->dir, name, 0);
}

int
rerun_each(struct store *s, int (*use)(void *ctx, const struct digest *k1),
	   void *ctx)
{
	int fd = openat(s->dir, "reruns", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!d) {
		r = errno == ENOENT ? 0 : -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	for (e = readdir(d); e && r == 0; e = readdir(d)) {
		struct digest k1;

		if (digest_parse(e->d_name, strlen(e->d_name), &k1) == 0)
			r = use(ctx, &k1);
	}
	closedir(d);
	return r;
}
