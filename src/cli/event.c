/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/event.h"

#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which column goes to which field; numbers count from 1 as in FORMAT. */
struct column {
	int number;
	enum { TEXT, NUMBER } type;
	size_t offset;
};

#define T(number, field) \
	{ \
		number, TEXT, offsetof(struct event, field) \
	}
#define N(number, field) \
	{ \
		number, NUMBER, offsetof(struct event, field) \
	}
static const struct column columns[] = {
	N(2, time_ms),     T(3, session),     T(4, outcome),   T(5, reason),
	T(6, crate),       T(7, kind),        N(11, key_us),   N(12, lookup_us),
	N(13, restore_us), N(14, compile_us), N(15, store_us), N(16, total_us),
	N(17, bytes),      N(18, saved_us),   N(19, status),   T(20, command),
	T(8, k0),          T(21, profile),    T(22, package),  T(23, version),
};
#undef T
#undef N

enum {
	COLUMNS = sizeof(columns) / sizeof(columns[0]),
	FIELDS = 24, /* a newer writer may add more */
};

static int
read_number(const char *s, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 10);
	if (*s == '\0')
		return 0;
	return errno || *end || *s == '-' ? ERR_CORRUPT : 0;
}

int
event_parse(char *line, struct event *e)
{
	const char *field[FIELDS + 1];
	int n = 0;
	int i;

	while (line && n < FIELDS)
		field[++n] = strsep(&line, "\t");
	if (n < FIELDS || strcmp(field[1], "k1") != 0)
		return ERR_CORRUPT;
	for (i = 0; i < COLUMNS; i++) {
		const char *s = field[columns[i].number];
		char *to = (char *)e + columns[i].offset;
		uint64_t v;

		if (columns[i].type == TEXT) {
			memcpy(to, &s, sizeof(s));
			continue;
		}
		if (read_number(s, &v) < 0)
			return ERR_CORRUPT;
		memcpy(to, &v, sizeof(v));
	}
	return 0;
}

static void
read_lines(FILE *f, event_fn *fn, void *ctx, uint64_t *bad)
{
	char *line = malloc(EVENT_LINE_MAX);
	struct event e;
	size_t n;

	while (line && fgets(line, EVENT_LINE_MAX, f)) {
		n = strlen(line);
		if (n > 0 && line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (event_parse(line, &e) == 0)
			fn(ctx, &e);
		else
			(*bad)++;
	}
	free(line);
}

int
event_read(const char *dir, event_fn *fn, void *ctx, uint64_t *bad)
{
	static const char *const names[] = { "events.log.1", "events.log" };
	char path[4096];
	FILE *f;
	int r = 0;
	int i;

	*bad = 0;
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		f = fopen(path, "re");
		r = f ? 0 : -errno;
		if (!f)
			continue;
		read_lines(f, fn, ctx, bad);
		fclose(f);
	}
	return r;
}
