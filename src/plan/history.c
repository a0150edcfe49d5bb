/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/history.h"

#include "base/strset.h"
#include "base/vec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The columns that count, numbered as in FORMAT. */
enum {
	SESSION = 3,
	OUTCOME = 4,
	REASON = 5,
	KIND = 7,
	K0 = 8,
	EXTERNS = 10,
	COMPILE = 14,
	SAVED = 18,
	STATUS = 19,
	OWNER = 22,
	OWNER_VERSION = 23,
	AT = 25,
	COLUMNS = 25
};

void
history_release(struct history *h)
{
	free(h->unit);
	memset(h, 0, sizeof(*h));
}

uint64_t
history_prefix(const struct digest *d)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | d->b[i];
	return v;
}

void
history_externs(const struct history_unit *u,
		void (*use)(void *ctx, uint64_t prefix), void *ctx)
{
	const char *p = u->externs;

	for (int i = 0; i < HISTORY_EXTERNS && p && *p; i++) {
		const char *colon = strchr(p, ':');
		size_t n = strcspn(p, ",");
		char *end;
		uint64_t v;

		if (colon && (size_t)(colon - p) < n) {
			v = strtoull(colon + 1, &end, 16);
			if (end == colon + 17)
				use(ctx, v);
		}
		p += n + (p[n] == ',');
	}
}

/* Cuts LINE at its tabs.  False: it is not one of ours. */
static bool
cut(char *line, char *field[COLUMNS + 1])
{
	for (int i = 1; i <= COLUMNS; i++) {
		char *tab = line ? strchr(line, '\t') : NULL;

		if (!line)
			return false;
		field[i] = line;
		if (tab)
			*tab++ = '\0';
		line = tab;
	}
	return !strcmp(field[1], "k1");
}

static bool
is_hit(const char *outcome)
{
	size_t n = strlen(outcome);

	return n > 4 && !strcmp(outcome + n - 4, "_hit");
}

static bool
is_unit(char *const *f, uint64_t session)
{
	char want[17];

	snprintf(want, sizeof(want), "%016llx", (unsigned long long)session);
	return !strcmp(f[SESSION], want) && strcmp(f[KIND], "query") &&
	       strcmp(f[KIND], "prefetch") && !strcmp(f[STATUS], "0");
}

static int
add_unit(struct history *h, struct strset *seen, char *const *f)
{
	struct history_unit u = { .package = f[OWNER],
				  .version = f[OWNER_VERSION],
				  .externs = f[EXTERNS] };
	bool hit = is_hit(f[OUTCOME]);
	void *more;

	h->hits += hit;
	u.prefetched = !strcmp(f[OUTCOME], "prefetch_hit");
	h->prefetch_hits += u.prefetched;
	u.script = !strcmp(f[KIND], "build-script") || !strcmp(f[KIND], "run");
	u.compiled = !strcmp(f[OUTCOME], "miss") || !strcmp(f[OUTCOME], "dup");
	h->compiled += u.compiled;
	u.local = f[REASON][0] != '\0';
	u.compile_us = strtoull(f[hit ? SAVED : COMPILE], NULL, 10);
	if (digest_parse(f[AT], strlen(f[AT]), &u.at) < 0 ||
	    digest_parse(f[K0], strlen(f[K0]), &u.k0) < 0 ||
	    h->count == HISTORY_UNITS || !strset_add(seen, f[AT], NULL))
		return seen->failed ? -ENOMEM : 0;
	more = vec_grow(h->unit, h->count, 1, sizeof(*h->unit));
	if (!more)
		return -ENOMEM;
	h->unit = more;
	h->unit[h->count++] = u;
	return 0;
}

int
history_read(char *text, size_t n, uint64_t session, struct history *out)
{
	char *end = text + n, *field[COLUMNS + 1];
	struct strset seen = { 0 };
	struct history h = { 0 };
	int r = 0;

	/* A line that is not whole yet is not there. */
	while (text < end && r == 0) {
		char *nl = memchr(text, '\n', (size_t)(end - text));

		if (!nl)
			break;
		*nl = '\0';
		if (cut(text, field) && is_unit(field, session))
			r = add_unit(&h, &seen, field);
		text = nl + 1;
	}
	strset_free(&seen);
	if (r < 0)
		history_release(&h);
	else
		*out = h;
	return r;
}
