/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/gc_progress.h"

#include "base/err.h"
#include "base/file.h"
#include "cli/cmd.h"
#include "cli/terminal.h"
#include "key/digest_cache.h"
#include "store/gc.h"
#include "store/scrub.h"
#include "store/store.h"
#include "store/sync.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR = 30, REDRAW_MS = 100, SCRUB_MS = 300000 };

struct screen {
	bool terminal;
	int64_t drawn; /* monotonic ns; 0: nothing is on the line */
};

struct gc_progress {
	struct screen screen;
	struct store store;
	struct digest_cache memo;
	const struct gc_options *o;
	bool sync;
	bool scrub;
};

static void
draw(uint64_t done, uint64_t total)
{
	int full = total ? (int)(done * BAR / total) : 0;
	char bar[BAR + 1];

	memset(bar, '#', (size_t)full);
	memset(bar + full, ' ', (size_t)(BAR - full));
	bar[BAR] = '\0';
	fprintf(stderr, "\r\033[K[%s] %d%%", bar,
		total ? (int)(done * 100 / total) : 0);
}

static bool
go_on(void *ctx, uint64_t done, uint64_t total)
{
	struct screen *s = &((struct gc_progress *)ctx)->screen;
	int64_t now;

	/* The clock is not asked for each of a million steps. */
	if (!s->terminal || done % 64)
		return true;
	now = file_monotonic();
	if (now - s->drawn >= (int64_t)REDRAW_MS * 1000000) {
		s->drawn = now;
		draw(done, total);
	}
	return true;
}

static void
wipe(const struct screen *s)
{
	if (s->drawn)
		fputs("\r\033[K", stderr);
}

/* A line of the report, unless there is nothing to say. */
static void
say_count(const char *title, uint64_t n, const char *what)
{
	if (n)
		printf("%-24s %" PRIu64 " %s\n", title, n, what);
}

static void
say_size(const char *title, uint64_t bytes, const char *what)
{
	char text[TERMINAL_TEXT];

	if (bytes)
		printf("%-24s %s %s\n", title, terminal_size(bytes, text),
		       what);
}

static void
report_entries(const struct gc_report *r, bool dry)
{
	const char *verb = dry ? "would remove" : "removed";

	printf("%-24s %" PRIu64 " entries\n", verb, r->victims);
	say_count("  by name", r->purged, "entries");
	say_count("  by age", r->by_age, "entries, not used for too long");
	say_count("  unreachable", r->unreachable,
		  "entries that no build could find any more");
	say_count("  by size", r->by_size,
		  "entries, least recently used first");
	say_count("  damaged", r->damaged, "entries that could not be read");
	say_count("kept", r->waiting, "entries that wait for their upload");
	say_count(dry ? "would give up" : "gave up", r->expired,
		  "uploads that waited for 30 days");
	say_count("could not remove", r->stuck, "entries and blobs");
	say_count("kept", r->newer, "entries of a later version of kache");
	say_count(verb, r->orphans, "blobs that nothing refers to");
	say_count(verb, r->manifests, "manifests without entries");
	say_count(verb, r->input_lists,
		  "shapes without entries, from other manifests");
}

static void
report_rest(const struct gc_report *r, bool dry)
{
	const char *verb = dry ? "would remove" : "removed";
	char text[TERMINAL_TEXT];

	say_count(verb, r->temps, "temporary files");
	say_count(verb, r->letters, "dead letters of the spool");
	say_count(verb, r->sessions, "markers of builds");
	say_count(verb, r->ids, "remembered answers that nobody read");
	if (r->incremental)
		printf("%-24s %" PRIu64 " incremental directories that no "
		       "build used, %s\n",
		       verb, r->incremental,
		       terminal_size(r->incremental_bytes, text));
	say_count(
		"kept", r->incremental_left,
		"incremental directories as old: locked, or not only rustc's");
}

static void
report_bytes(const struct gc_report *r, bool dry)
{
	char text[TERMINAL_TEXT];

	printf("%-24s %s\n", dry ? "would free" : "freed",
	       terminal_size(r->freed + r->incremental_bytes, text));
	say_size("frees nothing", r->held,
		 "of what goes: target directories still use those files");
	printf("%-24s %s\n", "after", terminal_size(r->bytes_after, text));
	say_size("sharing saves", r->shared,
		 "in what was there: blobs that several entries name");
	if (r->cut_short)
		puts("not finished: the next sweep goes on");
}

static void
report(const struct gc_report *r, bool dry)
{
	char text[TERMINAL_TEXT];

	printf("%-24s %s in %" PRIu64 " entries, %" PRIu64 " blobs\n", "before",
	       terminal_size(r->bytes, text), r->entries, r->blobs);
	report_entries(r, dry);
	report_rest(r, dry);
	report_bytes(r, dry);
}

/* Many shims start a sweep at once: whoever gets the lock after the first
 * finds nothing due. */
static int
locked(void *ctx)
{
	struct gc_progress *w = ctx;
	struct digest_cache_state m;

	digest_cache_look(&w->memo, &m);
	if (w->o->automatic &&
	    !digest_cache_over(&m, w->o->max_size, DIGEST_CACHE_OVER) &&
	    !digest_cache_late(&m, DIGEST_CACHE_SYNC_S))
		return -EALREADY;
	if (w->sync)
		store_sync(&w->store, &w->memo);
	digest_cache_sweep_begins(&w->memo);
	return 0;
}

/* Where no daemon does: whoever has one leaves it to that (gc.lock). */
static void
scrub(struct gc_progress *w)
{
	struct scrub in = { .store = &w->store,
			    .memo = &w->memo,
			    .budget_ms = SCRUB_MS };

	if (scrub_is_due(&w->memo) && scrub_run(&in) == 0 && in.bad)
		printf("%-24s %" PRIu64 " damaged blobs\n", "removed", in.bad);
}

static int
sweep_store(struct gc_progress *w, const char *dir, struct gc_report *r)
{
	int err = store_open(&w->store, dir);

	if (err < 0)
		return err;
	digest_cache_open(&w->memo, w->store.dir);
	err = gc_run(&w->store, &w->memo, w->o, r);
	if (err < 0 && err != -EAGAIN && err != -EALREADY && w->o->automatic)
		digest_cache_sweep_failed(&w->memo);
	if (w->scrub)
		scrub(w);
	digest_cache_close(&w->memo);
	store_close(&w->store);
	return err;
}

int
gc_progress_run(const char *name, const char *dir, struct gc_options *o,
		bool sync, bool scrub)
{
	struct gc_progress w = {
		.screen = { .terminal = isatty(STDERR_FILENO) },
		.o = o,
		.sync = sync,
		.scrub = scrub,
	};
	struct gc_report r = { 0 };
	int err;

	o->go_on = go_on;
	o->locked = locked;
	o->ctx = &w;
	err = sweep_store(&w, dir, &r);
	wipe(&w.screen);
	if (err == -EALREADY) {
		puts("not due: nothing was done");
		return CMD_OK;
	}
	if (err == -EAGAIN) {
		fprintf(stderr, "kache %s: another one is at work\n", name);
		return CMD_FAILED;
	}
	if (err < 0) {
		fprintf(stderr, "kache %s: %s: %s\n", name, dir, err_text(err));
		return CMD_FAILED;
	}
	report(&r, o->dry_run);
	return CMD_OK;
}
