/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc_units.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/record.h"
#include "store/entry.h"
#include "store/gc_scan.h"
#include "store/manifest.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define HOUR_NS ((int64_t)3600 * 1000000000)

static struct store s;
static int64_t now;

static void
digest_of(const char *text, struct digest *d)
{
	digest_bytes(text, strlen(text), d);
}

static void
age(const char *kind, const struct digest *d, int hours)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_NOW },
				 { .tv_sec = (now - hours * HOUR_NS) /
					     1000000000 } };
	char name[STORE_NAME];

	store_name(kind, d, name);
	assert_int_equal(utimensat(s.dir, name, t, 0), 0);
}

static void
make_inputs(const char *item, struct inputs *inputs)
{
	assert_int_equal(inputs_add(inputs, 'e', item, strlen(item)), 0);
	assert_int_equal(inputs_finish(inputs), 0);
}

/* The entry KEY of UNIT under the input list of one ITEM (NULL: it does not
 * say), last used HOURS ago.  ROOTS and OUTPUTS as in an entry. */
static void
put(const char *key, const char *unit, const char *item, int hours,
    const char *roots, size_t outputs)
{
	struct entry e = { .nout = outputs };
	struct inputs inputs = { 0 };
	struct digest d;

	digest_of(unit, &e.k0);
	if (item) {
		make_inputs(item, &inputs);
		inputs_digest(&inputs, &e.inputs);
		inputs_free(&inputs);
	}
	snprintf(e.roots, sizeof(e.roots), "%s", roots);
	for (size_t i = 0; i < outputs; i++) {
		memcpy(e.out[i].name, "a.d", 4);
		e.out[i].role = ENTRY_DEPINFO;
	}
	digest_of(key, &d);
	assert_int_equal(entry_save(&s, &d, &e), 0);
	age("entries", &d, hours);
	entry_release(&e);
}

static void
add_inputs(const char *unit, const char *item, int hours)
{
	struct manifest_record r = { .stored_ms = 1 };
	struct digest k0;

	digest_of(unit, &k0);
	make_inputs(item, &r.inputs);
	assert_int_equal(manifest_add(&s, &k0, &r), 0);
	inputs_free(&r.inputs);
	age("manifests", &k0, hours);
}

static size_t
inputs_of(const char *unit)
{
	struct manifest m = { 0 };
	struct digest k0;
	size_t n;

	digest_of(unit, &k0);
	if (manifest_load(&s, &k0, &m) < 0)
		return 0;
	n = m.count;
	manifest_release(&m);
	return n;
}

static struct gc_entry *
find(const struct gc_scan *scan, const char *key)
{
	struct gc_entry *e;
	struct digest d;

	digest_of(key, &d);
	e = gc_scan_find(scan, &d);
	assert_non_null(e);
	return e;
}

static void
look(struct gc_scan *scan)
{
	memset(scan, 0, sizeof(*scan));
	assert_int_equal(gc_scan_read(&s, scan), 0);
	gc_units_relate(&s, scan, now);
}

static void
what_no_manifest_leads_to_is_unreachable(void **state)
{
	struct gc_scan scan;

	(void)state;
	put("lost", "no manifest", "A", 1, "", 0);
	put("new", "no manifest yet", "A", 0, "", 0);
	put("led to", "unit", "A", 1, "", 0);
	put("dropped", "unit", "B", 1, "", 0);
	put("not said", "unit", NULL, 1, "", 0);
	add_inputs("unit", "A", 1);
	look(&scan);
	assert_true(find(&scan, "lost")->unreachable);
	assert_false(find(&scan, "new")->unreachable);
	assert_false(find(&scan, "led to")->unreachable);
	assert_true(find(&scan, "dropped")->unreachable);
	assert_false(find(&scan, "not said")->unreachable);
	gc_scan_free(&scan);
}

/* A hit touches the target only. */
static void
redirects_live_as_long_as_their_targets(void **state)
{
	struct gc_scan scan;

	(void)state;
	put("redirect", "bound", "A", 50, "w", 0);
	put("old target", "bound", "A", 40, "w", 1);
	put("target", "bound", "A", 2, "w", 1);
	put("bound to nothing", "alone", "A", 50, "w", 0);
	add_inputs("bound", "A", 1);
	add_inputs("alone", "A", 1);
	look(&scan);
	assert_int_equal(find(&scan, "redirect")->used,
			 find(&scan, "target")->used + 1);
	assert_false(find(&scan, "redirect")->unreachable);
	assert_true(find(&scan, "bound to nothing")->unreachable);
	assert_true(find(&scan, "bound to nothing")->used < now - 49 * HOUR_NS);
	find(&scan, "target")->why = GC_PURGED;
	gc_units_relate(&s, &scan, now);
	assert_int_equal(find(&scan, "redirect")->why, GC_STAYS);
	find(&scan, "old target")->why = GC_PURGED;
	gc_units_relate(&s, &scan, now);
	assert_int_equal(find(&scan, "redirect")->why, GC_PURGED);
	gc_scan_free(&scan);
}

static void
trim(struct gc_scan *scan, struct gc_trim *t)
{
	*t = (struct gc_trim){ .now = now };
	assert_int_equal(gc_units_trim(&s, scan, t), 0);
	gc_scan_free(scan);
}

static void
inputs_without_entries_leave_the_manifest(void **state)
{
	struct gc_scan scan;
	struct gc_trim t;

	(void)state;
	put("t1", "trim", "A", 1, "", 0);
	put("t2", "trim", "B", 1, "", 0);
	put("t3", "unsure", "A", 1, "", 0);
	put("t4", "unsure", NULL, 1, "", 0);
	put("t5", "emptied", "A", 1, "", 0);
	for (int i = 0; i < 3; i++) {
		static const char *const unit[] = { "trim", "unsure",
						    "emptied" };

		add_inputs(unit[i], "A", 1);
		add_inputs(unit[i], "B", 1);
	}
	add_inputs("young", "A", 0);
	look(&scan);
	find(&scan, "t1")->victim = true;
	find(&scan, "t3")->victim = true;
	find(&scan, "t5")->victim = true;
	t = (struct gc_trim){ .now = now, .dry_run = true };
	assert_int_equal(gc_units_trim(&s, &scan, &t), 0);
	assert_int_equal(t.manifests, 1);
	assert_int_equal(inputs_of("emptied"), 2);
	trim(&scan, &t);
	assert_int_equal(t.input_lists, 1);
	assert_int_equal(t.manifests, 1);
	assert_true(t.bytes > 0);
	assert_int_equal(inputs_of("trim"), 1);
	assert_int_equal(inputs_of("unsure"), 2);
	assert_int_equal(inputs_of("emptied"), 0);
	assert_int_equal(inputs_of("young"), 1);
}

/* `purge foo` beside a build: the manifests of others are as young as ever,
 * and of foo's those that were written meanwhile. */
static void
purging_spares_what_is_being_stored(void **state)
{
	struct gc_trim t = { .now = now };
	struct gc_scan scan;

	(void)state;
	put("foo1", "foo", "A", 0, "", 0);
	put("foo2", "foo again", "A", 0, "", 0);
	put("bar1", "bar", "A", 0, "", 0);
	put("bar2", "bar", "B", 0, "", 0);
	add_inputs("foo", "A", 0);
	add_inputs("foo again", "A", 0);
	add_inputs("bar", "A", 0);
	add_inputs("bar", "B", 0);
	add_inputs("no entry yet", "A", 0);
	look(&scan);
	for (int i = 0; i < 2; i++) {
		struct gc_entry *e = find(&scan, i ? "foo2" : "foo1");

		e->why = GC_PURGED;
		e->victim = true;
	}
	/* Stored while we swept; its entry was published too late for us. */
	add_inputs("bar", "C", 0);
	add_inputs("foo again", "A", 0);
	assert_int_equal(gc_units_trim(&s, &scan, &t), 0);
	assert_int_equal(inputs_of("foo"), 0);
	assert_int_equal(inputs_of("foo again"), 1);
	assert_int_equal(inputs_of("bar"), 3);
	assert_int_equal(inputs_of("no entry yet"), 1);
	t = (struct gc_trim){ .now = now, .everything = true };
	assert_int_equal(gc_units_trim(&s, &scan, &t), 0);
	assert_int_equal(inputs_of("no entry yet"), 0);
	assert_int_equal(inputs_of("foo again"), 1);
	gc_scan_free(&scan);
}

/* What was published while we swept is as good as what we had read. */
static void
entries_of_the_meantime_count(void **state)
{
	struct gc_scan scan;
	struct gc_trim t;

	(void)state;
	put("m1", "meantime", "A", 1, "", 0);
	add_inputs("meantime", "A", 1);
	add_inputs("meantime", "B", 1);
	add_inputs("late", "A", 1);
	look(&scan);
	find(&scan, "m1")->victim = true;
	put("m2", "meantime", "B", 0, "", 0);
	put("m3", "late", "A", 0, "", 0);
	scan.change = calloc(2, sizeof(*scan.change));
	scan.nchanges = 2;
	for (int i = 0; i < 2; i++) {
		struct inputs inputs = { 0 };
		struct digest d;

		make_inputs(i ? "A" : "B", &inputs);
		inputs_digest(&inputs, &d);
		inputs_free(&inputs);
		digest_of(i ? "late" : "meantime", &scan.change[i].k0);
		scan.change[i].inputs = gc_scan_brief(&d);
	}
	trim(&scan, &t);
	assert_int_equal(inputs_of("meantime"), 1);
	assert_int_equal(inputs_of("late"), 1);
}

/* A later version's manifest stays, and so do all while there are entries of
 * a later version: we cannot know their unit. */
static void
later_versions_are_left_alone(void **state)
{
	struct buf m = { 0 }, e = { 0 };
	char newer[STORE_NAME], entry[STORE_NAME];
	struct digest d;
	struct gc_scan scan;
	struct gc_trim t;

	(void)state;
	record_seal(&m, 'm', 2, "\x90", 1);
	digest_of("newer", &d);
	store_name("manifests", &d, newer);
	assert_int_equal(file_publish(s.dir, "tmp/x", newer, m.p, m.len), 0);
	age("manifests", &d, 100);
	add_inputs("stale", "A", 100);
	record_seal(&e, 'e', 2, "\x90", 1);
	digest_of("newer entry", &d);
	store_name("entries", &d, entry);
	assert_int_equal(file_publish(s.dir, "tmp/x", entry, e.p, e.len), 0);
	look(&scan);
	trim(&scan, &t);
	assert_int_equal(t.manifests, 0);
	assert_int_equal(unlinkat(s.dir, entry, 0), 0);
	look(&scan);
	trim(&scan, &t);
	assert_int_equal(inputs_of("stale"), 0);
	assert_int_equal(faccessat(s.dir, newer, F_OK, 0), 0);
	buf_free(&m);
	buf_free(&e);
}

static int
set_up(void **state)
{
	char dir[128];

	if (testdir_make(state) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%s/store", testdir);
	now = file_now();
	return store_open(&s, dir);
}

static int
tear_down(void **state)
{
	store_close(&s);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_manifest_leads_to_is_unreachable),
		cmocka_unit_test(redirects_live_as_long_as_their_targets),
		cmocka_unit_test(inputs_without_entries_leave_the_manifest),
		cmocka_unit_test(purging_spares_what_is_being_stored),
		cmocka_unit_test(entries_of_the_meantime_count),
		cmocka_unit_test(later_versions_are_left_alone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
