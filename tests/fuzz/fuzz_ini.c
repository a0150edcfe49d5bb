/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a kache.ini: lines are in range, strings end. */
#include "base/ini.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int lines;

static void
value(void *ctx, int line, const char *section, const char *key, const char *v)
{
	(void)ctx;
	assert(line > 0 && line <= lines);
	assert(strlen(section) < 64 && strlen(key) <= INI_LINE_LEN);
	assert(strlen(v) <= INI_LINE_LEN);
}

static void
problem(void *ctx, int line, const char *text)
{
	(void)ctx;
	assert(line > 0 && line <= lines);
	assert(*text != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ini_sink sink = { .value = value, .problem = problem };
	size_t i;

	lines = 1;
	for (i = 0; i < size; i++)
		lines += data[i] == '\n';
	ini_text((const char *)data, size, &sink);
	return 0;
}
