/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc.h"

#include "base/err.h"
#include "base/mp.h"
#include "base/record.h"
#include "tests/unit/store/gcstore.h"

static const struct timespec ancient[2] = { { .tv_sec = 1000000 },
					    { .tv_sec = 1000000 } };
static const struct gc_options all = { .everything = true, .waiting = true };

static void
a_sweep_keeps_what_was_used(void **state)
{
	struct gc_options o = { .max_size = 20000 };
	struct digest old, mid, young;
	struct gc_report r;

	(void)state;
	put("old", 'o', 9000, &old);
	put("mid", 'm', 5000, &mid);
	put("young", 'y', 1, &young);
	o.dry_run = true;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.entries, 3);
	assert_int_equal(r.blobs, 3);
	assert_true(r.victims > 0);
	assert_true(loads(&old));
	o.dry_run = false;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_false(loads(&old));
	assert_true(loads(&young));
	assert_true(r.bytes_after <= o.max_size);
	assert_true(r.freed > 0);
}

static void
shared_blobs_live_while_one_names_them(void **state)
{
	struct gc_options o = { .max_age = 8000ll * 1000000000 };
	struct digest a, b;
	struct gc_report r;

	(void)state;
	put("a", 'x', 9000, &a);
	put("b", 'x', 1, &b);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.victims, 1);
	assert_int_equal(r.orphans, 0);
	assert_false(loads(&a));
	assert_true(loads(&b));
}

static void
another_sweeper_is_not_disturbed(void **state)
{
	struct gc_options o = { .max_size = 1 };
	struct gc_report r;
	int fd = openat(s.dir, "gc.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(file_lock(fd, 0, true, 0), 0);
	assert_true(gc_run(&s, &m, &o, &r) < 0);
	close(fd);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
}

static void
a_dead_sweepers_trash_comes_back(void **state)
{
	struct gc_options o = { 0 };
	char blob[STORE_NAME], trash[STORE_NAME];
	struct gc_report r;
	struct entry e;
	struct digest k;

	(void)state;
	put("lost", 'l', 1, &k);
	assert_int_equal(entry_load(&s, &k, &e), 0);
	store_name("blobs", &e.out[0].blob, blob);
	snprintf(trash, sizeof(trash), "trash/%s", strrchr(blob, '/') + 1);
	assert_int_equal(renameat(s.dir, blob, s.dir, trash), 0);
	entry_release(&e);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_true(loads(&k));
}

/* Manifests of units that have an entry, or may get one soon, stay; so do
 * young files below tmp/. */
static void
leftovers_go_when_they_are_old(void **state)
{
	static const struct timespec old[2] = { { .tv_sec = 1000000 },
						{ .tv_sec = 1000000 } };
	struct gc_options o = { 0 };
	char lone[STORE_NAME], used[STORE_NAME];
	struct digest k, unit, none = { { 0 } };
	struct gc_report r;

	(void)state;
	put("entry of unit zero", 'z', 1, &k);
	digest_bytes("unit", 4, &unit);
	store_name("manifests", &unit, lone);
	store_name("manifests", &none, used);
	assert_int_equal(file_publish(s.dir, "tmp/a", lone, "x", 1), 0);
	assert_int_equal(file_publish(s.dir, "tmp/a", used, "x", 1), 0);
	assert_int_equal(
		file_publish(s.dir, "tmp/a", "tmp/00000000000000aa.1", "x", 1),
		0);
	assert_int_equal(
		file_publish(s.dir, "tmp/a", "tmp/00000000000000aa.2", "x", 1),
		0);
	assert_int_equal(utimensat(s.dir, "tmp/00000000000000aa.1", old, 0), 0);
	assert_int_equal(utimensat(s.dir, used, old, 0), 0);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.manifests, 0);
	assert_int_equal(r.temps, 1);
	assert_int_equal(faccessat(s.dir, "tmp/00000000000000aa.2", F_OK, 0),
			 0);
	assert_int_equal(faccessat(s.dir, "tmp/00000000000000aa.1", F_OK, 0),
			 -1);
	assert_int_equal(utimensat(s.dir, lone, old, 0), 0);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.manifests, 1);
	assert_int_equal(faccessat(s.dir, lone, F_OK, 0), -1);
	assert_int_equal(faccessat(s.dir, used, F_OK, 0), 0);
}

/* What an automatic sweep would spare, one by hand takes. */
static void
automatic_sweeps_spare_the_young(void **state)
{
	struct gc_options o = { .max_size = 1, .automatic = true };
	struct gc_report r;
	struct digest k;

	(void)state;
	put("young again", 'Y', 1, &k);
	o.dry_run = true;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	o.max_size = r.bytes - 1;
	o.dry_run = false;
	put("young again", 'Y', 1, &k);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_true(loads(&k));
	/* Far over the limit nobody is spared. */
	o.max_size = 1;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_false(loads(&k));
	assert_int_equal(digest_cache_add_stored(&m, 0), r.bytes_after);
}

static bool
stop_after(void *ctx, uint64_t done, uint64_t total)
{
	int *left = ctx;

	assert_true(done <= total);
	return (*left)-- > 0;
}

/* Ended anywhere, nothing that stays is harmed, and the next one finishes. */
static void
a_sweep_may_be_cut_short(void **state)
{
	struct gc_options o = { .max_size = 1, .go_on = stop_after };
	struct digest k[4], keep;
	struct gc_report r;
	int steps;

	(void)state;
	for (int stop = 0; stop < 12; stop++) {
		for (int i = 0; i < 4; i++) {
			char name[16];

			snprintf(name, sizeof(name), "cut %d", i);
			put(name, (char)('0' + i), 5000, &k[i]);
		}
		put("cut keep", 'k', 1, &keep);
		steps = stop;
		o.ctx = &steps;
		assert_int_equal(gc_run(&s, &m, &o, &r), 0);
		assert_int_equal(r.cut_short, steps < 0);
		/* What there is has its blob. */
		for (int i = 0; i < 4; i++)
			loads(&k[i]);
	}
	o.go_on = NULL;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_false(r.cut_short);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.blobs + r.entries, 0);
}

/* An entry as version 2 might write it: nothing is known of it but that a
 * digest stands there as in every version. */
static void
put_newer(const char *name, char fill, struct digest *blob)
{
	struct blob_put p = { 0 };
	struct buf content = { 0 }, b = { 0 };
	char path[128], file[STORE_NAME];
	struct digest k;

	write_output("output", fill, path);
	p.path = path;
	assert_int_equal(blob_put(&s, &m, &p, blob), 0);
	buf_add(&content, "\xc1 something else ", 18);
	mp_put_bin(&content, blob->b, DIGEST_LEN);
	buf_add(&content, "\xc1\xc1", 2);
	record_seal(&b, 'e', 2, content.p, content.len);
	digest_bytes(name, strlen(name), &k);
	store_name("entries", &k, file);
	assert_int_equal(file_publish(s.dir, "tmp/n", file, b.p, b.len), 0);
	assert_int_equal(utimensat(s.dir, file, ancient, 0), 0);
	buf_free(&content);
	buf_free(&b);
}

/* Two versions of kache on one store: the older one must not take the blobs
 * of the newer one for orphans. */
static void
blobs_of_later_entries_stay(void **state)
{
	struct gc_options o = { .max_size = 1, .max_age = 1 };
	struct digest blob, old;
	char name[STORE_NAME];
	struct gc_report r;

	(void)state;
	put_newer("newer", 'N', &blob);
	put("beside newer", 'O', 9000, &old);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.newer, 1);
	assert_true(blob_exists(&s, &blob));
	assert_false(loads(&old));
	o.everything = true;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_true(blob_exists(&s, &blob));
	digest_bytes("newer", 5, &old);
	store_name("entries", &old, name);
	assert_int_equal(unlinkat(s.dir, name, 0), 0);
}

static void
what_waits_for_its_upload_stays(void **state)
{
	struct gc_options o = { .max_size = 1 };
	struct digest waits, done;
	struct upload_intent_intent i;
	struct gc_report r;

	(void)state;
	put("waits", 'w', 9000, &waits);
	put("done", 'd', 1, &done);
	offer(&waits);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.waiting, 1);
	assert_true(loads(&waits));
	assert_false(loads(&done));
	o = (struct gc_options){ .everything = true };
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.waiting, 1);
	assert_true(loads(&waits));
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	assert_int_equal(r.purged, 1);
	assert_false(loads(&waits));
	assert_int_equal(upload_intent_read(&s, &waits, &i), ERR_MISS);
}

struct late {
	struct digest key;
	bool offered;
	bool touched;
};

/* At the moment the first victim is about to go. */
static bool
meanwhile(void *ctx, uint64_t done, uint64_t total)
{
	struct late *l = ctx;
	char name[STORE_NAME];

	/* Read: blob, entry.  No manifest.  Next: the victims. */
	(void)total;
	if (done != 2)
		return true;
	store_name("entries", &l->key, name);
	if (l->offered)
		offer(&l->key);
	if (l->touched)
		assert_int_equal(utimensat(s.dir, name, NULL, 0), 0);
	return true;
}

/* It was looked at as unused; then a build used it, or offered it. */
static void
use_during_a_sweep_counts(void **state)
{
	struct late l = { 0 };
	struct gc_options o = { .max_size = 1, .go_on = meanwhile, .ctx = &l };
	struct gc_report r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(gc_run(&s, &m, &all, &r), 0);
		put("late", 'L', 9000, &l.key);
		l.offered = i == 1;
		l.touched = i == 2;
		assert_int_equal(gc_run(&s, &m, &o, &r), 0);
		assert_int_equal(r.victims, i == 0);
		assert_int_equal(loads(&l.key), i != 0);
	}
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
}

/* The other half of the protocol: what the store finds there it leaves. */
static void
blobs_of_new_entries_come_back(void **state)
{
	struct entry e = { .nout = 1 };
	struct gc_options o = { .go_on = publish_meanwhile, .ctx = &e };
	struct blob_put p = { 0 };
	char path[128];
	struct gc_report r;
	struct digest k;

	(void)state;
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	write_output("output", 'M', path);
	p.path = path;
	assert_int_equal(blob_put(&s, &m, &p, &e.out[0].blob), 0);
	memcpy(e.out[0].name, "liba.rlib", 10);
	e.out[0].role = ENTRY_LINK;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.orphans, 0);
	assert_int_equal(r.bytes_after, r.bytes);
	digest_bytes("meanwhile", 9, &k);
	assert_true(loads(&k));
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	assert_int_equal(r.orphans, 1);
}

static void
put_of_crate(const char *crate, char fill, struct digest *k)
{
	struct entry e;

	put(crate, fill, 10, k);
	assert_int_equal(entry_load(&s, k, &e), 0);
	buf_reset(&e.crate);
	buf_str(&e.crate, crate);
	assert_int_equal(entry_save(&s, k, &e), 0);
	entry_release(&e);
}

static void
a_crate_is_purged_by_name(void **state)
{
	struct gc_options o = { .crate = "serde", .dry_run = true };
	struct digest serde, derive;
	struct gc_report r;

	(void)state;
	put_of_crate("serde", 's', &serde);
	put_of_crate("serde_derive", 'd', &derive);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.purged, 1);
	assert_int_equal(r.orphans, 1);
	assert_true(loads(&serde));
	o.dry_run = false;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.purged, 1);
	assert_int_equal(r.victims, 1);
	assert_false(loads(&serde));
	assert_true(loads(&derive));
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	assert_int_equal(r.bytes_after, 0);
}

/* Also one whose targets went before. */
static void
redirects_are_purged_by_name(void **state)
{
	struct entry e = { .roots = "o" };
	struct gc_options o = { .crate = "bound" };
	struct gc_report r;
	struct digest k;

	(void)state;
	buf_str(&e.crate, "bound");
	digest_bytes("redirect", 8, &k);
	assert_int_equal(entry_save(&s, &k, &e), 0);
	entry_release(&e);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.purged, 1);
	assert_int_equal(r.bytes_after, 0);
}

/* Nothing, whatever there is to do. */
static void
a_dry_run_changes_nothing(void **state)
{
	struct gc_options o = { .max_size = 1, .dry_run = true };
	struct digest k, torn, orphan;
	char name[STORE_NAME], path[128];
	struct blob_put p = { .path = path };
	struct gc_report r, again;

	(void)state;
	put("dry", 'D', 9000, &k);
	put("torn", 'T', 9000, &torn);
	store_name("entries", &torn, name);
	assert_int_equal(file_publish(s.dir, "tmp/t", name, "torn", 4), 0);
	write_output("output", 'Q', path);
	assert_int_equal(blob_put(&s, &m, &p, &orphan), 0);
	assert_int_equal(
		file_publish(s.dir, "tmp/t", "tmp/00000000000000aa.1", "x", 1),
		0);
	assert_int_equal(utimensat(s.dir, "tmp/00000000000000aa.1", ancient, 0),
			 0);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.damaged, 1);
	assert_int_equal(r.by_size + r.unreachable, 1);
	assert_int_equal(r.orphans, 3);
	assert_int_equal(r.temps, 1);
	assert_int_equal(gc_run(&s, &m, &o, &again), 0);
	assert_memory_equal(&r, &again, sizeof(r));
	o.dry_run = false;
	assert_int_equal(gc_run(&s, &m, &o, &again), 0);
	assert_int_equal(again.victims, r.victims);
	assert_int_equal(again.orphans, r.orphans);
	assert_int_equal(again.freed, r.freed);
	assert_int_equal(again.bytes_after, r.bytes_after);
}

/* What a target directory still holds frees nothing. */
static void
linked_blobs_free_nothing(void **state)
{
	struct gc_options o = { .everything = true };
	char name[STORE_NAME], path[128];
	struct gc_report r;
	struct entry e;
	struct digest k;

	(void)state;
	put("linked", 'l', 10, &k);
	assert_int_equal(entry_load(&s, &k, &e), 0);
	store_name("blobs", &e.out[0].blob, name);
	entry_release(&e);
	snprintf(path, sizeof(path), "%s/in-target", testdir);
	assert_int_equal(linkat(s.dir, name, AT_FDCWD, path, 0), 0);
	for (int dry = 1; dry >= 0; dry--) {
		o.dry_run = dry;
		assert_int_equal(gc_run(&s, &m, &o, &r), 0);
		assert_int_equal(r.freed, 0);
		assert_true(r.held >= 5000);
	}
	assert_int_equal(access(path, F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sweep_keeps_what_was_used),
		cmocka_unit_test(shared_blobs_live_while_one_names_them),
		cmocka_unit_test(another_sweeper_is_not_disturbed),
		cmocka_unit_test(a_dead_sweepers_trash_comes_back),
		cmocka_unit_test(leftovers_go_when_they_are_old),
		cmocka_unit_test(automatic_sweeps_spare_the_young),
		cmocka_unit_test(a_sweep_may_be_cut_short),
		cmocka_unit_test(blobs_of_later_entries_stay),
		cmocka_unit_test(what_waits_for_its_upload_stays),
		cmocka_unit_test(use_during_a_sweep_counts),
		cmocka_unit_test(blobs_of_new_entries_come_back),
		cmocka_unit_test(a_crate_is_purged_by_name),
		cmocka_unit_test(redirects_are_purged_by_name),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(linked_blobs_free_nothing),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
