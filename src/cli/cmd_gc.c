/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/err.h"
#include "base/file.h"
#include "cli/term.h"
#include "config/config.h"
#include "config/config_parse.h"
#include "key/memo.h"
#include "store/gc.h"
#include "store/store.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

struct request {
	struct gc_options options;
	bool sized; /* --max-size was given */
};

static int
parse_options(int argc, char **argv, struct request *q)
{
	static const struct option options[] = {
		{ "max-size", required_argument, NULL, 'm' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "auto", no_argument, NULL, 'a' },
		{ 0 },
	};
	int64_t bytes;
	int opt;

	while (true) {
		opt = getopt_long(argc, argv, "", options, NULL);
		if (opt == -1)
			break;
		if (opt == 'n') {
			q->options.dry_run = true;
		} else if (opt == 'a') {
			q->options.automatic = true;
		} else if (opt != 'm') {
			return CMD_USAGE;
		} else if (config_parse_size(optarg, &bytes) < 0) {
			return cmd_usage(&cmd_gc, "no size: %s", optarg);
		} else {
			/* 0 would mean: no limit. */
			q->options.max_size = bytes ? (uint64_t)bytes : 1;
			q->sized = true;
		}
	}
	if (optind < argc)
		return cmd_usage(&cmd_gc, "too many arguments");
	return CMD_OK;
}

static void
report(const struct gc_report *r, bool dry_run)
{
	char a[TERM_TEXT], b[TERM_TEXT];

	printf("%-24s %s in %" PRIu64 " entries, %" PRIu64 " blobs\n", "before",
	       term_size(r->bytes, a), r->entries, r->blobs);
	printf("%-24s %" PRIu64 " entries\n",
	       dry_run ? "would remove" : "removed", r->victims);
	if (!dry_run) {
		printf("%-24s %" PRIu64 " blobs, %" PRIu64
		       " manifests, %" PRIu64 " temporary files\n",
		       "", r->orphans, r->manifests, r->temps);
		printf("%-24s %s; %s more still lie in target directories\n",
		       "freed", term_size(r->freed, a), term_size(r->held, b));
	}
	printf("%-24s %s\n", "after", term_size(r->bytes_after, a));
}

/*
 * What was stored before is on the disk from here on.  The time is taken
 * first: what is stored while we wait is not promised.
 */
static void
sync_store(struct store *s, struct memo *m)
{
	int64_t now = file_now();

	if (syncfs(s->dir) == 0)
		memo_set_synced(m, now);
}

static int
sweep(const char *dir, const struct request *q)
{
	struct gc_report r = { 0 };
	struct store s;
	struct memo m;
	int err = store_open(&s, dir);

	if (err < 0) {
		fprintf(stderr, "kache gc: %s: %s\n", dir, err_text(err));
		return CMD_FAILED;
	}
	memo_open(&m, s.dir);
	if (!q->options.dry_run)
		sync_store(&s, &m);
	err = gc_run(&s, &m, &q->options, &r);
	memo_close(&m);
	store_close(&s);
	if (err == -EAGAIN) {
		fprintf(stderr, "kache gc: another one is at work\n");
		return CMD_FAILED;
	}
	if (err < 0) {
		fprintf(stderr, "kache gc: %s: %s\n", dir, err_text(err));
		return CMD_FAILED;
	}
	report(&r, q->options.dry_run);
	return CMD_OK;
}

static int
gc(int argc, char **argv)
{
	static struct config c;
	struct request q = { 0 };
	int status = parse_options(argc, argv, &q);

	if (status != CMD_OK)
		return status;
	cmd_load_config(&c);
	if (!q.sized)
		q.options.max_size = (uint64_t)c.v[CONFIG_STORE_MAX_SIZE].num;
	return sweep(c.v[CONFIG_STORE_DIR].text, &q);
}

const struct cmd cmd_gc = {
	.name = "gc",
	.args = "[--max-size SIZE] [--dry-run]",
	.summary = "make room: remove what was used least recently",
	.help = "Removes results, least recently used first, if the store is "
		"larger than SIZE, and\nwhat nothing refers to. Builds may go "
		"on meanwhile.\n\n"
		"  --max-size SIZE   as in kache.ini: 500M, 50G; without it,\n"
		"                    max_size of kache.ini\n"
		"  --dry-run         only say what would go\n",
	.run = gc,
};
