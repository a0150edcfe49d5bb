/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/err.h"
#include "base/file.h"
#include "cli/event.h"
#include "cli/local_status.h"
#include "cli/tally.h"
#include "cli/daemon_client.h"
#include "cli/terminal.h"
#include "cli/disk_usage.h"
#include "cli/view.h"
#include "config/config_parse.h"

#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RECENT = 12, HOUR_MS = 3600000, INTERVAL_MS = 2000, LEAST_MS = 100 };

/* What is shown of one unit. */
struct unit {
	uint64_t time_ms;
	uint64_t total_us;
	uint64_t bytes;
	char outcome[16];
	char crate[40];
	char reason[40];
};

struct view {
	struct daemon_client talk;
	struct unit unit[RECENT]; /* a ring; the next one goes to `next` */
	unsigned next;
	unsigned count;
	uint64_t since_ms;
	struct tally tally; /* of the last hour */
};

static void
add_event(void *ctx, const struct event *e)
{
	struct view *v = ctx;
	struct unit *u = &v->unit[v->next % RECENT];

	if (e->time_ms >= v->since_ms)
		tally_add(&v->tally, e);
	if (strcmp(e->kind, "query") == 0 || strcmp(e->kind, "prefetch") == 0)
		return;
	*u = (struct unit){ .time_ms = e->time_ms,
			    .total_us = e->total_us,
			    .bytes = e->bytes };
	snprintf(u->outcome, sizeof(u->outcome), "%s", e->outcome);
	snprintf(u->crate, sizeof(u->crate), "%s", e->crate);
	snprintf(u->reason, sizeof(u->reason), "%s", e->reason);
	v->next++;
	v->count += v->count < RECENT;
}

static void
print_store(const struct view *v)
{
	const struct config *c = &v->talk.config;
	struct disk_usage u = { 0 };
	char a[TERMINAL_TEXT], b[TERMINAL_TEXT];

	disk_usage(v->talk.dir, &u);
	printf("%-16s %s of %s: %" PRIu64 " entries, %" PRIu64 " blobs\n",
	       "store", terminal_size(u.bytes, a),
	       terminal_size((uint64_t)c->v[CONFIG_STORE_MAX_SIZE].num, b),
	       u.entries, u.blobs);
	printf("%-16s %s\n", "", v->talk.dir);
}

static void
print_rate(const struct tally *t)
{
	uint64_t all = tally_total(t, TALLY_UNIT);
	uint64_t asked = all - t->outcome[TALLY_UNIT][TALLY_PASSTHROUGH];
	char saved[TERMINAL_TEXT];

	printf("%-16s %" PRIu64 " units", "last hour", all);
	if (asked)
		printf(", %.1f %% hits (%" PRIu64 " from a remote), %s saved",
		       100.0 * (double)tally_hits(t) / (double)asked,
		       t->outcome[TALLY_UNIT][TALLY_REMOTE_HIT],
		       terminal_time(t->saved_us, saved));
	putchar('\n');
}

static void
print_units(const struct view *v)
{
	char clock[16], took[TERMINAL_TEXT], size[TERMINAL_TEXT];

	for (unsigned i = v->next - v->count; i != v->next; i++) {
		const struct unit *u = &v->unit[i % RECENT];
		time_t t = (time_t)(u->time_ms / 1000);
		struct tm tm = { 0 };

		localtime_r(&t, &tm);
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
		printf("  %s  %-12s %10s %8s  %s%s%s\n", clock, u->outcome,
		       terminal_time(u->total_us, took),
		       u->bytes ? terminal_size(u->bytes, size) : "", u->crate,
		       *u->reason ? "  " : "", u->reason);
	}
}

static void
print_daemon(const struct view *v)
{
	struct daemon_client_report r;
	struct local_status l;
	int e = daemon_client_status(&v->talk, &r);

	if (e == 0) {
		puts("daemon: running");
		view_report(&r, true);
		buf_free(&r.lines);
	} else {
		printf("daemon: offline%s%s\n", e == ERR_MISS ? "" : ", ",
		       e == ERR_MISS ? "" : err_text(e));
	}
	local_status_look(v->talk.dir, &l);
	view_local(&l);
}

static void
show_state(struct view *v)
{
	uint64_t bad;

	memset(&v->tally, 0, sizeof(v->tally));
	v->next = v->count = 0;
	v->since_ms = (uint64_t)(file_now() / 1000000) - HOUR_MS;
	event_read(v->talk.dir, add_event, v, &bad);
	print_store(v);
	print_rate(&v->tally);
	print_units(v);
	print_daemon(v);
}

static int
take_interval(const char *text, void *ms)
{
	int64_t *v = ms;

	if (config_parse_duration(text, v) < 0 || *v < LEAST_MS || *v > HOUR_MS)
		return cmd_usage(&cmd_monitor, "no time: %s", text);
	return CMD_OK;
}

static int
parse_options(int argc, char **argv, bool *once, int64_t *ms)
{
	const struct cmd_option options[] = {
		{ .name = "once", .flag = once },
		{ .name = "interval", .take = take_interval },
		{ 0 },
	};

	return cmd_options(&cmd_monitor, argc, argv, options, ms, 0);
}

static int
monitor(int argc, char **argv)
{
	static struct view v;
	bool once = false, screen = isatty(1);
	int64_t ms = INTERVAL_MS;
	int status = parse_options(argc, argv, &once, &ms);

	if (status != CMD_OK)
		return status;
	if (daemon_client_init(&v.talk, "monitor") < 0)
		return CMD_FAILED;
	while (true) {
		/* On a screen each view replaces the one before. */
		if (screen && !once)
			fputs("\033[H\033[J", stdout);
		show_state(&v);
		if (once || fflush(stdout) != 0)
			return CMD_OK;
		poll(NULL, 0, (int)ms);
		if (!screen)
			putchar('\n');
	}
}

const struct cmd cmd_monitor = {
	.name = "monitor",
	.args = "[--once] [--interval TIME]",
	.summary = "store, latest units and daemon, again and again",
	.help = "Shows all there is without a daemon, too; ends with "
		"control-C.\n\n"
		"  --once            one view\n"
		"  --interval TIME   time between two views, by default 2s\n",
	.run = monitor,
};
