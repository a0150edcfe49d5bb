/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/env_exempt.h"

#include "base/digest.h"
#include "base/record_type.h"
#include "base/memfind.h"
#include "key/input_kind.h"
#include "key/inputs.h"
#include "store/entry.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

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

struct exempt {
	char *name; /* the variable */
};

static const struct record_field fields[] = {
	RECORD_FIELD(STRING, exempt, name, 0),
	RECORD_LAST,
};

static const struct record_type type = {
	.letter = 'i',
	.version = 1,
	.fields = fields,
};

/* Without it a dependent is compiled once more elsewhere. */
static void
note(struct store *s, const struct digest *crate, const char *name)
{
	struct exempt e = { (char *)name };
	char file[STORE_NAME];

	name_of(crate, name, file);
	store_save(s, file, &type, &e);
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

	name_of(crate, name, file);
	return record_exists(s->dir, file, &type);
}
