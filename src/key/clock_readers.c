/* SPDX-License-Identifier: Apache-2.0 */
#include "key/clock_readers.h"

#include "key/programs.h"
#include "key/trace.h"

static unsigned
most_reads(const struct program *p, unsigned way)
{
	switch (way) {
	case OBS_CLOCK_TIME:
		return p->reads[0];
	case OBS_CLOCK_OF_DAY:
		return p->reads[1];
	case OBS_CLOCK_OTHER:
		return p->reads[2];
	default:
		return 0;
	}
}

bool
clock_readers_is(const char *exe, const struct trace_event *e)
{
	const struct program *p = programs_find(exe);

	if (e->kind == TRACE_HOST)
		return e->number < 32 && p->host & 1u << e->number;
	return e->kind == TRACE_CLOCK &&
	       TRACE_CLOCK_TIMES(e->number) <=
		       most_reads(p, TRACE_CLOCK_WAY(e->number));
}
