/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "config/config_parse.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "K", (int64_t)1 << 10 },
	{ "M", (int64_t)1 << 20 },
	{ "G", (int64_t)1 << 30 },
	{ "T", (int64_t)1 << 40 },
	{ NULL, 0 },
};

static const struct unit time_units[] = {
	{ "", 1000 },     { "ms", 1 },       { "s", 1000 }, { "m", 60000 },
	{ "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits, at most three decimals; *milli is the value in thousandths. */
static const char *
read_milli(const char *s, int64_t *milli)
{
	int64_t v = 0;
	int64_t scale = 100;

	if (!is_digit(*s))
		return NULL;
	for (; is_digit(*s); s++) {
		if (v > INT64_MAX / 100000)
			return NULL;
		v = v * 10 + (*s - '0');
	}
	v *= 1000;
	if (*s != '.') {
		*milli = v;
		return s;
	}
	if (!is_digit(*++s))
		return NULL;
	for (; is_digit(*s); s++) {
		v += scale * (*s - '0');
		scale /= 10;
	}
	*milli = v;
	return s;
}

static int
parse_unit(const char *s, const struct unit *units, int64_t *out)
{
	const struct unit *u;
	int64_t milli;

	s = read_milli(s, &milli);
	if (!s)
		return -EINVAL;
	while (*s == ' ')
		s++;
	for (u = units; u->name; u++) {
		if (strcasecmp(s, u->name) != 0)
			continue;
		/* Whole and thousandth part apart, to keep the range. */
		if (milli / 1000 > INT64_MAX / u->factor - 1)
			return -EINVAL;
		*out = milli / 1000 * u->factor +
		       milli % 1000 * u->factor / 1000;
		return 0;
	}
	return -EINVAL;
}

int
config_parse_size(const char *s, int64_t *bytes)
{
	return parse_unit(s, size_units, bytes);
}

int
config_parse_share(const char *s, int64_t *num, bool *percent)
{
	int64_t milli;
	const char *rest = read_milli(s, &milli);
	int r;

	if (rest && strcmp(rest, "%") == 0) {
		if (milli > 100000 || milli % 1000 != 0)
			return -EINVAL;
		*num = milli / 1000;
		*percent = true;
		return 0;
	}
	r = config_parse_size(s, num);
	if (r == 0)
		*percent = false;
	return r;
}

int
config_parse_duration(const char *s, int64_t *ms)
{
	return parse_unit(s, time_units, ms);
}

int
config_parse_bool(const char *s, int64_t *yes)
{
	static const char *const words[][2] = {
		{ "no", "yes" },
		{ "false", "true" },
		{ "off", "on" },
		{ "0", "1" },
	};
	size_t i;
	int64_t v;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (v = 0; v < 2; v++) {
			if (strcasecmp(s, words[i][v]) == 0) {
				*yes = v;
				return 0;
			}
		}
	}
	return -EINVAL;
}

int
config_parse_choice(const char *s, const char *choices, int64_t *index)
{
	size_t n = strlen(s);
	int64_t i;

	for (i = 0; *choices; i++) {
		size_t len = strcspn(choices, "|");

		if (len == n && strncasecmp(s, choices, n) == 0) {
			*index = i;
			return 0;
		}
		choices += len;
		if (*choices == '|')
			choices++;
	}
	return -EINVAL;
}

int
config_parse_count(const char *s, int64_t *n)
{
	int64_t milli;
	const char *rest;

	if (strcasecmp(s, "auto") == 0) {
		*n = -1;
		return 0;
	}
	rest = read_milli(s, &milli);
	if (!rest || *rest || milli % 1000 != 0 || milli < 1000)
		return -EINVAL;
	*n = milli / 1000;
	return 0;
}

static bool
is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

int
config_parse_url(const char *s)
{
	static const char s3[] = "s3://", file[] = "file://";

	if (!*s)
		return 0;
	if (!strncmp(s, s3, sizeof(s3) - 1)) {
		s += sizeof(s3) - 1;
		return *s && *s != '/' && is_printable(s) ? 0 : -EINVAL;
	}
	if (!strncmp(s, file, sizeof(file) - 1))
		return s[sizeof(file) - 1] == '/' ? 0 : -EINVAL;
	return -EINVAL;
}

int
config_parse_http(const char *s)
{
	static const char http[] = "http://", https[] = "https://";

	if (!*s)
		return 0;
	if (!strncmp(s, http, sizeof(http) - 1))
		s += sizeof(http) - 1;
	else if (!strncmp(s, https, sizeof(https) - 1))
		s += sizeof(https) - 1;
	else
		return -EINVAL;
	/* A password in it would be shown by `kache config`. */
	if (!*s || *s == '/' || *s == ':' || strpbrk(s, " @?#"))
		return -EINVAL;
	return is_printable(s) ? 0 : -EINVAL;
}
