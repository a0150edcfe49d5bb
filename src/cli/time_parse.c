/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/time_parse.h"

#include "config/config_parse.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int
parse_date(const char *s, uint64_t *ms)
{
	static const char *const forms[] = {
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
		"%Y-%m-%dT%H:%M",    "%Y-%m-%d",
	};
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(s, forms[i], &tm);
		time_t t;

		if (!end || *end)
			continue;
		tm.tm_isdst = -1;
		t = mktime(&tm);
		if (t < 0)
			return -EINVAL;
		*ms = (uint64_t)t * 1000;
		return 0;
	}
	return -EINVAL;
}

static int
parse_seconds(const char *s, uint64_t *ms)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno || end == s || *end || *s == '-' || v > UINT64_MAX / 1000)
		return -EINVAL;
	*ms = v * 1000;
	return 0;
}

int
time_parse(const char *s, uint64_t now_ms, uint64_t *ms)
{
	int64_t ago;

	if (*s == '@')
		return parse_seconds(s + 1, ms);
	if (strchr(s, '-'))
		return parse_date(s, ms);
	if (config_parse_duration(s, &ago) < 0)
		return -EINVAL;
	*ms = (uint64_t)ago < now_ms ? now_ms - (uint64_t)ago : 0;
	return 0;
}
