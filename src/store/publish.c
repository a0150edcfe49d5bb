/* SPDX-License-Identifier: Apache-2.0 */
#include "store/publish.h"

#include "base/err.h"
#include "store/blob.h"
#include "store/entry.h"

/* A sweep that lists entries from now on sees ours, so what is there after
 * this look stays. */
static int
check_blob(struct store *s, struct digest_cache *m,
	   const struct entry_output *o, const char *path)
{
	struct blob_put put = { .path = path };
	struct digest d;
	int r;

	if (o->role == ENTRY_DEPINFO || blob_exists(s, &o->blob))
		return 0;
	r = blob_put(s, m, &put, &d);
	if (r == 0 && !digest_eq(&d, &o->blob))
		r = ERR_CHANGED;
	return r;
}

int
publish_entry(struct store *s, struct digest_cache *m, const struct digest *key,
	      const struct entry *e, const char *const *paths)
{
	int r = entry_save(s, key, e);

	for (size_t i = 0; i < e->nout && r == 0; i++)
		r = check_blob(s, m, &e->out[i], paths[i]);
	return r;
}
