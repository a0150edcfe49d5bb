/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/err.h"
#include "base/file.h"
#include "cli/advice.h"
#include "cli/event.h"
#include "cli/tally.h"
#include "cli/terminal.h"
#include "cli/disk_usage.h"
#include "cli/time_parse.h"
#include "config/config.h"
#include "key/digest_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct report {
	bool json;
	uint64_t since_ms;
	uint64_t bad_lines;
	struct tally tally;
	struct disk_usage usage;
	const char *dir;
	uint64_t max_bytes;
	uint64_t damaged;
};

static const char *const outcome_text[TALLY_OUTCOMES] = {
	[TALLY_LOCAL_HIT] = "hits",
	[TALLY_PREFETCH_HIT] = "hits, fetched ahead",
	[TALLY_REMOTE_HIT] = "hits, from a remote",
	[TALLY_DUP] = "compiled, same result",
	[TALLY_MISS] = "compiled",
	[TALLY_PASSTHROUGH] = "passed through",
	[TALLY_ERROR] = "errors of the cache",
};

static void
add_event(void *ctx, const struct event *e)
{
	struct report *r = ctx;

	if (e->time_ms >= r->since_ms)
		tally_add(&r->tally, e);
}

static void
json_number(const char *name, uint64_t v, const char *after)
{
	printf("    \"%s\": %" PRIu64 "%s\n", name, v, after);
}

static void
json_outcomes(const char *name, const struct tally *t, enum tally_group g)
{
	int o;

	printf("  \"%s\": {\n", name);
	for (o = 0; o < TALLY_OUTCOMES; o++)
		json_number(tally_outcome_name[o], t->outcome[g][o],
			    o + 1 < TALLY_OUTCOMES ? "," : "");
	puts("  },");
}

static void
json_ahead(const struct tally *t)
{
	puts("  \"prefetch\": {");
	for (int k = 0; k < TALLY_AHEADS; k++) {
		printf("    \"%s\": %" PRIu64 ",\n", tally_ahead_name[k],
		       t->ahead[k]);
		printf("    \"%s_bytes\": %" PRIu64 "%s\n", tally_ahead_name[k],
		       t->ahead_bytes[k], k + 1 < TALLY_AHEADS ? "," : "");
	}
	puts("  },");
}

static void
json_reasons(const char *name, const struct tally_reasons *r)
{
	int i;

	printf("  \"%s\": {", name);
	for (i = 0; i < r->rows; i++) {
		fputs(i ? ",\n    " : "\n    ", stdout);
		terminal_json(stdout, r->row[i].text);
		printf(": %" PRIu64, r->row[i].count);
	}
	puts(r->rows ? "\n  }," : "},");
}

/* What to do about each reason that is counted above. */
static void
json_advice(const struct tally *t)
{
	const struct tally_reasons *all[] = { &t->passthrough, &t->not_stored,
					      &t->not_uploaded, &t->run_refused,
					      &t->errors };
	const char *between = "";

	fputs("  \"advice\": {", stdout);
	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		for (int i = 0; i < all[k]->rows; i++) {
			const char *reason = all[k]->row[i].text;
			const struct advice *a = advice_for(reason);
			bool said = false;

			for (size_t o = 0; o < k; o++)
				for (int n = 0; n < all[o]->rows; n++)
					said |= !strcmp(all[o]->row[n].text,
							reason);
			if (!a || said)
				continue;
			printf("%s\n    ", between);
			terminal_json(stdout, reason);
			fputs(": ", stdout);
			terminal_json(stdout, a->todo);
			between = ",";
		}
	puts(*between ? "\n  }," : "},");
}

static void
print_json(const struct report *r)
{
	const struct tally *t = &r->tally;

	puts("{\n  \"version\": 1,");
	printf("  \"since_ms\": %" PRIu64 ",\n", r->since_ms);
	printf("  \"first_ms\": %" PRIu64 ",\n", t->first_ms);
	printf("  \"last_ms\": %" PRIu64 ",\n", t->last_ms);
	json_outcomes("outcomes", t, TALLY_UNIT);
	json_outcomes("queries", t, TALLY_QUERY);
	json_outcomes("build_script_runs", t, TALLY_RUN);
	json_ahead(t);
	json_reasons("passthrough", &t->passthrough);
	json_reasons("not_stored", &t->not_stored);
	json_reasons("not_uploaded", &t->not_uploaded);
	json_reasons("runs_not_stored", &t->run_refused);
	json_reasons("errors", &t->errors);
	json_advice(t);
	printf("  \"failed_compiles\": %" PRIu64 ",\n", t->failed);
	puts("  \"time_us\": {");
	json_number("saved", t->saved_us, ",");
	json_number("hits", t->hit_us, ",");
	json_number("compiles", t->compile_us, ",");
	json_number("build_scripts", t->run_us, ",");
	json_number("overhead", t->overhead_us, "");
	puts("  },\n  \"bytes\": {");
	json_number("restored", t->restored, ",");
	json_number("stored", t->stored, "");
	puts("  },\n  \"store\": {");
	fputs("    \"dir\": ", stdout);
	terminal_json(stdout, r->dir);
	puts(",");
	json_number("manifests", r->usage.manifests, ",");
	json_number("entries", r->usage.entries, ",");
	json_number("blobs", r->usage.blobs, ",");
	json_number("bytes", r->usage.bytes, ",");
	json_number("max_bytes", r->max_bytes, ",");
	json_number("damaged", r->damaged, "");
	printf("  },\n  \"bad_lines\": %" PRIu64 "\n}\n", r->bad_lines);
}

static void
text_reasons(const char *title, const struct tally_reasons *r)
{
	int i;

	if (r->total == 0)
		return;
	printf("%-24s %8" PRIu64 "\n", title, r->total);
	for (i = 0; i < r->rows; i++) {
		const struct advice *a = advice_for(r->row[i].text);

		printf("  %-22s %8" PRIu64 "  %s\n", r->row[i].text,
		       r->row[i].count, a ? a->todo : "");
	}
}

static void
text_ahead(const struct tally *t)
{
	static const char *const text[] = { "in time", "late", "unused" };
	uint64_t all = 0, bytes = 0;
	char a[TERMINAL_TEXT];

	for (int k = 0; k < TALLY_AHEADS; k++) {
		all += t->ahead[k];
		bytes += t->ahead_bytes[k];
	}
	if (all == 0)
		return;
	printf("%-24s %8" PRIu64 ", %s\n", "fetched ahead", all,
	       terminal_size(bytes, a));
	for (int k = 0; k < TALLY_AHEADS; k++)
		if (t->ahead[k])
			printf("  %-22s %8" PRIu64 ", %s\n", text[k],
			       t->ahead[k],
			       terminal_size(t->ahead_bytes[k], a));
}

static void
text_units(const struct tally *t)
{
	uint64_t all = tally_total(t, TALLY_UNIT);
	uint64_t lookups = all - t->outcome[TALLY_UNIT][TALLY_PASSTHROUGH];
	int o;

	printf("%-24s %8" PRIu64 "\n", "units", all);
	for (o = 0; o < TALLY_OUTCOMES; o++) {
		uint64_t n = t->outcome[TALLY_UNIT][o];

		if (n > 0)
			printf("  %-22s %8" PRIu64 " %5.1f %%\n",
			       outcome_text[o], n,
			       100.0 * (double)n / (double)all);
	}
	if (lookups > 0)
		printf("%-24s %8.1f %% of what was looked up\n", "hit rate",
		       100.0 * (double)tally_hits(t) / (double)lookups);
	if (t->failed > 0)
		printf("%-24s %8" PRIu64 "\n", "failed compiles", t->failed);
}

static void
text_runs(const struct tally *t)
{
	const uint64_t *o = t->outcome[TALLY_RUN];
	uint64_t all = tally_total(t, TALLY_RUN);
	char a[TERMINAL_TEXT];

	if (all == 0)
		return;
	printf("%-24s %8" PRIu64 ", %" PRIu64 " replayed; the others took %s\n",
	       "build script runs", all,
	       o[TALLY_LOCAL_HIT] + o[TALLY_PREFETCH_HIT] + o[TALLY_REMOTE_HIT],
	       terminal_time(t->run_us, a));
	text_reasons("runs not stored", &t->run_refused);
}

static void
print_text(const struct report *r)
{
	const struct tally *t = &r->tally;
	uint64_t queries = tally_total(t, TALLY_QUERY);
	char a[TERMINAL_TEXT], b[TERMINAL_TEXT];

	text_units(t);
	if (queries > 0)
		printf("%-24s %8" PRIu64 ", %" PRIu64 " served\n",
		       "cargo's queries", queries,
		       t->outcome[TALLY_QUERY][TALLY_LOCAL_HIT]);
	text_runs(t);
	text_ahead(t);
	text_reasons("passed through", &t->passthrough);
	text_reasons("compiled, not stored", &t->not_stored);
	text_reasons("stored, not uploaded", &t->not_uploaded);
	text_reasons("errors", &t->errors);
	printf("%-24s %s of compile time; hits took %s\n", "saved",
	       terminal_time(t->saved_us, a), terminal_time(t->hit_us, b));
	printf("%-24s %s in rustc, %s around it\n", "compiles took",
	       terminal_time(t->compile_us, a),
	       terminal_time(t->overhead_us, b));
	printf("%-24s %s of %s: %" PRIu64 " entries, %" PRIu64 " blobs\n",
	       "store", terminal_size(r->usage.bytes, a),
	       terminal_size(r->max_bytes, b), r->usage.entries,
	       r->usage.blobs);
	printf("%-24s %s\n", "", r->dir);
	if (r->damaged > 0)
		printf("%-24s %8" PRIu64 " blobs, removed: look at the disk\n",
		       "damaged", r->damaged);
	if (r->bad_lines > 0)
		printf("%-24s %8" PRIu64 " lines of events.log\n",
		       "not understood", r->bad_lines);
}

static int
take_since(const char *text, void *report)
{
	struct report *r = report;
	uint64_t now = (uint64_t)(file_now() / 1000000);

	if (time_parse(text, now, &r->since_ms) < 0)
		return cmd_usage(&cmd_stats, "no time: %s", text);
	return CMD_OK;
}

static int
parse_options(int argc, char **argv, struct report *r)
{
	const struct cmd_option options[] = {
		{ .name = "json", .flag = &r->json },
		{ .name = "since", .take = take_since },
		{ 0 },
	};

	return cmd_options(&cmd_stats, argc, argv, options, r, 0);
}

/* Looking makes nothing. */
static uint64_t
count_damaged(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct digest_cache_scrub s = { 0 };
	struct digest_cache m;

	if (fd >= 0 && faccessat(fd, "memo", F_OK, 0) == 0) {
		digest_cache_open(&m, fd);
		digest_cache_get_scrub(&m, &s);
		digest_cache_close(&m);
	}
	if (fd >= 0)
		close(fd);
	return s.bad;
}

static int
stats(int argc, char **argv)
{
	static struct report r;
	static struct config c;
	int status = parse_options(argc, argv, &r);
	int err;

	if (status != CMD_OK)
		return status;
	cmd_load_config(&c);
	r.dir = c.v[CONFIG_STORE_DIR].text;
	r.max_bytes = (uint64_t)c.v[CONFIG_STORE_MAX_SIZE].num;
	err = event_read(r.dir, add_event, &r, &r.bad_lines);
	if (err < 0 && err != -ENOENT) {
		fprintf(stderr, "kache stats: %s/events.log: %s\n", r.dir,
			err_text(err));
		return CMD_FAILED;
	}
	err = disk_usage(r.dir, &r.usage);
	if (err < 0 && err != -ENOENT) {
		fprintf(stderr, "kache stats: %s: %s\n", r.dir, err_text(err));
		return CMD_FAILED;
	}
	r.damaged = count_damaged(r.dir);
	tally_sort(&r.tally);
	if (r.json)
		print_json(&r);
	else
		print_text(&r);
	return CMD_OK;
}

const struct cmd cmd_stats = {
	.name = "stats",
	.args = "[--json] [--since TIME]",
	.summary = "what the cache did, and what it holds",
	.help = "Counts the invocations recorded in events.log and measures "
		"the store.\n\n"
		"  --json         a JSON object instead of a table\n"
		"  --since TIME   only what is younger: 90m, 2h, 7d,\n"
		"                 2026-03-01, '2026-03-01 12:30', @SECONDS\n",
	.run = stats,
};
