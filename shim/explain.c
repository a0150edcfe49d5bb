/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/explain.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/record_type.h"
#include "key/inputs.h"
#include "rustc/args.h"
#include "shim/path_bound.h"
#include "shim/invocation.h"
#include "shim/nearest_unit.h"
#include "store/manifest.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMED_MAX = 4 };

/* Marks of the externs in argv order, then of the input list's items. */
static uint32_t *
make_marks(const struct inputs *s, const struct inputs_env *env, size_t *n)
{
	uint32_t *m = calloc(env->nexterns + s->count + 1, sizeof(*m));

	if (!m)
		return NULL;
	for (size_t i = 0; i < env->nexterns; i++)
		memcpy(&m[i], env->externs[i].b, sizeof(*m));
	inputs_marks(s, env, m + env->nexterns);
	*n = env->nexterns + s->count;
	return m;
}

static void
marks_name(const struct digest *k0, char name[STORE_NAME])
{
	struct digest_ctx c;
	struct digest d;
	char hex[DIGEST_HEX + 1];

	digest_init(&c);
	digest_str(&c, "marks-1");
	digest_sub(&c, k0);
	digest_end(&c, &d);
	digest_hex(&d, hex);
	snprintf(name, STORE_NAME, "ids/%s", hex);
}

/* The newest input list, and four bytes for each extern and item. */
struct marks {
	struct digest inputs;
	struct buf bytes;
};

static const struct record_field fields[] = {
	RECORD_FIELD(DIGEST, marks, inputs, 0),
	RECORD_FIELD(BYTES, marks, bytes, 0),
	RECORD_LAST,
};

static const struct record_type type = {
	.letter = 'i',
	.version = 1,
	.fields = fields,
};

void
explain_remember(struct invocation *j, const struct digest *k0,
		 const struct inputs *s, const struct inputs_env *env)
{
	char name[STORE_NAME];
	size_t n = 0;
	uint32_t *m = make_marks(s, env, &n);
	struct marks marks = {
		.bytes = { .p = (char *)m, .len = n * sizeof(*m) },
	};

	if (!m)
		return;
	inputs_digest(s, &marks.inputs);
	marks_name(k0, name);
	/* Without it the next miss is not explained. */
	store_save(&j->store, name, &type, &marks);
	free(m);
	nearest_unit_remember(j, k0);
}

static void
add_name(const struct invocation *j, const struct inputs *s,
	 const struct inputs_env *env, size_t i, struct buf *out)
{
	buf_str(out, out->len ? " | " : "changed:");
	if (i >= env->nexterns)
		buf_str(out, inputs_item(s, i - env->nexterns));
	else if (i < j->args.nexterns)
		buf_fmt(out, "-%.*s", (int)j->args.externs[i].name_len,
			j->args.externs[i].name);
}

/* All is as it was: the result is gone, or it holds in another place. */
static void
add_unchanged(struct invocation *j, const struct digest *k0,
	      const struct inputs *s, const struct inputs_env *env,
	      struct buf *out)
{
	char name[STORE_NAME];
	struct digest k1, at;

	if (inputs_key(s, env, k0, &k1, NULL) < 0)
		return;
	path_bound_tagged(&k1, &j->tag, &at);
	store_name("entries", &k1, name);
	if (faccessat(j->store.dir, name, F_OK, 0) < 0) {
		store_name("entries", &at, name);
		if (faccessat(j->store.dir, name, F_OK, 0) < 0) {
			buf_str(out, "changed:!");
			return;
		}
	}
	buf_str(out, "changed:@");
}

static void
compare_marks(struct invocation *j, const struct digest *k0,
	      const struct inputs *s, const struct inputs_env *env,
	      const char *old, size_t len, struct buf *out)
{
	size_t n = 0, named = 0, more = 0;
	uint32_t *m = make_marks(s, env, &n);

	for (size_t i = 0; m && i < n && len == n * sizeof(*m); i++) {
		if (!memcmp(old + i * sizeof(*m), &m[i], sizeof(*m)))
			continue;
		if (named++ < NAMED_MAX)
			add_name(j, s, env, i, out);
		else
			more++;
	}
	if (more)
		buf_fmt(out, " | +%zu", more);
	if (m && !named && len == n * sizeof(*m))
		add_unchanged(j, k0, s, env, out);
	free(m);
}

static void
compare_with_record(struct invocation *j, const struct digest *k0,
		    const struct inputs *s, const struct inputs_env *env,
		    struct buf *out)
{
	struct marks old = { .bytes = { 0 } };
	char name[STORE_NAME];
	struct digest now;

	marks_name(k0, name);
	inputs_digest(s, &now);
	if (store_load(&j->store, name, &type, &old) == 0 &&
	    digest_eq(&old.inputs, &now))
		compare_marks(j, k0, s, env, old.bytes.p, old.bytes.len, out);
	record_free(fields, &old);
}

bool
explain_find(struct invocation *j, const struct digest *k0,
	     const struct inputs_env *env, char *to, size_t room)
{
	struct manifest m = { 0 };
	struct buf out = { 0 };
	bool found;

	if (manifest_load(&j->store, k0, &m) == 0) {
		if (m.count)
			compare_with_record(j, k0, &m.rec[0].inputs, env, &out);
		manifest_release(&m);
	} else {
		buf_str(&out, "changed:");
		nearest_unit_compare(j, &out);
		if (out.len == strlen("changed:"))
			buf_reset(&out);
	}
	found = out.len && !out.failed;
	if (found)
		snprintf(to, room, "%s", out.p);
	buf_free(&out);
	return found;
}
