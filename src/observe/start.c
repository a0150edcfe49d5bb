/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/start.h"

#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <sys/uio.h>
#include <time.h>

#include "observe/emit.h"
#include "observe/note.h"
#include "observe/obs.h"
#include "observe/rawsys.h"
#include "observe/recorder.h"
#include "observe/selfscan.h"
#include "observe/syscall_dispatch.h"

#define NAME_MAX_BYTES 4096
/* Objects in a start record; what is left gets records of its own. */
#define START_OBJECTS 240

extern __typeof__(dl_iterate_phdr) dl_iterate_phdr __attribute__((weak));

struct start {
	struct iovec pieces[START_OBJECTS + 2];
	int n;
	size_t size;
};

static int
is_worth_listing(const char *name)
{
	size_t n;

	if (!name || name[0] == '\0' || rawsys_starts(name, "linux-vdso"))
		return 0;
	n = rawsys_strlen(name);
	return !recorder_is_library(name, n);
}

static int
add_object(struct dl_phdr_info *info, size_t size, void *ctx)
{
	const char *name = info->dlpi_name;
	struct start *s = ctx;
	size_t n;

	(void)size;
	if (!is_worth_listing(name) || name[0] != '/')
		return 0;
	n = rawsys_strlen(name) + 1;
	if (s->n >= START_OBJECTS + 2 || s->size + n > OBS_SIZE_MAX)
		return 0;
	if (!emit_is_new(emit_object_hash(name)))
		return 0;
	s->pieces[s->n].iov_base = (void *)name;
	s->pieces[s->n].iov_len = n;
	s->n++;
	s->size += n;
	return 0;
}

static int
record_object(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	if (is_worth_listing(info->dlpi_name))
		emit_path(OBS_OBJECT, 0, AT_FDCWD, info->dlpi_name);
	return 0;
}

void
start_objects(void)
{
	if (dl_iterate_phdr)
		dl_iterate_phdr(record_object, NULL);
}

static void
record_start(void)
{
	char exe[NAME_MAX_BYTES];
	struct obs_head head = { .type = OBS_START };
	struct start s = { .n = 2 };
	struct timespec now = { 0, 0 };
	long n;

	n = rawsys4(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)exe,
		    sizeof(exe) - 1);
	if (n < 0)
		n = 0;
	exe[n] = '\0';
	head.flags = selfscan_flags(exe);
	if (recorder_is_strict() && selfscan_is_strange(exe) &&
	    !(head.flags & OBS_NO_SYSCALL) && syscall_dispatch_begin())
		head.flags |= OBS_DISPATCHED;
	rawsys2(SYS_clock_gettime, CLOCK_BOOTTIME, (long)&now);
	head.pid = (uint32_t)rawsys2(SYS_getpid, 0, 0);
	head.aux = (uint32_t)rawsys2(SYS_getppid, 0, 0);
	head.value = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	s.pieces[0].iov_base = &head;
	s.pieces[0].iov_len = sizeof(head);
	s.pieces[1].iov_base = exe;
	s.pieces[1].iov_len = (size_t)n + 1;
	s.size = sizeof(head) + (size_t)n + 1;
	if (dl_iterate_phdr)
		dl_iterate_phdr(add_object, &s);
	head.size = (uint32_t)s.size;
	recorder_append(s.pieces, s.n, s.size);
	start_objects();
}

RECORDER_BEGINS(record_start);

__attribute__((constructor)) static void
start_constructor(void)
{
	recorder_on();
}

__attribute__((destructor)) static void
start_destructor(void)
{
	if (!recorder_on())
		return;
	start_objects();
	note_end();
}
