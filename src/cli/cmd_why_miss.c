/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/event.h"
#include "cli/terminal.h"
#include "cli/input_text.h"
#include "config/config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 8, KEPT = 64, TEXT = 768 };

/*
 * One miss.  A unit is told from others by package and version, crate, kind
 * and the directory below target: two versions of a crate, its library and
 * its test, and its builds for host and target are different units.
 */
struct shown {
	uint64_t time_ms;
	uint64_t served_ms; /* when it was served since, or 0 */
	char session[32];
	char outcome[16];
	char crate[128];
	char package[128];
	char version[64];
	char kind[32];
	char profile[64];
	char command[32];
	char reason[TEXT];
};

/* The last misses in the log: a ring. */
struct search {
	const char *crate;   /* NULL: any */
	const char *version; /* NULL: any */
	unsigned max;        /* 0: each unit of the last build that missed */
	bool json;
	struct shown ring[KEPT];
	uint64_t found;
};

static bool
is_no_hit(const struct event *e)
{
	static const char *const words[] = { "miss", "dup", "passthrough",
					     "error" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(e->outcome, words[i]))
			return strcmp(e->kind, "query") != 0;
	return false;
}

static bool
is_hit(const struct event *e)
{
	const char *end = strrchr(e->outcome, '_');

	return end && !strcmp(end, "_hit");
}

/* By the name of the crate or of its package: a script's program is called
 * build_script_build. */
static bool
is_wanted(const struct search *s, const struct event *e)
{
	return (!s->crate || cmd_same_crate(s->crate, e->crate) ||
		cmd_same_crate(s->crate, e->package)) &&
	       (!s->version || !strcmp(s->version, e->version));
}

static bool
is_same_unit(const struct shown *m, const struct event *e)
{
	return !strcmp(m->kind, e->kind) && !strcmp(m->crate, e->crate) &&
	       !strcmp(m->package, e->package) &&
	       !strcmp(m->version, e->version) &&
	       !strcmp(m->profile, e->profile);
}

static void
note_hit(struct search *s, const struct event *e)
{
	for (uint64_t i = s->found > KEPT ? s->found - KEPT : 0; i < s->found;
	     i++)
		if (is_same_unit(&s->ring[i % KEPT], e))
			s->ring[i % KEPT].served_ms = e->time_ms;
}

#define TAKE(field) snprintf(to->field, sizeof(to->field), "%s", e->field)

static void
note_event(void *ctx, const struct event *e)
{
	struct search *s = ctx;
	struct shown *to;

	if (!is_wanted(s, e))
		return;
	if (is_hit(e))
		note_hit(s, e);
	if (!is_no_hit(e))
		return;
	to = &s->ring[s->found++ % KEPT];
	to->time_ms = e->time_ms;
	to->served_ms = 0;
	TAKE(session);
	TAKE(outcome);
	TAKE(crate);
	TAKE(package);
	TAKE(version);
	TAKE(kind);
	TAKE(profile);
	TAKE(command);
	TAKE(reason);
}

/* "app 0.1.0 (package p), bin, debug, 3 s ago" */
static void
print_miss(const struct shown *m)
{
	uint64_t now = (uint64_t)file_now() / 1000000;
	bool run = !strcmp(m->kind, "run");
	struct buf text = { 0 };
	char age[TERMINAL_TEXT];

	printf("%s%s%s", m->crate, m->version[0] ? " " : "", m->version);
	if (m->package[0] && !cmd_same_crate(m->package, m->crate))
		printf(" (package %s)", m->package);
	printf(", %s", run ? "build script run" : m->kind);
	if (m->profile[0])
		printf(", %s", m->profile);
	terminal_time(now > m->time_ms ? (now - m->time_ms) * 1000 : 0, age);
	printf(", %s ago%s\n", age, m->served_ms ? ", served since" : "");
	input_text_reason(m->reason, run, &text);
	fputs(text.p ? text.p : "", stdout);
	buf_free(&text);
}

static void
json_miss(const struct shown *m, bool first)
{
	bool run = !strcmp(m->kind, "run");
	struct buf text = { 0 };

	printf("%s\n  {\"time_ms\": %" PRIu64 ", \"served_ms\": %" PRIu64 ", ",
	       first ? "" : ",", m->time_ms, m->served_ms);
	terminal_json_pair(stdout, "package", m->package);
	terminal_json_pair(stdout, "version", m->version);
	terminal_json_pair(stdout, "crate", m->crate);
	terminal_json_pair(stdout, "kind", m->kind);
	terminal_json_pair(stdout, "profile", m->profile);
	terminal_json_pair(stdout, "command", m->command);
	terminal_json_pair(stdout, "outcome", m->outcome);
	terminal_json_pair(stdout, "reason", m->reason);
	input_text_reason(m->reason, run, &text);
	fputs("\"text\": ", stdout);
	terminal_json(stdout, text.p ? text.p : "");
	fputs("}", stdout);
	buf_free(&text);
}

/* Whether a newer one of the same unit is shown, or it is of another build. */
static bool
is_left_out(const struct search *s, uint64_t i)
{
	const struct shown *m = &s->ring[i % KEPT];
	const struct shown *last = &s->ring[(s->found - 1) % KEPT];

	if (s->max)
		return s->found - i > s->max;
	if (strcmp(m->session, last->session) != 0)
		return true;
	for (uint64_t k = i + 1; k < s->found; k++) {
		const struct shown *o = &s->ring[k % KEPT];
		struct event e = { .kind = o->kind,
				   .crate = o->crate,
				   .package = o->package,
				   .version = o->version,
				   .profile = o->profile };

		if (is_same_unit(m, &e))
			return true;
	}
	return false;
}

static void
print_misses(const struct search *s)
{
	bool first = true;

	if (s->json)
		fputs("[", stdout);
	for (uint64_t i = s->found > KEPT ? s->found - KEPT : 0; i < s->found;
	     i++) {
		const struct shown *m = &s->ring[i % KEPT];

		if (is_left_out(s, i))
			continue;
		if (s->json)
			json_miss(m, first);
		else
			print_miss(m);
		first = false;
	}
	if (s->json)
		puts(first ? "]" : "\n]");
	else if (first)
		printf("no miss%s%s is known\n", s->crate ? " of " : "",
		       s->crate ? s->crate : "");
}

static int
parse_number(const char *text, struct search *s)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || !*text || n < 1 || n > SHOWN)
		return cmd_usage(&cmd_why_miss, "--last takes 1 to %d", SHOWN);
	s->max = (unsigned)n;
	return CMD_OK;
}

static int
parse_options(int argc, char **argv, struct search *s)
{
	static const struct option options[] = {
		{ "last", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	int opt, status = CMD_OK;

	while (status == CMD_OK) {
		opt = getopt_long(argc, argv, "", options, NULL);
		if (opt == -1)
			break;
		if (opt == 'j')
			s->json = true;
		else if (opt == 'n')
			status = parse_number(optarg, s);
		else
			status = CMD_USAGE;
	}
	if (status != CMD_OK)
		return status;
	if (optind + 1 < argc)
		return cmd_usage(&cmd_why_miss, "too many arguments");
	if (optind == argc)
		return CMD_OK;
	s->crate = argv[optind];
	s->version = cmd_split_version(argv[optind]);
	return CMD_OK;
}

static int
why_miss(int argc, char **argv)
{
	static struct search s;
	static struct config c;
	uint64_t bad = 0;
	int status = parse_options(argc, argv, &s), r;

	if (status != CMD_OK)
		return status;
	if (!s.crate && !s.max)
		s.max = SHOWN;
	cmd_load_config(&c);
	r = event_read(c.v[CONFIG_STORE_DIR].text, note_event, &s, &bad);
	if (r < 0 && r != -ENOENT) {
		fprintf(stderr, "kache why-miss: %s/events.log: %s\n",
			c.v[CONFIG_STORE_DIR].text, err_text(r));
		return CMD_FAILED;
	}
	print_misses(&s);
	return CMD_OK;
}

const struct cmd cmd_why_miss = {
	.name = "why-miss",
	.args = "[CRATE[@VERSION]] [--last N] [--json]",
	.summary = "why a unit or a build script was not served",
	.help = "Says of each unit of CRATE that missed in the last build with "
		"such a miss, and of\nits build script's run, what differed "
		"from what was stored before, or why nothing\nis stored of it. "
		"CRATE is the name of a package or a target. Without it: of "
		"the\nlast misses of any.\n\n"
		"  --last N   the last N misses, at most 8\n"
		"  --json     an array of objects\n",
	.run = why_miss,
};
