/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/tidy.h"

#include "base/detach.h"
#include "base/file.h"
#include "base/log.h"
#include "shim/job.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { SYNC_S = 600, DAEMON_RUN = 0 /* byte of daemon.lock */ };

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

/* A daemon of this store sweeps and syncs by itself, in time; one that hangs
 * holds its lock as well, so it only gets a longer time. */
static bool
daemon_runs(struct job *j)
{
	int fd = openat(j->store.dir, "daemon.lock",
			O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool runs = fd >= 0 && file_is_locked(fd, DAEMON_RUN);

	if (fd >= 0)
		close(fd);
	return runs;
}

static bool
is_due(struct job *j, bool daemon)
{
	uint64_t max = (uint64_t)j->config.v[CONFIG_STORE_MAX_SIZE].num;
	int64_t wait_s = daemon ? 2 * SYNC_S : SYNC_S;
	struct memo_state m;

	memo_look(&j->memo, &m);
	return memo_over(&m, max, daemon ? MEMO_FAR_OVER : MEMO_OVER) ||
	       (m.synced && file_now() - m.synced > wait_s * 1000000000);
}

void
tidy_after_store(struct job *j, uint64_t bytes)
{
	uint64_t size = memo_add_stored(&j->memo, bytes);

	if (is_due(j, false) && (!daemon_runs(j) || is_due(j, true))) {
		log_msg(LOG_INFO, "starting gc: %llu bytes stored",
			(unsigned long long)size);
		start_gc(j);
	}
}
