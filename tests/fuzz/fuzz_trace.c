/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an observation file: decoding is safe, and all that a trace
 * hands out can be read.  So that inputs stay short, the page and the area are
 * put in front here: the first byte says whether there is an area, the rest
 * are records.
 */
#include "key/trace.h"

#include "observe/obs.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
touch(void *ctx, const char *path)
{
	*(size_t *)ctx += strlen(path);
	return 0;
}

static void
use(const void *bytes, size_t size)
{
	size_t total = 0, i;
	struct trace t;

	assert(trace_parse(bytes, size, &t) == 0);
	assert(t.nevents <= TRACE_RECORDS_MAX);
	assert(t.gap < TRACE_GAPS);
	total += strlen(t.gap_reason) + strlen(t.gap_name);
	for (i = 0; i < t.nevents; i++) {
		assert(t.events[i].process < t.nprocesses);
		assert(t.events[i].kind < TRACE_KINDS);
		assert(t.events[i].how <= OBS_BY_OPEN);
		total += strlen(t.events[i].name) + strlen(t.events[i].other);
	}
	for (i = 0; i < t.nprocesses; i++)
		total += strlen(t.processes[i].exe);
	trace_each_object(&t, touch, &total);
	assert(t.gap != TRACE_WHOLE || t.nprocesses > 0);
	trace_free(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct obs_page page = { .magic = OBS_MAGIC };
	size_t n = size > 0 ? size - 1 : 0, room;
	char *file;

	use(data, size);
	if (n > OBS_AREA)
		n = OBS_AREA;
	if (n > 0 && data[0] & 1) {
		page.area = OBS_AREA;
		page.used = data[0] & 2 ? OBS_AREA + 1 : (uint32_t)n;
	}
	room = OBS_PAGE + (page.area ? OBS_AREA : n);
	file = calloc(1, room);
	if (!file)
		return 0;
	memcpy(file, &page, sizeof page);
	if (n > 0)
		memcpy(file + OBS_PAGE, data + 1, n);
	use(file, room);
	free(file);
	return 0;
}
