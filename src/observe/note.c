/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/note.h"

#include <sys/stat.h>
#include <time.h>

#include "observe/caller_scan.h"
#include "observe/emit.h"
#include "observe/recorder.h"

/* How often by each enum obs_clock; programs ask for the time very often. */
static unsigned clock_reads[OBS_CLOCKS];

void
note_clock(enum obs_clock way)
{
	struct emit e = { .type = OBS_CLOCK, .aux = way + 16 };
	unsigned n = __atomic_load_n(&clock_reads[way], __ATOMIC_RELAXED);

	/* However often the program itself did. */
	if (recorder_on() && caller_scan_calls()) {
		emit_once(&e);
		return;
	}
	if (n >= OBS_CLOCK_MAX)
		return;
	n = __atomic_add_fetch(&clock_reads[way], 1, __ATOMIC_RELAXED);
	e.aux = way + 16 * n;
	emit_always(&e);
}

void
note_forked(void)
{
	for (unsigned i = 0; i < OBS_CLOCKS; i++)
		clock_reads[i] = 0;
}

void
note_some_clock(long clock)
{
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
	    clock == CLOCK_TAI)
		note_clock(OBS_CLOCK_OTHER);
}

void
note_network(void)
{
	struct emit e = { .type = OBS_SOCKET };

	emit_once(&e);
}

void
note_host(enum obs_host what)
{
	struct emit e = { .type = OBS_HOST, .aux = what };

	emit_once(&e);
}

void
note_sets(enum obs_attribute what)
{
	struct emit e = { .type = OBS_SETS, .aux = what };

	emit_once(&e);
}

/* NULL, and UTIME_NOW where there is an array of timespecs, mean now. */
void
note_times(const struct timespec *times, int are_specs)
{
	if (!times || (are_specs && times[0].tv_nsec == UTIME_NOW &&
		       times[1].tv_nsec == UTIME_NOW))
		return;
	note_sets(OBS_SETS_TIMES);
}

void
note_ask(enum obs_ask what, int fd, const char *name)
{
	emit_path(OBS_ASK, what, fd, name);
}

void
note_end(void)
{
	struct emit e = { .type = OBS_END };

	emit_always(&e);
}
