/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/rerun.h"

#include "base/digest.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/record_type.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct record_field fields[] = {
	RECORD_FIELD(BYTES, rerun, program, 0),
	RECORD_FIELD(BYTES, rerun, argv0, 0),
	RECORD_FIELD(BYTES, rerun, cwd, 0),
	RECORD_FIELD(BYTES, rerun, out_dir, 0),
	RECORD_FIELD(BYTES, rerun, target, 0),
	RECORD_FIELD(BYTES, rerun, workspace, 0),
	RECORD_FIELD(BYTES, rerun, env, 0),
	RECORD_LAST,
};

static const struct record_type type = {
	.letter = 'r',
	.version = 1,
	.fields = fields,
};

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
	char name[STORE_NAME];

	name_of(k1, name);
	return store_save(s, name, &type, r);
}

int
rerun_load(struct store *s, const struct digest *k1, struct rerun *out)
{
	char name[STORE_NAME];
	int r;

	memset(out, 0, sizeof(*out));
	name_of(k1, name);
	r = store_load(s, name, &type, out);
	if (r < 0)
		rerun_release(out);
	return r;
}

void
rerun_release(struct rerun *r)
{
	record_free(fields, r);
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
	struct dir_names names;
	struct digest k1;
	int r = dir_list(s->dir, "reruns", 0, &names);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < names.count && r == 0; i++)
		if (digest_parse(names.name[i], strlen(names.name[i]), &k1) ==
		    0)
			r = use(ctx, &k1);
	dir_names_free(&names);
	return r;
}
