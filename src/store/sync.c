/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/sync.h"

#include "base/file.h"
#include "key/digest_cache.h"
#include "store/store.h"

#include <unistd.h>

/* The time is taken first: what is stored while we wait is not promised. */
void
store_sync(struct store *s, struct digest_cache *m)
{
	int64_t now = file_now();

	if (syncfs(s->dir) == 0)
		digest_cache_set_synced(m, now);
}
