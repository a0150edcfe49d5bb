/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/env_exempt.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"
#include "base/memfind.h"
#include "key/input_kind.h"
#include "key/inputs.h"
#include "store/entry.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

enum { VERSION = 1 };

static void
name_of(const struct digest *crate, const char *name, char out[STORE_NAME])
{
	char hex[DIGEST_HEX + 1];
	struct digest_ctx c;
	struct digest d;

	digest_init(&c);
	digest_str(&c, "spared-1");
	digest_sub(&c, crate);
	digest_str(&c, name);
	digest_end(&c, &d);
	digest_hex(&d, hex);
	snprintf(out, STORE_NAME, "ids/%s", hex);
}

static void
note(struct store *s, const struct digest *crate, const char *name)
{
	struct buf b = { 0 }, out = { 0 };
	char file[STORE_NAME], tmp[STORE_NAME];

	mp_put_list(&b, 1);
	mp_put_str(&b, name);
	if (!b.failed)
		record_seal(&out, 'i', VERSION, b.p, b.len);
	name_of(crate, name, file);
	store_tmp(s, tmp);
	/* Without it a dependent is compiled once more elsewhere. */
	if (!b.failed && !out.failed)
		file_publish(s->dir, tmp, file, out.p, out.len);
	buf_free(&b);
	buf_free(&out);
}

static bool
is_crate(const char *file)
{
	const char *dot = strrchr(file, '.');

	return dot && (!strcmp(dot, ".rmeta") || !strcmp(dot, ".rlib"));
}

void
env_exempt_note(struct store *s, const struct inputs *inputs,
		const struct entry *e, const char *declared)
{
	for (size_t i = 0; i < inputs->count; i++) {
		const char *item = inputs_item(inputs, i);

		if (item[0] != INPUT_PLACE || memfind_word(declared, item + 1))
			continue;
		for (size_t k = 0; k < e->nout; k++)
			if (is_crate(e->out[k].name))
				note(s, &e->out[k].blob, item + 1);
	}
}

bool
env_exempt_has(void *store, const struct digest *crate, const char *name)
{
	struct store *s = store;
	char file[STORE_NAME];
	struct buf b = { 0 };
	const char *p;
	size_t n;
	bool has;

	name_of(crate, name, file);
	has = record_read(s->dir, file, 'i', VERSION, &b, &p, &n) == 0;
	buf_free(&b);
	return has;
}
