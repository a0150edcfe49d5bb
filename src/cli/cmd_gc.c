/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/thread_background.h"
#include "cli/gc_progress.h"
#include "config/config.h"
#include "config/config_parse.h"
#include "store/gc.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t ms_ns = 1000000;

struct request {
	struct gc_options options;
	bool sized; /* --max-size was given */
	bool aged;  /* --max-age was given */
};

/* A bare number is days here: nobody keeps a store for seconds. */
static int
take_age(const char *text, void *request)
{
	struct request *q = request;
	char days[32];
	int64_t ms;

	if (*text && !text[strspn(text, "0123456789")] && strlen(text) < 8) {
		snprintf(days, sizeof(days), "%sd", text);
		text = days;
	}
	if (config_parse_duration(text, &ms) < 0 || ms > INT64_MAX / ms_ns)
		return cmd_usage(&cmd_gc, "no time: %s", text);
	/* 0 would mean: never. */
	q->options.max_age = ms ? ms * ms_ns : 1;
	q->aged = true;
	return CMD_OK;
}

static int
take_size(const char *text, void *request)
{
	struct request *q = request;
	int64_t bytes;

	if (config_parse_size(text, &bytes) < 0)
		return cmd_usage(&cmd_gc, "no size: %s", text);
	/* 0 would mean: no limit. */
	q->options.max_size = bytes ? (uint64_t)bytes : 1;
	q->sized = true;
	return CMD_OK;
}

static int
parse_options(int argc, char **argv, struct request *q)
{
	const struct cmd_option options[] = {
		{ .name = "max-size", .take = take_size },
		{ .name = "max-age", .take = take_age },
		{ .name = "dry-run", .flag = &q->options.dry_run },
		{ .name = "auto", .flag = &q->options.automatic },
		{ 0 },
	};

	return cmd_options(&cmd_gc, argc, argv, options, q, 0);
}

static int
gc(int argc, char **argv)
{
	static struct config c;
	struct request q = { 0 };
	int status = parse_options(argc, argv, &q);

	if (status != CMD_OK)
		return status;
	if (q.options.automatic) /* beside a build that did not ask for it */
		thread_background();
	cmd_load_config(&c);
	if (!q.sized)
		q.options.max_size = (uint64_t)c.v[CONFIG_STORE_MAX_SIZE].num;
	if (!q.aged)
		q.options.max_age =
			config_nanoseconds(&c.v[CONFIG_STORE_MAX_AGE]);
	q.options.incremental_max_age =
		config_nanoseconds(&c.v[CONFIG_STORE_INCREMENTAL_MAX_AGE]);
	return gc_progress_run("gc", c.v[CONFIG_STORE_DIR].text, &q.options,
			       !q.options.dry_run,
			       q.options.automatic && !q.options.dry_run &&
				       c.v[CONFIG_STORE_VERIFY].num !=
					       CONFIG_VERIFY_NO);
}

const struct cmd cmd_gc = {
	.name = "gc",
	.args = "[--max-size SIZE] [--max-age TIME] [--dry-run]",
	.summary = "make room: remove what was used least recently",
	.help = "Removes results, least recently used first, if the store is "
		"larger than SIZE, those\nthat were not used for TIME, what "
		"nothing refers to, and incremental directories\nof cargo that "
		"no build has used for long. Builds may go on meanwhile; what "
		"waits\nfor its upload stays.\n\n"
		"  --max-size SIZE   as in kache.ini: 500M, 50G; without it,\n"
		"                    max_size of kache.ini\n"
		"  --max-age TIME    30d, 12h; a bare number is days; without\n"
		"                    it, max_age of kache.ini\n"
		"  --dry-run         only say what would go\n",
	.run = gc,
};
