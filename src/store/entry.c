/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/entry.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	VERSION = 1,
	FIELDS = 12,
	OUT_FIELDS = 5,
	TEXT_MAX = 32 << 20,
	TOUCH_S = 300
};

void
entry_release(struct entry *e)
{
	buf_free(&e->crate);
	buf_free(&e->depinfo);
	buf_free(&e->stdout_text);
	buf_free(&e->stderr_text);
	e->nout = 0;
}

int
entry_name_ok(const char *p, size_t n)
{
	if (n == 0 || n > ENTRY_NAME_LEN || p[0] == '.')
		return 0;
	for (size_t i = 0; i < n; i++)
		if (p[i] == '/' || (unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return 0;
	return 1;
}

static void
put_text(struct buf *b, const struct buf *text)
{
	mp_put_bin(b, text->p ? text->p : "", text->len);
}

void
entry_encode(const struct entry *e, struct buf *out)
{
	struct buf b = { 0 };

	mp_put_list(&b, FIELDS);
	mp_put_uint(&b, e->stored_ms);
	mp_put_uint(&b, e->compile_us);
	mp_put_uint(&b, e->kind);
	mp_put_bin(&b, e->k0.b, DIGEST_LEN);
	mp_put_str(&b, e->roots);
	mp_put_list(&b, (uint32_t)(e->nout * OUT_FIELDS));
	for (size_t i = 0; i < e->nout; i++) {
		mp_put_str(&b, e->out[i].name);
		mp_put_uint(&b, e->out[i].role);
		mp_put_uint(&b, e->out[i].exec);
		mp_put_uint(&b, e->out[i].size);
		mp_put_bin(&b, e->out[i].blob.b, DIGEST_LEN);
	}
	put_text(&b, &e->crate);
	put_text(&b, &e->depinfo);
	put_text(&b, &e->stdout_text);
	put_text(&b, &e->stderr_text);
	mp_put_uint(&b, e->origin);
	mp_put_bin(&b, e->inputs.b, DIGEST_LEN);
	if (b.failed)
		out->failed = true;
	else
		record_seal(out, 'e', VERSION, b.p, b.len);
	buf_free(&b);
}

static int
take_text(struct mp_list *l, struct buf *out)
{
	const char *p;
	size_t n;
	int r = mp_next_bin(l, &p, &n);

	if (r < 0 || n > TEXT_MAX)
		return ERR_CORRUPT;
	buf_add(out, p, n);
	return out->failed ? -ENOMEM : 0;
}

static int
take_output(struct mp_list *l, struct entry_output *o)
{
	uint64_t role = 0, exec = 0, size = 0;
	const char *p = NULL;
	size_t n = 0;
	int r = mp_next_bin(l, &p, &n);

	r = r ? r : mp_next_uint(l, &role);
	r = r ? r : mp_next_uint(l, &exec);
	r = r ? r : mp_next_uint(l, &size);
	r = r ? r : mp_next_fixed(l, o->blob.b, DIGEST_LEN);
	if (r < 0 || !entry_name_ok(p, n) || role > ENTRY_SIDE || exec > 1)
		return ERR_CORRUPT;
	memcpy(o->name, p, n);
	o->name[n] = '\0';
	o->role = (enum entry_role)role;
	o->exec = (uint32_t)exec;
	o->size = size;
	return 0;
}

static int
take_outputs(struct mp_list *l, struct entry *e)
{
	struct mp_list sub;
	int r = mp_next_list(l, &sub);

	if (r < 0 || sub.left > ENTRY_OUTPUTS_MAX * OUT_FIELDS)
		return ERR_CORRUPT;
	while (r == 0 && sub.left)
		r = take_output(&sub, &e->out[e->nout++]);
	return r;
}

static int
take_roots(struct mp_list *l, struct entry *e)
{
	const char *p;
	size_t n;
	int r = mp_next_bin(l, &p, &n);

	if (r < 0 || n >= sizeof(e->roots))
		return ERR_CORRUPT;
	memcpy(e->roots, p, n);
	e->roots[n] = '\0';
	return 0;
}

static int
take_fields(struct mp_list *l, struct entry *e)
{
	uint64_t kind = 0, origin = ENTRY_MADE;
	int r = mp_next_uint(l, &e->stored_ms);

	r = r ? r : mp_next_uint(l, &e->compile_us);
	r = r ? r : mp_next_uint(l, &kind);
	r = r ? r : mp_next_fixed(l, e->k0.b, DIGEST_LEN);
	r = r ? r : take_roots(l, e);
	r = r ? r : take_outputs(l, e);
	r = r ? r : take_text(l, &e->crate);
	r = r ? r : take_text(l, &e->depinfo);
	r = r ? r : take_text(l, &e->stdout_text);
	r = r ? r : take_text(l, &e->stderr_text);
	/* Entries of the first releases have no origin, or no input list. */
	if (r == 0 && l->left)
		r = mp_next_uint(l, &origin);
	if (r == 0 && l->left)
		r = mp_next_fixed(l, e->inputs.b, DIGEST_LEN);
	e->kind = (uint32_t)kind;
	e->origin = (uint32_t)origin;
	return r;
}

int
entry_decode(const void *p, size_t n, struct entry *out)
{
	struct entry e;
	const char *content;
	struct mp_doc doc;
	struct mp_list l;
	size_t len;
	int r = record_open(p, n, 'e', VERSION, &content, &len);

	if (r < 0)
		return r;
	/* Sweeps read many, and most have three outputs. */
	memset(&e, 0, offsetof(struct entry, out));
	r = mp_open(&doc, content, len);
	if (r < 0)
		return r;
	l = mp_root(&doc);
	r = take_fields(&l, &e);
	mp_close(&doc);
	if (r < 0)
		entry_release(&e);
	else
		memcpy(out, &e,
		       offsetof(struct entry, out) + e.nout * sizeof(e.out[0]));
	return r;
}

int
entry_load(struct store *s, const struct digest *k1, struct entry *out)
{
	char name[STORE_NAME];
	struct buf b = { 0 };
	int r;

	store_name("entries", k1, name);
	r = file_read(s->dir, name, RECORD_MAX, &b);
	if (r == 0)
		r = entry_decode(b.p ? b.p : "", b.len, out);
	if (r == ERR_CORRUPT)
		store_remove(s, name);
	buf_free(&b);
	return r == -ENOENT ? ERR_MISS : r;
}

int
entry_save(struct store *s, const struct digest *k1, const struct entry *e)
{
	char name[STORE_NAME], tmp[STORE_NAME];
	struct buf b = { 0 };
	int r = -ENOMEM;

	entry_encode(e, &b);
	store_name("entries", k1, name);
	store_tmp(s, tmp);
	if (record_is_newer(s->dir, name, 'e', VERSION))
		r = ERR_NEWER;
	else if (!b.failed)
		r = file_publish(s->dir, tmp, name, b.p, b.len);
	buf_free(&b);
	return r;
}

static void
text_field(struct digest_ctx *c, const struct buf *text)
{
	digest_field(c, text->p ? text->p : "", text->len);
}

static bool
is_archive(const char *name)
{
	size_t n = strlen(name);

	return (n > 5 && !strcmp(name + n - 5, ".rlib")) ||
	       (n > 2 && !strcmp(name + n - 2, ".a"));
}

void
entry_content(const struct entry *e, struct digest *out)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "kache-content-1");
	digest_u64(&c, e->nout);
	for (size_t i = 0; i < e->nout; i++) {
		digest_str(&c, e->out[i].name);
		digest_u64(&c, e->out[i].role);
		digest_u64(&c, e->out[i].exec);
		if (!is_archive(e->out[i].name))
			digest_sub(&c, &e->out[i].blob);
	}
	text_field(&c, &e->depinfo);
	text_field(&c, &e->stdout_text);
	text_field(&c, &e->stderr_text);
	digest_end(&c, out);
}

void
entry_mark_fresh(struct store *s, const struct digest *at)
{
	char name[STORE_NAME];

	store_name("entries", at, name);
	/* Who counts merits misses one, nothing else. */
	if (fchmodat(s->dir, name, 0700, 0) < 0)
		return;
}

bool
entry_take_fresh(struct store *s, const struct digest *at)
{
	char name[STORE_NAME];
	struct stat st;

	store_name("entries", at, name);
	return fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & S_IXUSR) && fchmodat(s->dir, name, 0600, 0) == 0;
}

void
entry_touch(struct store *s, const struct digest *k1)
{
	char name[STORE_NAME];
	struct stat st;

	store_name("entries", k1, name);
	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (st.st_mtim.tv_sec + TOUCH_S < file_now() / 1000000000)
		utimensat(s->dir, name, NULL, AT_SYMLINK_NOFOLLOW);
}
