/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/build_manifest.h"

#include "base/err.h"
#include "base/mp.h"
#include "base/record_type.h"
#include "base/strset.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIELDS = 9,
	PASSES = 64,
	NAME_MAX = 128,
	ELEMENTS = BUILD_MANIFEST_UNITS *
			   (FIELDS + 2 + BUILD_MANIFEST_PARENTS / 8) +
		   64
};

static const struct record_field fields[] = {
	RECORD_FIELD(DIGEST, build_manifest, lock, 0),
	RECORD_FIELD(DIGEST, build_manifest, toolchain, 0),
	RECORD_FIELD(U64, build_manifest, stored_ms, 0),
	RECORD_LAST,
};

void
build_manifest_release(struct build_manifest *m)
{
	free(m->unit);
	free(m->parents);
	buf_free(&m->text);
	memset(m, 0, sizeof(*m));
}

static uint32_t
keep_name(struct build_manifest *m, const char *name)
{
	uint32_t at = (uint32_t)m->text.len;

	buf_add(&m->text, name, strnlen(name, NAME_MAX));
	buf_char(&m->text, '\0');
	return at;
}

int
build_manifest_add(struct build_manifest *m,
		   const struct build_manifest_unit *u, const char *package,
		   const char *version, const uint32_t *parents,
		   size_t nparents)
{
	struct build_manifest_unit new = *u;
	void *more;

	if (m->count == BUILD_MANIFEST_UNITS ||
	    nparents > BUILD_MANIFEST_PARENTS)
		return ERR_TOOBIG;
	more = vec_grow(m->unit, m->count, 1, sizeof(*m->unit));
	if (!more)
		return -ENOMEM;
	m->unit = more;
	more = vec_grow(m->parents, m->nparents, nparents, sizeof(*m->parents));
	if (!more)
		return -ENOMEM;
	m->parents = more;
	new.package = keep_name(m, package);
	new.version = keep_name(m, version);
	if (m->text.failed)
		return -ENOMEM;
	new.parent = (uint32_t)m->nparents;
	new.nparents = (uint32_t)nparents;
	if (nparents)
		memcpy(m->parents + m->nparents, parents,
		       nparents * sizeof(*parents));
	m->nparents += nparents;
	m->unit[m->count] = new;
	return (int)m->count++;
}

const char *
build_manifest_package(const struct build_manifest *m,
		       const struct build_manifest_unit *u)
{
	return m->text.p + u->package;
}

const char *
build_manifest_version(const struct build_manifest *m,
		       const struct build_manifest_unit *u)
{
	return m->text.p + u->version;
}

static void
put_unit(const struct build_manifest *m, const struct build_manifest_unit *u,
	 struct buf *b)
{
	mp_put_list(b, FIELDS);
	mp_put_bin(b, u->at.b, DIGEST_LEN);
	mp_put_bin(b, u->k0.b, DIGEST_LEN);
	mp_put_str(b, build_manifest_package(m, u));
	mp_put_str(b, build_manifest_version(m, u));
	mp_put_uint(b, u->size);
	mp_put_uint(b, u->compile_us);
	mp_put_uint(b, u->unused);
	mp_put_list(b, u->nparents);
	for (uint32_t i = 0; i < u->nparents; i++)
		mp_put_uint(b, m->parents[u->parent + i]);
	mp_put_uint(b, u->script);
}

static uint32_t
put_units(struct buf *b, const void *manifest)
{
	const struct build_manifest *m = manifest;

	for (size_t i = 0; i < m->count; i++)
		put_unit(m, &m->unit[i], b);
	return (uint32_t)m->count;
}

/* Names are for people and joins: plain text without a NUL. */
static int
get_name(struct mp_list *l, char name[NAME_MAX + 1])
{
	const char *p;
	size_t n;
	int r = mp_next_bin(l, &p, &n);

	if (r == 0 && n > NAME_MAX)
		r = ERR_TOOBIG;
	for (size_t i = 0; r == 0 && i < n; i++)
		if ((unsigned char)p[i] < 0x20 || (unsigned char)p[i] > 0x7e)
			r = ERR_CORRUPT;
	if (r == 0) {
		memcpy(name, p, n);
		name[n] = '\0';
	}
	return r;
}

/* COUNT: of all units in the document. */
static int
get_parents(struct mp_list *l, size_t count, uint32_t *to, size_t *n)
{
	struct mp_list sub;
	uint64_t v;
	int r = mp_next_list(l, &sub);

	if (r == 0 && sub.left > BUILD_MANIFEST_PARENTS)
		r = ERR_TOOBIG;
	for (*n = 0; r == 0 && sub.left;) {
		r = mp_next_uint(&sub, &v);
		if (r == 0 && v >= count)
			r = ERR_CORRUPT;
		if (r == 0)
			to[(*n)++] = (uint32_t)v;
	}
	return r;
}

static int
get_unit(struct mp_list *from, size_t count, struct build_manifest *m)
{
	char package[NAME_MAX + 1], version[NAME_MAX + 1];
	uint32_t parents[BUILD_MANIFEST_PARENTS];
	struct build_manifest_unit u = { 0 };
	struct mp_list l;
	uint64_t unused = 0, script = 0;
	size_t n = 0;
	int r = mp_next_list(from, &l);

	r = r ? r : mp_next_fixed(&l, u.at.b, DIGEST_LEN);
	r = r ? r : mp_next_fixed(&l, u.k0.b, DIGEST_LEN);
	r = r ? r : get_name(&l, package);
	r = r ? r : get_name(&l, version);
	r = r ? r : mp_next_uint(&l, &u.size);
	r = r ? r : mp_next_uint(&l, &u.compile_us);
	r = r ? r : mp_next_uint(&l, &unused);
	r = r ? r : get_parents(&l, count, parents, &n);
	if (r == 0 && l.left) /* those before did not say */
		r = mp_next_uint(&l, &script);
	if (r < 0)
		return r;
	u.script = script != 0;
	u.unused = unused < BUILD_MANIFEST_SESSIONS ? (uint32_t)unused
						    : BUILD_MANIFEST_SESSIONS;
	r = build_manifest_add(m, &u, package, version, parents, n);
	return r < 0 ? r : 0;
}

static int
take_units(struct mp_list *l, void *manifest)
{
	size_t count = l->left;
	int r = count > BUILD_MANIFEST_UNITS ? ERR_TOOBIG : 0;

	while (r == 0 && l->left)
		r = get_unit(l, count, manifest);
	return r;
}

static const struct record_type type = {
	.letter = 'b',
	.version = 1,
	.fields = fields,
	.put_rest = put_units,
	.take_rest = take_units,
	.file_max = BUILD_MANIFEST_BYTES,
	.elements_max = ELEMENTS,
};

void
build_manifest_encode(const struct build_manifest *m, struct buf *out)
{
	record_encode(&type, m, out);
}

int
build_manifest_decode(const void *p, size_t n, struct build_manifest *out)
{
	struct build_manifest m = { 0 };
	int r = record_decode(&type, p, n, &m);

	if (r < 0)
		build_manifest_release(&m);
	else
		*out = m;
	return r;
}

/* What OLDER's unit I has become in M, counted from 1; 0: nothing. */
static int
merge_unit(struct build_manifest *m, const struct build_manifest *older,
	   size_t i, bool age, uint32_t *is)
{
	const struct build_manifest_unit *u = &older->unit[i];
	uint32_t parents[BUILD_MANIFEST_PARENTS];
	struct build_manifest_unit new = *u;
	size_t n = 0;
	int r;

	new.unused = u->unused + age;
	if (new.unused >= BUILD_MANIFEST_SESSIONS)
		return 0;
	/* A parent that is gone leaves its child without an edge. */
	for (uint32_t k = 0; k < u->nparents; k++) {
		uint32_t p = is[older->parents[u->parent + k]];

		if (p)
			parents[n++] = p - 1;
	}
	r = build_manifest_add(m, &new, build_manifest_package(older, u),
			       build_manifest_version(older, u), parents, n);
	if (r >= 0)
		is[i] = (uint32_t)r + 1;
	return r == ERR_TOOBIG ? 0 : r < 0 ? r : 0;
}

int
build_manifest_merge(struct build_manifest *m,
		     const struct build_manifest *older, bool age)
{
	uint32_t *is = calloc(older->count + 1, sizeof(*is));
	struct strset have = { 0 };
	char hex[DIGEST_HEX + 1];
	int r = is ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < m->count; i++) {
		digest_hex(&m->unit[i].at, hex);
		strset_add(&have, hex, (void *)(uintptr_t)(i + 1));
	}
	if (have.failed)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < older->count; i++) {
		digest_hex(&older->unit[i].at, hex);
		is[i] = (uint32_t)(uintptr_t)strset_get(&have, hex);
		if (!is[i])
			r = merge_unit(m, older, i, age, is);
	}
	strset_free(&have);
	free(is);
	return r;
}

/* Marks what needs an unwanted unit until nothing changes: parents may stand
 * anywhere. */
static int
spread(const struct build_manifest *m, bool *out)
{
	bool more = true;

	for (int pass = 0; more; pass++) {
		if (pass == PASSES) /* made to take long */
			return ERR_CORRUPT;
		more = false;
		for (size_t i = 0; i < m->count; i++) {
			const struct build_manifest_unit *u = &m->unit[i];

			for (uint32_t k = 0; !out[i] && k < u->nparents; k++)
				if (out[m->parents[u->parent + k]])
					more = out[i] = true;
		}
	}
	return 0;
}

static int
copy_unit(const struct build_manifest *from, size_t i, const uint32_t *is,
	  struct build_manifest *to)
{
	const struct build_manifest_unit *u = &from->unit[i];
	uint32_t parents[BUILD_MANIFEST_PARENTS];

	for (uint32_t k = 0; k < u->nparents; k++)
		parents[k] = is[from->parents[u->parent + k]];
	return build_manifest_add(to, u, build_manifest_package(from, u),
				  build_manifest_version(from, u), parents,
				  u->nparents);
}

int
build_manifest_filter(const struct build_manifest *from,
		      bool (*keep)(void *ctx, const char *package,
				   const char *version),
		      void *ctx, struct build_manifest *out)
{
	struct build_manifest m = { .lock = from->lock,
				    .toolchain = from->toolchain,
				    .stored_ms = from->stored_ms };
	bool *gone = calloc(from->count + 1, sizeof(*gone));
	uint32_t *is = calloc(from->count + 1, sizeof(*is));
	uint32_t n = 0;
	int r = gone && is ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < from->count; i++)
		gone[i] =
			!keep(ctx, build_manifest_package(from, &from->unit[i]),
			      build_manifest_version(from, &from->unit[i]));
	if (r == 0)
		r = spread(from, gone);
	for (size_t i = 0; r == 0 && i < from->count; i++)
		is[i] = gone[i] ? 0 : n++;
	for (size_t i = 0; r >= 0 && i < from->count; i++)
		if (!gone[i])
			r = copy_unit(from, i, is, &m);
	free(gone);
	free(is);
	if (r < 0)
		build_manifest_release(&m);
	else
		*out = m;
	return r < 0 ? r : 0;
}
