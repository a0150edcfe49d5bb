/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/tidy.h"

#include "base/detach.h"
#include "base/file.h"
#include "base/log.h"
#include "shim/job.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { SYNC_S = 600 };

static void
start_gc(struct job *j)
{
	char *argv[] = { (char *)"kache", (char *)"gc", (char *)"--auto",
			 NULL };
	char path[PATH_MAX];

	if (detach_beside("kache", path, sizeof(path)) < 0)
		return;
	/* Nothing of ours looks at this variable any more. */
	setenv("KACHE_CACHE_DIR", j->cache_dir, 1);
	detach_start(path, argv, environ);
}

void
tidy_after_store(struct job *j, uint64_t bytes)
{
	uint64_t size = memo_add_stored(&j->memo, bytes);
	uint64_t max = (uint64_t)j->config.v[CONFIG_STORE_MAX_SIZE].num;
	int64_t synced = memo_synced(&j->memo);

	if ((max && size > max / 10 * 11) ||
	    (synced && file_now() - synced > (int64_t)SYNC_S * 1000000000)) {
		log_msg(LOG_INFO, "starting gc: %llu bytes stored",
			(unsigned long long)size);
		start_gc(j);
	}
}
