/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/event.h"
#include "cli/term.h"
#include "cli/wording.h"
#include "config/config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 8, TEXT = 768 };

struct shown {
	uint64_t time_ms;
	char session[32];
	char outcome[16];
	char crate[128];
	char kind[32];
	char reason[TEXT];
};

/* The last misses in the log: a ring. */
struct search {
	const char *crate; /* NULL: any */
	unsigned max;
	struct shown ring[SHOWN];
	uint64_t found;
};

/* Cargo's name of a package may have '-' where rustc's crate has '_'. */
static bool
same_crate(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(strchr("-_", *a) && strchr("-_", *b)))
			return false;
	return *a == *b;
}

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

static void
note(void *ctx, const struct event *e)
{
	struct search *s = ctx;
	struct shown *to;

	if (!is_no_hit(e) || (s->crate && !same_crate(s->crate, e->crate)))
		return;
	to = &s->ring[s->found++ % SHOWN];
	to->time_ms = e->time_ms;
	snprintf(to->session, sizeof(to->session), "%s", e->session);
	snprintf(to->outcome, sizeof(to->outcome), "%s", e->outcome);
	snprintf(to->crate, sizeof(to->crate), "%s", e->crate);
	snprintf(to->kind, sizeof(to->kind), "%s", e->kind);
	snprintf(to->reason, sizeof(to->reason), "%s", e->reason);
}

static void
print_one(const struct shown *m)
{
	uint64_t now = (uint64_t)file_now() / 1000000;
	bool run = !strcmp(m->kind, "run");
	struct buf text = { 0 };
	char age[TERM_TEXT];

	term_time(now > m->time_ms ? (now - m->time_ms) * 1000 : 0, age);
	printf("%s, %s, %s ago\n", m->crate, run ? "build script run" : m->kind,
	       age);
	wording_reason(m->reason, run, &text);
	fputs(text.p ? text.p : "", stdout);
	buf_free(&text);
}

static int
parse_options(int argc, char **argv, struct search *s)
{
	static const struct option options[] = {
		{ "last", required_argument, NULL, 'n' },
		{ 0 },
	};
	int opt;

	while (true) {
		char *end;
		unsigned long n;

		opt = getopt_long(argc, argv, "", options, NULL);
		if (opt == -1)
			break;
		if (opt != 'n')
			return CMD_USAGE;
		n = strtoul(optarg, &end, 10);
		if (*end || !*optarg || n < 1 || n > SHOWN)
			return cmd_usage(&cmd_why_miss, "--last takes 1 to %d",
					 SHOWN);
		s->max = (unsigned)n;
	}
	if (optind + 1 < argc)
		return cmd_usage(&cmd_why_miss, "too many arguments");
	s->crate = optind < argc ? argv[optind] : NULL;
	return CMD_OK;
}

static int
why_miss(int argc, char **argv)
{
	static struct search s = { .max = 1 };
	static struct config c;
	uint64_t bad = 0;
	int status = parse_options(argc, argv, &s), r;

	if (status != CMD_OK)
		return status;
	if (!s.crate && s.max == 1)
		s.max = SHOWN;
	cmd_load_config(&c);
	r = event_read(c.v[CONFIG_STORE_DIR].text, note, &s, &bad);
	if (r < 0 && r != -ENOENT) {
		fprintf(stderr, "kache why-miss: %s/events.log: %s\n",
			c.v[CONFIG_STORE_DIR].text, err_text(r));
		return CMD_FAILED;
	}
	if (s.found == 0) {
		printf("no miss%s%s is known\n", s.crate ? " of " : "",
		       s.crate ? s.crate : "");
		return CMD_OK;
	}
	for (uint64_t i = s.found > s.max ? s.found - s.max : 0; i < s.found;
	     i++)
		print_one(&s.ring[i % SHOWN]);
	return CMD_OK;
}

const struct cmd cmd_why_miss = {
	.name = "why-miss",
	.args = "[CRATE] [--last N]",
	.summary = "why a unit or a build script was not served",
	.help = "Says of the last miss of CRATE what differed from what was "
		"stored before, or why\nnothing is stored of it. Without "
		"CRATE: "
		"of the last misses of any.\n\n"
		"  --last N   the last N misses, at most 8\n",
	.run = why_miss,
};
