/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/err.h"
#include "cli/term.h"
#include "config/config.h"
#include "store/store.h"
#include "store/verify.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static int
parse_options(int argc, char **argv, bool *repair)
{
	static const struct option options[] = {
		{ "repair", no_argument, NULL, 'r' },
		{ 0 },
	};
	int opt;

	while (true) {
		opt = getopt_long(argc, argv, "", options, NULL);
		if (opt == -1)
			break;
		if (opt != 'r')
			return CMD_USAGE;
		*repair = true;
	}
	if (optind < argc)
		return cmd_usage(&cmd_verify, "too many arguments");
	return CMD_OK;
}

static void
wipe_progress(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static void
print_problem(void *ctx, const char *name, const char *what)
{
	(void)ctx;
	wipe_progress();
	printf("%s: %s\n", name, what);
}

static void
print_progress(void *ctx, uint64_t done, uint64_t total)
{
	char a[TERM_TEXT], b[TERM_TEXT];

	(void)ctx;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s of %s", term_size(done, a),
			term_size(total, b));
}

static uint64_t
report(const struct verify_report *r, bool repair)
{
	uint64_t bad = r->bad_manifests + r->bad_entries + r->bad_blobs +
		       r->missing_blobs;
	char a[TERM_TEXT];

	wipe_progress();
	printf("%" PRIu64 " manifests, %" PRIu64 " entries, %" PRIu64
	       " blobs, %s read\n",
	       r->manifests, r->entries, r->blobs, term_size(r->bytes, a));
	if (bad == 0) {
		puts("no problems");
		return 0;
	}
	printf("bad: %" PRIu64 " manifests, %" PRIu64 " entries, %" PRIu64
	       " blobs; missing: %" PRIu64 " blobs\n",
	       r->bad_manifests, r->bad_entries, r->bad_blobs,
	       r->missing_blobs);
	if (repair)
		printf("removed: %" PRIu64 " files\n", r->repaired);
	else
		puts("kache verify --repair removes what is wrong");
	return bad;
}

static int
verify(int argc, char **argv)
{
	static struct config c;
	struct verify_options o = {
		.problem = print_problem,
		.progress = print_progress,
	};
	struct verify_report r = { 0 };
	const char *dir;
	struct store s;
	int status = parse_options(argc, argv, &o.repair);
	int err;

	if (status != CMD_OK)
		return status;
	cmd_load_config(&c);
	dir = c.v[CONFIG_STORE_DIR].text;
	err = store_open(&s, dir);
	if (err == 0) {
		err = verify_run(&s, &o, &r);
		store_close(&s);
	}
	if (err < 0) {
		wipe_progress();
		fprintf(stderr, "kache verify: %s: %s\n", dir, err_text(err));
		return CMD_FAILED;
	}
	return report(&r, o.repair) && !o.repair ? CMD_FAILED : CMD_OK;
}

const struct cmd cmd_verify = {
	.name = "verify",
	.args = "[--repair]",
	.summary = "read the whole store and check every digest",
	.help = "Reads every manifest, entry and blob of the store and "
		"compares it with its\ndigest. Exit status 1 if something is "
		"wrong.\n\n"
		"  --repair   remove what is wrong: it is compiled again when\n"
		"             it is next needed\n",
	.run = verify,
};
