/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TIME_PARSE_H
#define CLI_TIME_PARSE_H

#include <stdint.h>

/*
 * A point in time as people write it, in local time unless it says so:
 * `2h` (so long before NOW), `2026-03-01`, `2026-03-01 12:30[:15]` (or with
 * a T), `@SECONDS` since 1970.  Pure but for the time zone.  0 or -EINVAL.
 */
int time_parse(const char *s, uint64_t now_ms, uint64_t *ms);

#endif
