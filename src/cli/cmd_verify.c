/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/err.h"
#include "base/file.h"
#include "cli/terminal.h"
#include "config/config.h"
#include "key/digest_cache.h"
#include "store/store.h"
#include "store/verify.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static int
parse_options(int argc, char **argv, bool *repair)
{
	const struct cmd_option options[] = {
		{ .name = "repair", .flag = repair },
		{ 0 },
	};

	return cmd_options(&cmd_verify, argc, argv, options, NULL, 0);
}

enum { SETTLE_MS = 5000 };

static const int64_t redraw_ns = 100000000;

struct screen {
	bool terminal;
	int64_t drawn; /* monotonic ns */
};

static void
wipe_progress(const struct screen *s)
{
	if (s->terminal)
		fputs("\r\033[K", stderr);
}

static void
print_problem(void *ctx, const char *name, const char *what)
{
	wipe_progress(ctx);
	printf("%s: %s\n", name, what);
}

static void
print_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct screen *s = ctx;
	char a[TERMINAL_TEXT], b[TERMINAL_TEXT];
	int64_t now;

	if (!s->terminal)
		return;
	now = file_monotonic();
	if (now - s->drawn < redraw_ns)
		return;
	s->drawn = now;
	fprintf(stderr, "\r\033[K%s of %s, %d%%", terminal_size(done, a),
		terminal_size(total, b),
		total ? (int)((double)done * 100 / (double)total) : 100);
}

static void
print_bad(const struct verify_report *r, bool repair)
{
	printf("bad: %" PRIu64 " manifests, %" PRIu64 " entries, %" PRIu64
	       " blobs, %" PRIu64 " other files\n",
	       r->bad_manifests, r->bad_entries, r->bad_blobs, r->bad_others);
	printf("missing: blobs of %" PRIu64 " entries; foreign: %" PRIu64
	       " files\n",
	       r->missing_blobs, r->foreign);
	if (!repair) {
		puts("kache verify --repair removes what is wrong");
		return;
	}
	printf("removed: %" PRIu64 " files\n", r->repaired);
	if (r->left)
		printf("left: %" PRIu64 " problems\n", r->left);
}

static void
report(const struct verify_report *r, bool repair)
{
	char a[TERMINAL_TEXT];

	printf("%" PRIu64 " manifests, %" PRIu64 " entries, %" PRIu64
	       " blobs, %" PRIu64 " other files, %s read\n",
	       r->manifests, r->entries, r->blobs, r->others,
	       terminal_size(r->bytes, a));
	if (r->newer)
		printf("%" PRIu64 " files of a newer version left alone\n",
		       r->newer);
	if (r->left + r->repaired == 0)
		puts("no problems");
	else
		print_bad(r, repair);
}

static int
verify(int argc, char **argv)
{
	static struct config c;
	struct screen screen = { .terminal = isatty(STDERR_FILENO) };
	struct verify_options o = { .settle_ms = SETTLE_MS,
				    .problem = print_problem,
				    .progress = print_progress,
				    .ctx = &screen };
	struct verify_report r = { 0 };
	const char *dir;
	struct digest_cache memo;
	struct store s;
	int status = parse_options(argc, argv, &o.repair);
	int err;

	if (status != CMD_OK)
		return status;
	cmd_load_config(&c);
	dir = c.v[CONFIG_STORE_DIR].text;
	err = store_open(&s, dir);
	if (err == 0) {
		digest_cache_open(&memo, s.dir);
		o.memo = &memo;
		err = verify_run(&s, &o, &r);
		digest_cache_close(&memo);
		store_close(&s);
	}
	wipe_progress(&screen);
	if (err < 0) {
		fprintf(stderr, "kache verify: %s: %s\n", dir, err_text(err));
		return CMD_FAILED;
	}
	report(&r, o.repair);
	return r.left ? CMD_FAILED : CMD_OK;
}

const struct cmd cmd_verify = {
	.name = "verify",
	.args = "[--repair]",
	.summary = "read the whole store and check every digest",
	.help = "Reads every file of the store and compares it with its "
		"digest. Builds may go on\nmeanwhile. Exit status 1 if "
		"something is wrong and still there.\n\n"
		"  --repair   remove what is wrong: it is compiled again when\n"
		"             it is next needed\n",
	.run = verify,
};
