/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "cli/gc_progress.h"
#include "config/config.h"
#include "store/gc.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CRATE_LEN = 256 };

struct request {
	struct gc_options options;
	char crate[CRATE_LEN];
};

/* Cargo's name of a package may have '-' where rustc's crate has '_'. */
static int
set_crate(struct request *q, const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= CRATE_LEN)
		return cmd_usage(&cmd_purge, "no crate: '%s'", name);
	for (size_t i = 0; i <= n; i++)
		q->crate[i] = name[i] == '-' ? '_' : name[i];
	q->options.crate = q->crate;
	return CMD_OK;
}

static int
parse_options(int argc, char **argv, struct request *q)
{
	const struct cmd_option options[] = {
		{ .name = "all", .flag = &q->options.everything },
		{ .name = "waiting", .flag = &q->options.waiting },
		{ .name = "dry-run", .flag = &q->options.dry_run },
		{ 0 },
	};
	int status = cmd_options(&cmd_purge, argc, argv, options, NULL, 1);

	if (status != CMD_OK)
		return status;
	if (q->options.everything)
		return optind < argc
			       ? cmd_usage(&cmd_purge, "too many arguments")
			       : CMD_OK;
	if (optind == argc)
		return cmd_usage(&cmd_purge, "which crate? or --all");
	return set_crate(q, argv[optind]);
}

static int
purge(int argc, char **argv)
{
	static struct config c;
	struct request q = { .options = { .wait = true } };
	int status = parse_options(argc, argv, &q);

	if (status != CMD_OK)
		return status;
	cmd_load_config(&c);
	return gc_progress_run("purge", c.v[CONFIG_STORE_DIR].text, &q.options,
			       false, false);
}

const struct cmd cmd_purge = {
	.name = "purge",
	.args = "CRATE | --all [--waiting] [--dry-run]",
	.summary = "remove what is cached of a crate, or everything",
	.help = "Removes all results of CRATE, named as in kache stats and "
		"monitor, or with --all\neverything that is cached. Builds and "
		"the daemon may go on meanwhile. If a sweep\nis at work, waits "
		"for its end.\n\n"
		"  --waiting   also what still waits for its upload; without\n"
		"              it, that stays\n"
		"  --dry-run   only say what would go\n",
	.run = purge,
};
