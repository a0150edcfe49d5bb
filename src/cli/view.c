/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/view.h"

#include "cli/local_status.h"
#include "cli/daemon_client.h"
#include "cli/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum kind {
	TEXT,
	COUNT, /* 0 is left out but at the head of a main row */
	SIZE,
	MILLIS,
	SECONDS,
	WHEN /* seconds since 1970; 0: never */
};

enum { PARTS = 5 };

struct file_state {
	const char *name;
	const char *text; /* '@' stands for the value */
	enum kind kind;
};

struct row {
	const char *label;
	bool brief; /* moves, so the monitor shows it */
	struct file_state part[PARTS];
};

static const struct row rows[] = {
	{ "state",
	  true,
	  { { "state", "@", TEXT },
	    { "pid", "pid @", TEXT },
	    { "uptime_s", "up @", SECONDS },
	    { "clients", "@ clients", COUNT } } },
	{ "version",
	  false,
	  { { "version", "@", TEXT }, { "program", "@", TEXT } } },
	{ "socket", false, { { "socket", "@", TEXT } } },
	{ "log", false, { { "log", "@", TEXT } } },
	{ "remote",
	  true,
	  { { "remote.url", "@", TEXT }, { "remote.mode", "@", TEXT } } },
	{ "  problem", true, { { "remote.problem", "@", TEXT } } },
	{ "  credentials",
	  false,
	  { { "remote.credentials", "@", TEXT },
	    { "remote.expires", "until @", WHEN } } },
	{ "  breaker",
	  true,
	  { { "remote.read_breaker", "reads @", TEXT },
	    { "remote.write_breaker", "writes @", TEXT } } },
	{ "  requests",
	  false,
	  { { "remote.gets", "@ GET", COUNT },
	    { "remote.puts", "@ PUT", COUNT },
	    { "remote.misses", "@ not there", COUNT },
	    { "remote.errors", "@ errors", COUNT },
	    { "remote.retries", "@ retries", COUNT } } },
	{ "  speed", false, { { "remote.rate", "@/s", SIZE } } },
	{ "queue",
	  true,
	  { { "queue.demand", "@ wanted", COUNT },
	    { "queue.demand_waiting", "@ of them wait", COUNT },
	    { "queue.background", "@ in the background", COUNT },
	    { "queue.background_waiting", "@ of them wait", COUNT },
	    { "queue.workers", "@ workers", COUNT } } },
	{ "transfers",
	  true,
	  { { "transfers.demand", "@ wanted", COUNT },
	    { "transfers.background", "@ in the background", COUNT },
	    { "transfers.bytes_in", "@ in", SIZE },
	    { "transfers.bytes_out", "@ out", SIZE } } },
	{ "questions",
	  true,
	  { { "checks", "@ units", COUNT },
	    { "gets", "@ results", COUNT },
	    { "found", "@ found", COUNT },
	    { "not_found", "@ not there", COUNT } } },
	{ "  in vain",
	  false,
	  { { "late", "@ late", COUNT },
	    { "busy", "@ busy", COUNT },
	    { "failed", "@ failed", COUNT },
	    { "none", "@ without a remote", COUNT } } },
	{ "uploads",
	  true,
	  { { "uploads.done", "@ done", COUNT },
	    { "uploads.existed", "@ were there", COUNT },
	    { "uploads.failed", "@ failed", COUNT },
	    { "uploads.active", "@ under way", COUNT },
	    { "uploads.bytes", "@ sent", SIZE } } },
	{ "  odd",
	  false,
	  { { "uploads.nondeterministic", "@ not reproducible", COUNT },
	    { "uploads.gone", "@ no longer stored", COUNT } } },
	{ "sweep",
	  false,
	  { { "gc.state", "@", TEXT },
	    { "gc.last", "last @", WHEN },
	    { "gc.took_ms", "took @", MILLIS },
	    { "gc.last_removed", "@ results removed", COUNT },
	    { "gc.last_freed", "@ freed", SIZE } } },
	{ "  next", false, { { "gc.next", "@", WHEN } } },
	{ "  in all",
	  false,
	  { { "gc.sweeps", "@ sweeps", COUNT },
	    { "gc.evicted", "@ results removed", COUNT },
	    { "gc.freed", "@ freed", SIZE } } },
	{ "  read again",
	  false,
	  { { "scrub.blobs", "@ blobs", COUNT },
	    { "scrub.damaged", "@ damaged, removed", COUNT } } },
	/* The store itself is asked for these. */
	{ NULL, false, { { "spool.waiting", "", COUNT } } },
	{ NULL, false, { { "spool.dead", "", COUNT } } },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char *
when(const char *value, char out[64])
{
	time_t t = (time_t)strtoll(value, NULL, 10);
	struct tm tm;

	if (t <= 0 || !localtime_r(&t, &tm) ||
	    strftime(out, 64, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		return "";
	return out;
}

/* VALUE as KIND says; "" leaves it out. */
static const char *
format_value(enum kind kind, const char *value, char out[64])
{
	char term[TERMINAL_TEXT];
	uint64_t n = strtoull(value, NULL, 10);

	switch (kind) {
	case SIZE:
		snprintf(out, 64, "%s", n ? terminal_size(n, term) : "");
		return out;
	case MILLIS:
		snprintf(out, 64, "%s", n ? terminal_time(n * 1000, term) : "");
		return out;
	case SECONDS:
		snprintf(out, 64, "%s", terminal_time(n * 1000000, term));
		return out;
	case WHEN:
		return when(value, out);
	default:
		return value;
	}
}

static void
put_line(const char *text, const char *value)
{
	for (; *text; text++) {
		if (*text == '@')
			fputs(value, stdout);
		else
			putchar(*text);
	}
}

static void
print_row(const struct row *row, const struct daemon_client_report *r)
{
	int shown = 0;

	for (int i = 0; i < PARTS && row->part[i].name; i++) {
		const struct file_state *p = &row->part[i];
		const char *value = daemon_client_value(r, p->name);
		char text[64];

		value = value ? format_value(p->kind, value, text) : "";
		if (!*value || (p->kind == COUNT && !strcmp(value, "0") &&
				(i || *row->label == ' ')))
			continue;
		if (shown++ == 0)
			printf("%-16s ", row->label);
		else
			fputs(", ", stdout);
		put_line(p->text, value);
	}
	if (shown)
		putchar('\n');
}

static bool
is_known(const char *line, size_t n)
{
	for (int i = 0; i < ROWS; i++)
		for (int k = 0; k < PARTS && rows[i].part[k].name; k++)
			if (strlen(rows[i].part[k].name) == n &&
			    !memcmp(rows[i].part[k].name, line, n))
				return true;
	return false;
}

void
view_report(const struct daemon_client_report *r, bool brief)
{
	const char *p = r->lines.p;

	for (int i = 0; i < ROWS; i++)
		if (rows[i].label && (rows[i].brief || !brief))
			print_row(&rows[i], r);
	for (size_t i = 0; i < r->count && !brief; i++) {
		size_t n = strcspn(p, "=");

		if (p[n] && !is_known(p, n))
			printf("%-16.*s %s\n", (int)n, p, p + n + 1);
		p += strlen(p) + 1;
	}
}

void
view_offline(const struct daemon_client *t)
{
	const struct config_value *url = &t->config.v[CONFIG_REMOTE_URL];

	printf("%-16s %s\n", "socket", t->socket);
	printf("%-16s %s\n", "log", t->log);
	printf("%-16s %s\n", "remote", *url->text ? url->text : "none");
}

void
view_local(const struct local_status *l)
{
	uint64_t n = l->dead < LOCAL_STATUS_DEAD ? l->dead : LOCAL_STATUS_DEAD;
	char text[TERMINAL_TEXT];

	printf("%-16s %" PRIu64 " uploads wait\n", "spool", l->waiting);
	if (l->dead)
		printf("%-16s %" PRIu64 " cannot be uploaded\n", "dead letters",
		       l->dead);
	for (uint64_t i = 0; i < n; i++)
		printf("  %-14s %s\n", l->letter[i].key, l->letter[i].reason);
	if (l->dead > n)
		printf("  and %" PRIu64 " more\n", l->dead - n);
	if (l->down_s)
		printf("%-16s it did not answer; builds leave it alone for "
		       "%s\n",
		       "marked down",
		       terminal_time((uint64_t)l->down_s * 1000000, text));
}
