/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tally.h"

#include "cli/event.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *const tally_outcome_name[TALLY_OUTCOMES] = {
	[TALLY_LOCAL_HIT] = "local_hit",
	[TALLY_PREFETCH_HIT] = "prefetch_hit",
	[TALLY_REMOTE_HIT] = "remote_hit",
	[TALLY_DUP] = "dup",
	[TALLY_MISS] = "miss",
	[TALLY_PASSTHROUGH] = "passthrough",
	[TALLY_ERROR] = "error",
};

const char *const tally_ahead_name[TALLY_AHEADS] = {
	[TALLY_IN_TIME] = "in_time",
	[TALLY_LATE] = "late",
	[TALLY_UNUSED] = "unused",
};

static const char not_stored[] = "not_stored:";
static const char local[] = "local:";

/* The part before a colon: what follows it is a path or a name, but for some
 * whose second word says what to do. */
static size_t
significant(const char *reason)
{
	static const char *const two[] = { "unseen", "crate-type",
					   "option", "emit",
					   "env",    "split-debuginfo",
					   "archive" };
	size_t n = strcspn(reason, ":");

	for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++)
		if (reason[n] && reason[n + 1] != '/' && strlen(two[i]) == n &&
		    !memcmp(two[i], reason, n))
			return n + 1 + strcspn(reason + n + 1, ":");
	return n;
}

static void
count_reason(struct tally_reasons *r, const char *reason)
{
	size_t n = significant(reason);
	int i;

	r->total++;
	if (n >= TALLY_REASON_LEN)
		n = TALLY_REASON_LEN - 1;
	for (i = 0; i < r->rows; i++) {
		if (strncmp(r->row[i].text, reason, n) == 0 &&
		    r->row[i].text[n] == '\0') {
			r->row[i].count++;
			return;
		}
	}
	if (r->rows >= TALLY_REASONS - 1 && strcmp(reason, "other") != 0) {
		r->total--;
		count_reason(r, "other");
		return;
	}
	memcpy(r->row[r->rows].text, n > 0 ? reason : "-", n > 0 ? n : 1);
	r->row[r->rows++].count = 1;
}

static enum tally_group
group_of(const char *kind)
{
	if (strcmp(kind, "query") == 0)
		return TALLY_QUERY;
	return strcmp(kind, "run") == 0 ? TALLY_RUN : TALLY_UNIT;
}

static bool
is_hit(enum tally_outcome o)
{
	return o == TALLY_LOCAL_HIT || o == TALLY_PREFETCH_HIT ||
	       o == TALLY_REMOTE_HIT;
}

static void
add_compiled(struct tally *t, enum tally_outcome o, const struct event *e)
{
	t->compile_us += e->compile_us;
	if (e->total_us > e->compile_us)
		t->overhead_us += e->total_us - e->compile_us;
	if (e->status != 0)
		t->failed++;
	if (strncmp(e->reason, local, strlen(local)) == 0)
		count_reason(&t->not_uploaded, e->reason + strlen(local));
	if (strncmp(e->reason, not_stored, strlen(not_stored)) == 0)
		count_reason(&t->not_stored, e->reason + strlen(not_stored));
	else if (o != TALLY_ERROR && e->status == 0)
		t->stored += e->bytes;
	if (o == TALLY_ERROR)
		count_reason(&t->errors, e->reason);
}

static void
add_unit(struct tally *t, enum tally_outcome o, const struct event *e)
{
	if (is_hit(o)) {
		t->saved_us += e->saved_us;
		t->hit_us += e->total_us;
		t->restored += e->bytes;
	} else if (o == TALLY_PASSTHROUGH) {
		count_reason(&t->passthrough, e->reason);
	} else {
		add_compiled(t, o, e);
	}
}

/* What a script's run does not let us keep it by: "clock:date" counts as it
 * stands, so that whoever wrote the script can mend it. */
static void
add_run(struct tally *t, enum tally_outcome o, const struct event *e)
{
	if (is_hit(o)) {
		t->saved_us += e->saved_us;
		t->hit_us += e->total_us;
		t->restored += e->bytes;
		return;
	}
	t->run_us += e->compile_us;
	if (o == TALLY_PASSTHROUGH)
		count_reason(&t->run_refused, e->reason);
	else if (strncmp(e->reason, not_stored, strlen(not_stored)) == 0)
		count_reason(&t->run_refused, e->reason + strlen(not_stored));
}

/* A line of the daemon's for a whole build; its count is in saved_us. */
static void
add_ahead(struct tally *t, const struct event *e)
{
	for (int k = 0; k < TALLY_AHEADS; k++) {
		if (strcmp(e->outcome, tally_ahead_name[k]) != 0)
			continue;
		t->ahead[k] += e->saved_us;
		t->ahead_bytes[k] += e->bytes;
	}
}

void
tally_add(struct tally *t, const struct event *e)
{
	enum tally_group g = group_of(e->kind);
	int o;

	if (strcmp(e->kind, "prefetch") == 0) {
		add_ahead(t, e);
		return;
	}
	for (o = 0; o < TALLY_OUTCOMES; o++) {
		if (strcmp(e->outcome, tally_outcome_name[o]) == 0)
			break;
	}
	if (o == TALLY_OUTCOMES)
		return;
	if (t->first_ms == 0 || e->time_ms < t->first_ms)
		t->first_ms = e->time_ms;
	if (e->time_ms > t->last_ms)
		t->last_ms = e->time_ms;
	t->outcome[g][o]++;
	if (g == TALLY_UNIT)
		add_unit(t, o, e);
	else if (g == TALLY_RUN)
		add_run(t, o, e);
}

static int
more_first(const void *a, const void *b)
{
	const struct tally_reason *x = a;
	const struct tally_reason *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->text, y->text);
}

static void
sort_reasons(struct tally_reasons *r)
{
	qsort(r->row, (size_t)r->rows, sizeof(r->row[0]), more_first);
}

void
tally_sort(struct tally *t)
{
	sort_reasons(&t->passthrough);
	sort_reasons(&t->not_stored);
	sort_reasons(&t->not_uploaded);
	sort_reasons(&t->run_refused);
	sort_reasons(&t->errors);
}

uint64_t
tally_total(const struct tally *t, enum tally_group g)
{
	uint64_t sum = 0;
	int o;

	for (o = 0; o < TALLY_OUTCOMES; o++)
		sum += t->outcome[g][o];
	return sum;
}

uint64_t
tally_hits(const struct tally *t)
{
	uint64_t sum = 0;
	int o;

	for (o = 0; o < TALLY_OUTCOMES; o++)
		sum += is_hit(o) ? t->outcome[TALLY_UNIT][o] : 0;
	return sum;
}
