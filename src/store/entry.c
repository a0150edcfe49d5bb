/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/entry.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record_type.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 32 << 20, TOUCH_S = 300 };

static const struct record_field fields[] = {
	RECORD_FIELD(U64, entry, stored_ms, 0),
	RECORD_FIELD(U64, entry, compile_us, 0),
	RECORD_FIELD(U32, entry, kind, 0),
	RECORD_FIELD(DIGEST, entry, k0, 0),
	RECORD_FIELD(TEXT, entry, roots,
		     sizeof(((struct entry *)0)->roots) - 1),
	RECORD_LAST,
};

static const struct record_field output_fields[] = {
	RECORD_FIELD(TEXT, entry_output, name, ENTRY_NAME_LEN),
	RECORD_FIELD(U32, entry_output, role, ENTRY_SIDE),
	RECORD_FIELD(U32, entry_output, exec, 1),
	RECORD_FIELD(U64, entry_output, size, 0),
	RECORD_FIELD(DIGEST, entry_output, blob, 0),
	RECORD_LAST,
};

/* The list of outputs, then these. */
static const struct record_field text_fields[] = {
	RECORD_FIELD(BYTES, entry, crate, TEXT_MAX),
	RECORD_FIELD(BYTES, entry, depinfo, TEXT_MAX),
	RECORD_FIELD(BYTES, entry, stdout_text, TEXT_MAX),
	RECORD_FIELD(BYTES, entry, stderr_text, TEXT_MAX),
	RECORD_LATER(U32, entry, origin, 0),
	RECORD_LATER(DIGEST, entry, inputs, 0),
	RECORD_LAST,
};

enum { OUTPUT_FIELDS = 5, REST_FIELDS = 7 };

void
entry_release(struct entry *e)
{
	record_free(text_fields, e);
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

static uint32_t
put_outputs_and_texts(struct buf *b, const void *entry)
{
	const struct entry *e = entry;

	mp_put_list(b, (uint32_t)(e->nout * OUTPUT_FIELDS));
	for (size_t i = 0; i < e->nout; i++)
		record_put(b, output_fields, &e->out[i]);
	record_put(b, text_fields, e);
	return REST_FIELDS;
}

static int
take_outputs(struct mp_list *l, struct entry *e)
{
	struct mp_list sub;
	int r = mp_next_list(l, &sub);

	if (r < 0 || sub.left > ENTRY_OUTPUTS_MAX * OUTPUT_FIELDS)
		return ERR_CORRUPT;
	while (r == 0 && sub.left) {
		struct entry_output *o = &e->out[e->nout++];

		r = record_take(&sub, output_fields, o);
		if (r == 0 && !entry_name_ok(o->name, strlen(o->name)))
			r = ERR_CORRUPT;
	}
	return r;
}

static int
take_outputs_and_texts(struct mp_list *l, void *entry)
{
	int r = take_outputs(l, entry);

	return r ? r : record_take(l, text_fields, entry);
}

static const struct record_type type = {
	.letter = 'e',
	.version = 1,
	.fields = fields,
	.put_rest = put_outputs_and_texts,
	.take_rest = take_outputs_and_texts,
};

void
entry_encode(const struct entry *e, struct buf *out)
{
	record_encode(&type, e, out);
}

int
entry_decode(const void *p, size_t n, struct entry *out)
{
	struct entry e;
	int r;

	/* Sweeps read many, and most have three outputs. */
	memset(&e, 0, offsetof(struct entry, out));
	r = record_decode(&type, p, n, &e);
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
	int r;

	memset(out, 0, offsetof(struct entry, out));
	store_name("entries", k1, name);
	r = store_load(s, name, &type, out);
	if (r < 0)
		entry_release(out);
	return r;
}

int
entry_save(struct store *s, const struct digest *k1, const struct entry *e)
{
	char name[STORE_NAME];

	store_name("entries", k1, name);
	return store_save(s, name, &type, e);
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
