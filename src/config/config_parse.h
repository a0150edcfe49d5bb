/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_CONFIG_PARSE_H
#define CONFIG_CONFIG_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The syntax of single values in kache.ini, in variables and in options.
 * Pure.  All return 0 or -EINVAL.  Threads: any.
 */

/* `1536`, `50G`, `1.5M`: bytes; K M G T are powers of 1024. */
int config_parse_size(const char *s, int64_t *bytes);

/* The same, or `N%` with N <= 100: then *percent is set and *num is N. */
int config_parse_share(const char *s, int64_t *num, bool *percent);

/* `250ms`, `3s`, `5m`, `6h`, `7d`: milliseconds.  A bare number: seconds. */
int config_parse_duration(const char *s, int64_t *ms);

/* yes true on 1, no false off 0, in any case. */
int config_parse_bool(const char *s, int64_t *yes);

/* The index of S in `a|b|c`. */
int config_parse_choice(const char *s, const char *choices, int64_t *index);

/* A whole number >= 1, or `auto`: -1. */
int config_parse_count(const char *s, int64_t *n);

/* `s3://bucket[/prefix]`, `file:///directory`, or nothing.  Only the form:
 * what a bucket may be called is the server's affair. */
int config_parse_url(const char *s);

/* `http://host...`, `https://host...`, or nothing; no user, no query. */
int config_parse_http(const char *s);

#endif
