/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/observation.h"

#include "base/file.h"
#include "base/process.h"
#include "key/trace.h"
#include "shim/invocation.h"
#include "shim/kind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

extern char **environ;

#define MEMORY "/dev/shm"

enum { EXT_MAGIC = 0xEF53, XFS_MAGIC = 0x58465342, TMPFS_MAGIC = 0x01021994 };
enum { STEP_NS = 50000000 };

/* Whether a mapped page of a file that was written once can be written again
 * without new blocks. */
static bool
writes_in_place(const struct statfs *fs)
{
	unsigned long type = (unsigned long)fs->f_type;

	return type == EXT_MAGIC || type == XFS_MAGIC || type == TMPFS_MAGIC;
}

/*
 * Observed processes map the observation file.  Where pages need new blocks,
 * as on btrfs, a disk that fills up would end the compiler by SIGBUS: there
 * the file lies in memory.
 */
static void
name_trace(struct invocation *j, struct observation *w)
{
	char name[STORE_NAME];
	struct statfs fs;

	store_tmp(&j->store, name);
	if (fstatfs(j->store.dir, &fs) < 0 || writes_in_place(&fs) ||
	    statfs(MEMORY, &fs) < 0 || (unsigned long)fs.f_type != TMPFS_MAGIC)
		snprintf(w->trace, sizeof(w->trace), "%s/%s", j->cache_dir,
			 name);
	else
		snprintf(w->trace, sizeof(w->trace), MEMORY "/kache-%s",
			 strchr(name, '/') + 1);
}

static int
open_trace(struct invocation *j, struct observation *w)
{
	const char *preload = getenv("LD_PRELOAD");
	int r;

	invocation_find_libexec(j);
	snprintf(w->observer, sizeof(w->observer), "%s/libkache-observe.so",
		 j->libexec);
	if (access(w->observer, R_OK) < 0)
		return -errno;
	name_trace(j, w);
	r = trace_create(w->trace, j->config.v[CONFIG_SHIM_OBSERVE].num);
	if (r == 0)
		r = trace_environment(w->trace, w->observer, preload, w->vars);
	if (r < 0) {
		unlink(w->trace);
		w->trace[0] = '\0';
	}
	return r;
}

static int
make_env(struct observation *w)
{
	size_t n = 0, k = 0;

	while (environ[n])
		n++;
	w->env = calloc(n + 3, sizeof(char *));
	if (!w->env)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "LD_PRELOAD=", 11))
			w->env[k++] = environ[i];
	w->env[k++] = w->vars[0];
	w->env[k++] = w->vars[1];
	return 0;
}

static int64_t
clock_offset(void)
{
	return file_now() - file_monotonic();
}

int
observation_prepare(struct invocation *j, struct observation *w,
		    const char **why)
{
	int r;

	/* Observed programs would be ended where they write it; a script's
	 * configure and make write more than a compiler. */
	*why = "file-size-limit";
	if (process_file_max() < j->kind->trace_room)
		return -EFBIG;
	*why = "no-observer";
	r = open_trace(j, w);
	if (r < 0)
		return r;
	*why = "memory";
	return make_env(w);
}

void
observation_begin(struct observation *w)
{
	w->offset = clock_offset();
	w->started = file_now_coarse();
	w->begun = file_monotonic();
}

uint64_t
observation_end(struct observation *w)
{
	int64_t ns = file_monotonic() - w->begun;
	int64_t moved = clock_offset() - w->offset;

	if (moved < 0)
		moved = -moved;
	w->stepped = moved > STEP_NS + ns / 1000;
	return (uint64_t)ns / 1000;
}

void
observation_forget(struct observation *w)
{
	if (w->trace[0])
		unlink(w->trace);
	w->trace[0] = '\0';
}

/* The loader gave up before the compiler's first instruction: whatever is
 * wrong with our library, the build must not notice. */
bool
observation_never_started(const struct observation *w)
{
	struct trace t = { 0 };
	bool never;

	if (trace_read(w->trace, &t) < 0)
		return true;
	never = t.gap == TRACE_NO_RECORDS;
	trace_free(&t);
	return never;
}
