/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/strset.h"
#include "base/vec.h"
#include "cli/event.h"
#include "cli/terminal.h"
#include "config/config.h"
#include "rustc/args.h"
#include "store/entry.h"
#include "store/inventory.h"
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

enum { NAME = 80, VERSION = 32, PROFILE = 40, LIMIT = 40 };

/* What the event log says of a unit: an entry does not know. */
struct about {
	char package[NAME];
	char version[VERSION];
	char profile[PROFILE];
};

struct listed {
	struct digest at;
	struct digest k0;
	char crate[NAME];
	uint32_t kind;
	uint32_t origin;
	bool bound;
	uint64_t size;
	uint64_t stored_ms;
	uint64_t used_ms;
	uint64_t compile_us;
	const struct about *about; /* or NULL */
};

enum sort { BY_SIZE, BY_USE, BY_AGE, BY_NAME, SORTS };

struct list {
	const char *crate; /* NULL: any */
	const char *version;
	enum sort sort;
	uint64_t limit; /* 0: none */
	bool json;
	bool limited; /* --limit was given */
	struct listed *row;
	size_t count;
	struct strset units; /* K0 as hex: struct about */
};

static const char *const sort_names[SORTS] = { "size", "use", "age", "name" };

static int
add_entry(void *ctx, const struct digest *at, const struct entry *e,
	  const struct stat *st)
{
	struct list *l = ctx;
	char hex[DIGEST_HEX + 1];
	struct listed *r;

	r = vec_grow(l->row, l->count, 1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	l->row = r;
	r = &l->row[l->count++];
	memset(r, 0, sizeof(*r));
	r->at = *at;
	r->k0 = e->k0;
	snprintf(r->crate, sizeof(r->crate), "%.*s", (int)e->crate.len,
		 e->crate.p ? e->crate.p : "");
	r->kind = e->kind;
	r->origin = e->origin;
	r->bound = e->roots[0] != '\0' && e->kind != ARGS_RUN;
	for (size_t i = 0; i < e->nout; i++)
		r->size += e->out[i].size;
	r->stored_ms = e->stored_ms;
	r->compile_us = e->compile_us;
	r->used_ms = (uint64_t)st->st_mtim.tv_sec * 1000 +
		     (uint64_t)st->st_mtim.tv_nsec / 1000000;
	digest_hex(&e->k0, hex);
	if (!strset_has(&l->units, hex))
		strset_add(&l->units, hex, NULL);
	return l->units.failed ? -ENOMEM : 0;
}

/* The first event that names a unit is enough: its key holds the rest. */
static void
learn_names(void *ctx, const struct event *e)
{
	struct list *l = ctx;
	struct about *a;

	if (!e->version[0] || !strset_has(&l->units, e->k0) ||
	    strset_get(&l->units, e->k0))
		return;
	a = calloc(1, sizeof(*a));
	if (!a)
		return;
	snprintf(a->package, sizeof(a->package), "%s", e->package);
	snprintf(a->version, sizeof(a->version), "%s", e->version);
	snprintf(a->profile, sizeof(a->profile), "%s", e->profile);
	strset_add(&l->units, e->k0, a);
}

static bool
is_wanted(const struct list *l, const struct listed *r)
{
	if (l->crate && !cmd_same_crate(l->crate, r->crate) &&
	    !(r->about && cmd_same_crate(l->crate, r->about->package)))
		return false;
	return !l->version ||
	       (r->about && !strcmp(l->version, r->about->version));
}

/* Those that are wanted, to the front. */
static void
choose(struct list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++) {
		struct listed r = l->row[i];
		char hex[DIGEST_HEX + 1];

		digest_hex(&r.k0, hex);
		r.about = strset_get(&l->units, hex);
		if (is_wanted(l, &r))
			l->row[n++] = r;
	}
	l->count = n;
}

static int
descending(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int r = strcmp(x->crate, y->crate);

	if (r == 0)
		r = strcmp(x->about ? x->about->version : "",
			   y->about ? y->about->version : "");
	if (r == 0)
		r = (x->kind > y->kind) - (x->kind < y->kind);
	if (r == 0)
		r = strcmp(x->about ? x->about->profile : "",
			   y->about ? y->about->profile : "");
	return r ? r : memcmp(&x->at, &y->at, sizeof(x->at));
}

static int
by_size(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return x->size != y->size ? descending(x->size, y->size)
				  : by_name(a, b);
}

static int
by_use(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return x->used_ms != y->used_ms ? descending(x->used_ms, y->used_ms)
					: by_name(a, b);
}

static int
by_age(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return x->stored_ms != y->stored_ms
		       ? descending(x->stored_ms, y->stored_ms)
		       : by_name(a, b);
}

static const char *
from(const struct listed *r)
{
	return r->origin == ENTRY_MADE ? "here" : "remote";
}

static const char *
kind_of(const struct listed *r)
{
	return r->kind < ARGS_KINDS ? args_kind_name((enum args_kind)r->kind)
				    : "?";
}

static const char *
age(uint64_t now, uint64_t then, char out[TERMINAL_TEXT])
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = {
		{ "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 }
	};
	uint64_t s = now > then ? (now - then) / 1000 : 0;
	size_t i = 0;

	while (i < 3 && s < units[i].seconds * 2)
		i++;
	snprintf(out, TERMINAL_TEXT, "%" PRIu64 " %s", s / units[i].seconds,
		 units[i].unit);
	return out;
}

static void
print_row(const struct listed *r, uint64_t now)
{
	char a[TERMINAL_TEXT], b[TERMINAL_TEXT], c[TERMINAL_TEXT];
	char name[NAME * 2 + 2];

	/* The program of a build script tells nothing by its own name. */
	if (r->kind == ARGS_BUILD_SCRIPT && r->about)
		snprintf(name, sizeof(name), "%s", r->about->package);
	else
		snprintf(name, sizeof(name), "%s", r->crate);
	printf("%-28s %-10s %-12s %-10s %7s %8s %8s  %s%s\n", name,
	       r->about ? r->about->version : "-", kind_of(r),
	       r->about && r->about->profile[0] ? r->about->profile : "-",
	       terminal_size(r->size, a), age(now, r->stored_ms, b),
	       age(now, r->used_ms, c), from(r),
	       r->bound ? ", this place only" : "");
}

static void
print_text(const struct list *l, const struct inventory *inv)
{
	uint64_t now = (uint64_t)file_now() / 1000000, bytes = 0;
	char a[TERMINAL_TEXT];
	size_t n =
		l->limit && l->limit < l->count ? (size_t)l->limit : l->count;

	if (n)
		printf("%-28s %-10s %-12s %-10s %7s %8s %8s  %s\n", "crate",
		       "version", "kind", "profile", "size", "age", "used",
		       "made");
	for (size_t i = 0; i < n; i++)
		print_row(&l->row[i], now);
	for (size_t i = 0; i < l->count; i++)
		bytes += l->row[i].size;
	printf("%zu of %zu results%s, %s%s\n", n, l->count,
	       l->crate ? " of it" : "", terminal_size(bytes, a),
	       n < l->count ? "; --limit 0 shows all" : "");
	if (inv->damaged || inv->newer || inv->foreign)
		printf("besides: %" PRIu64 " damaged, %" PRIu64
		       " of a later version, %" PRIu64
		       " not ours; see kache verify\n",
		       inv->damaged, inv->newer, inv->foreign);
}

static void
json_row(const struct listed *r)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(&r->at, hex);
	fputs("    {", stdout);
	terminal_json_pair(stdout, "key", hex);
	terminal_json_pair(stdout, "crate", r->crate);
	terminal_json_pair(stdout, "package",
			   r->about ? r->about->package : "");
	terminal_json_pair(stdout, "version",
			   r->about ? r->about->version : "");
	terminal_json_pair(stdout, "profile",
			   r->about ? r->about->profile : "");
	terminal_json_pair(stdout, "kind", kind_of(r));
	terminal_json_pair(stdout, "made", from(r));
	printf("\"bound\": %s, \"bytes\": %" PRIu64 ", \"stored_ms\": %" PRIu64
	       ", \"used_ms\": %" PRIu64 ", \"compile_us\": %" PRIu64 "}",
	       r->bound ? "true" : "false", r->size, r->stored_ms, r->used_ms,
	       r->compile_us);
}

static void
print_json(const struct list *l, const struct inventory *inv)
{
	puts("{\n  \"version\": 1,\n  \"entries\": [");
	for (size_t i = 0; i < l->count && (!l->limit || i < l->limit); i++) {
		fputs(i ? ",\n" : "", stdout);
		json_row(&l->row[i]);
	}
	printf("\n  ],\n  \"damaged\": %" PRIu64 ",\n  \"newer\": %" PRIu64
	       ",\n  \"foreign\": %" PRIu64 "\n}\n",
	       inv->damaged, inv->newer, inv->foreign);
}

static int
take_sort(const char *text, void *list)
{
	struct list *l = list;

	for (int i = 0; i < SORTS; i++) {
		if (strcmp(text, sort_names[i]) != 0)
			continue;
		l->sort = (enum sort)i;
		return CMD_OK;
	}
	return cmd_usage(&cmd_list, "--sort takes size, use, age or name");
}

static int
take_limit(const char *text, void *list)
{
	struct list *l = list;
	char *end;

	errno = 0;
	l->limited = true;
	l->limit = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9')
		return cmd_usage(&cmd_list, "--limit takes a number");
	return CMD_OK;
}

static int
parse_options(int argc, char **argv, struct list *l)
{
	const struct cmd_option options[] = {
		{ .name = "json", .flag = &l->json },
		{ .name = "limit", .take = take_limit },
		{ .name = "sort", .take = take_sort },
		{ 0 },
	};
	int status = cmd_options(&cmd_list, argc, argv, options, l, 1);

	if (status != CMD_OK)
		return status;
	if (!l->limited && l->json)
		l->limit = 0;
	if (optind == argc)
		return CMD_OK;
	l->crate = argv[optind];
	l->version = cmd_split_version(argv[optind]);
	return CMD_OK;
}

static int
load_entries(const char *dir, struct list *l, struct inventory *inv)
{
	uint64_t bad;
	struct stat st;
	struct store s;
	int r;

	/* To look is no reason to make one. */
	if (stat(dir, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	r = store_open(&s, dir);
	if (r < 0)
		return r;
	r = inventory_read(&s, add_entry, l, inv);
	store_close(&s);
	/* Without the log versions are not known. */
	if (r == 0)
		event_read(dir, learn_names, l, &bad);
	return r;
}

static int
list_entries(int argc, char **argv)
{
	static int (*const order[SORTS])(const void *,
					 const void *) = { by_size, by_use,
							   by_age, by_name };
	static struct list l = { .limit = LIMIT };
	static struct config c;
	struct inventory inv = { 0 };
	int status = parse_options(argc, argv, &l), r;

	if (status != CMD_OK)
		return status;
	cmd_load_config(&c);
	r = load_entries(c.v[CONFIG_STORE_DIR].text, &l, &inv);
	if (r < 0) {
		fprintf(stderr, "kache list: %s: %s\n",
			c.v[CONFIG_STORE_DIR].text, err_text(r));
		return CMD_FAILED;
	}
	choose(&l);
	if (l.count)
		qsort(l.row, l.count, sizeof(l.row[0]), order[l.sort]);
	if (l.json)
		print_json(&l, &inv);
	else
		print_text(&l, &inv);
	return CMD_OK;
}

const struct cmd cmd_list = {
	.name = "list",
	.args = "[CRATE[@VERSION]] [--sort size|use|age|name] [--limit N] "
		"[--json]",
	.summary = "what is cached: crates, versions, sizes, last use",
	.help = "Lists the results in the store, all or those of CRATE, the "
		"largest first: crate,\nversion, kind, profile, size of what a "
		"hit restores, time since it was made and\nsince it was used, "
		"and whether it was made here or came from a remote. Version\n"
		"and profile are those of the event log; \"-\" where that has "
		"forgotten them.\n\n"
		"  --sort KEY   size, use (latest first), age (latest first), "
		"name\n"
		"  --limit N    at most N lines, 40 without it; 0: all\n"
		"  --json       an object, with all results unless --limit is "
		"given\n",
	.run = list_entries,
};
