/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/auto_gc.h"

#include "base/spawn_detached.h"
#include "base/file.h"
#include "base/log.h"
#include "shim/invocation.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes of daemon.lock and of gc.lock. */
enum { DAEMON_RUN = 0, SWEEPER = 0 };

static void
start_gc(struct invocation *j)
{
	char *argv[] = { (char *)"kache", (char *)"gc", (char *)"--auto",
			 NULL };
	char path[PATH_MAX];

	if (spawn_detached_beside("kache", path, sizeof(path)) < 0)
		return;
	/* Nothing of ours looks at this variable any more. */
	setenv("KACHE_CACHE_DIR", j->cache_dir, 1);
	spawn_detached(path, argv, environ);
}

static bool
is_locked(struct invocation *j, const char *name, uint64_t byte)
{
	int fd = openat(j->store.dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool locked = fd >= 0 && file_is_locked(fd, byte);

	if (fd >= 0)
		close(fd);
	return locked;
}

/* A daemon of this store sweeps and syncs by itself, in time; one that hangs
 * holds its lock as well, so it only gets a longer time. */
static bool
daemon_runs(struct invocation *j)
{
	return is_locked(j, "daemon.lock", DAEMON_RUN);
}

/* Until it has ended, each unit that is stored finds the store too large. */
static bool
sweeper_runs(struct invocation *j)
{
	return is_locked(j, "gc.lock", SWEEPER);
}

static bool
is_due(struct invocation *j, bool daemon)
{
	uint64_t max = (uint64_t)j->config.v[CONFIG_STORE_MAX_SIZE].num;
	int64_t wait_s = daemon ? 2 * DIGEST_CACHE_SYNC_S : DIGEST_CACHE_SYNC_S;
	struct digest_cache_state m;

	digest_cache_look(&j->memo, &m);
	return digest_cache_over(&m, max,
				 daemon ? DIGEST_CACHE_FAR_OVER
					: DIGEST_CACHE_OVER) ||
	       digest_cache_late(&m, wait_s);
}

void
auto_gc_after_store(struct invocation *j, uint64_t bytes)
{
	uint64_t size = digest_cache_add_stored(&j->memo, bytes);

	if (is_due(j, false) && (!daemon_runs(j) || is_due(j, true)) &&
	    !sweeper_runs(j)) {
		log_msg(LOG_INFO, "starting gc: %llu bytes stored",
			(unsigned long long)size);
		start_gc(j);
	}
}
