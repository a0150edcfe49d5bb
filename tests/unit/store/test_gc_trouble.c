/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc.h"

#include "base/err.h"
#include "base/record.h"
#include "store/incremental_index.h"
#include "tests/unit/store/gcstore.h"

#include <errno.h>
#include <sys/syscall.h>

static const struct gc_options all = { .everything = true, .waiting = true };
static bool no_links;          /* from trash/: as on a full disk */
static const char *no_removal; /* of this name: as if it were immutable */

int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	if (no_links && !strchr(from, '/')) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int
unlinkat(int dir, const char *name, int flags)
{
	if (no_removal && !strcmp(name, no_removal)) {
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_unlinkat, dir, name, flags);
}

/* The link back fails, then there is space again: at the end, or later. */
static bool
publish_on_full_disk(void *ctx, uint64_t done, uint64_t total)
{
	publish_meanwhile(ctx, done, total);
	if (done == 1)
		no_links = true;
	return true;
}

static void
blobs_that_cannot_come_back_are_kept(void **state)
{
	struct entry e = { .nout = 1 };
	struct gc_options o = { .go_on = publish_on_full_disk, .ctx = &e };
	struct blob_put p = { 0 };
	char path[128];
	struct gc_report r;
	struct digest k;

	(void)state;
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	write_output("output", 'F', path);
	p.path = path;
	assert_int_equal(blob_put(&s, &m, &p, &e.out[0].blob), 0);
	memcpy(e.out[0].name, "liba.rlib", 10);
	e.out[0].role = ENTRY_LINK;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_true(no_links);
	no_links = false;
	assert_int_equal(r.orphans, 0);
	o = (struct gc_options){ 0 };
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	digest_bytes("meanwhile", 9, &k);
	assert_true(loads(&k));
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	assert_int_equal(r.orphans, 1);
}

static void
what_cannot_be_removed_is_told_and_whole(void **state)
{
	char name[STORE_NAME];
	struct gc_report r;
	struct digest k;

	(void)state;
	put("immutable", 'i', 9000, &k);
	store_name("entries", &k, name);
	no_removal = name;
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	no_removal = NULL;
	assert_int_equal(r.purged, 0);
	assert_int_equal(r.stuck, 1);
	assert_int_equal(r.bytes_after, r.bytes);
	assert_true(loads(&k));
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	assert_int_equal(r.purged, 1);
	assert_int_equal(r.stuck, 0);
}

static void
the_trash_is_made_anew(void **state)
{
	struct gc_report r;
	struct digest k;

	(void)state;
	put("no trash", 't', 9000, &k);
	assert_int_equal(unlinkat(s.dir, "trash", AT_REMOVEDIR), 0);
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	assert_int_equal(r.orphans, 1);
	assert_int_equal(r.bytes_after, 0);
}

/* Whatever lies in a directory that has the name of ours by chance. */
static void
the_trash_of_others_stays(void **state)
{
	struct digest d, k;
	char hex[DIGEST_HEX + 1], theirs[STORE_NAME];
	struct gc_report r;

	(void)state;
	assert_int_equal(file_publish(s.dir, "tmp/t", "trash/x", "x", 1), 0);
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	assert_int_equal(unlinkat(s.dir, "trash/x", 0), 0);
	digest_bytes("theirs", 6, &d);
	digest_hex(&d, hex);
	snprintf(theirs, sizeof(theirs), "theirs/%s", hex);
	assert_int_equal(renameat(s.dir, "trash", s.dir, "theirs"), 0);
	assert_int_equal(symlinkat("theirs", s.dir, "trash"), 0);
	assert_int_equal(file_publish(s.dir, "tmp/t", theirs, "x", 1), 0);
	put("linked trash", 't', 9000, &k);
	assert_int_equal(gc_run(&s, &m, &all, &r), -ENOTDIR);
	assert_true(loads(&k));
	assert_int_equal(unlinkat(s.dir, theirs, 0), 0);
	assert_int_equal(unlinkat(s.dir, "trash", 0), 0);
	assert_int_equal(renameat(s.dir, "theirs", s.dir, "trash"), 0);
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
}

/* Else a remote that nobody has any more would keep all for ever. */
static void
nothing_waits_for_more_than_30_days(void **state)
{
	struct gc_options o = { .max_age = 1, .dry_run = true };
	struct timespec t[2] = { { .tv_nsec = UTIME_NOW },
				 { .tv_sec = time(NULL) - 29 * 86400 } };
	char name[STORE_NAME], dead[STORE_NAME];
	struct upload_intent_intent i;
	struct gc_report r;
	struct digest k;

	(void)state;
	put("waits long", 'w', 9000, &k);
	offer(&k);
	store_name("spool", &k, name);
	snprintf(dead, sizeof(dead), "spool/dead/%s", strrchr(name, '/') + 1);
	assert_int_equal(utimensat(s.dir, name, t, 0), 0);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.waiting, 1);
	t[1].tv_sec -= 2 * 86400;
	assert_int_equal(utimensat(s.dir, name, t, 0), 0);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.expired, 1);
	assert_int_equal(r.by_age, 1);
	assert_int_equal(upload_intent_read(&s, &k, &i), 0);
	o.dry_run = false;
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.expired, 1);
	assert_int_equal(r.waiting, 0);
	assert_false(loads(&k));
	assert_int_equal(upload_intent_read(&s, &k, &i), ERR_MISS);
	assert_int_equal(faccessat(s.dir, dead, F_OK, 0), 0);
}

static void
what_a_later_version_offered_waits(void **state)
{
	static const struct timespec old[2] = { { .tv_sec = 1000000 },
						{ .tv_sec = 1000000 } };
	struct gc_options o = { .max_age = 1 };
	struct buf b = { 0 };
	char name[STORE_NAME];
	struct gc_report r;
	struct digest k;

	(void)state;
	put("offered later", 'w', 9000, &k);
	offer(&k);
	store_name("spool", &k, name);
	record_seal(&b, 's', 2, "\x90", 1);
	assert_int_equal(file_publish(s.dir, "tmp/t", name, b.p, b.len), 0);
	assert_int_equal(utimensat(s.dir, name, old, 0), 0);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.expired, 0);
	assert_int_equal(r.waiting, 1);
	assert_int_equal(faccessat(s.dir, name, F_OK, 0), 0);
	assert_true(loads(&k));
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	buf_free(&b);
}

static void
an_age_below_zero_is_none(void **state)
{
	struct gc_options o = { .max_age = -5, .incremental_max_age = -5 };
	struct gc_report r;
	struct digest k;

	(void)state;
	put("ageless", 'a', 9000, &k);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.victims, 0);
	assert_true(loads(&k));
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
}

/* At the first look at a note of incremental state. */
static bool
sweep_beside(void *ctx, uint64_t done, uint64_t total)
{
	struct gc_options o = { 0 };
	struct gc_report r;
	int *code = ctx;
	int fd = openat(s.dir, "gc.lock", O_RDWR | O_CLOEXEC);

	(void)done;
	(void)total;
	if (*code != 1 && file_lock(fd, 1, true, 0) == ERR_TIMEOUT)
		*code = gc_run(&s, &m, &o, &r) == 0 ? 1 : -1;
	close(fd);
	return true;
}

/* It may last: on another file system that does not answer. */
static void
incremental_state_keeps_no_other_sweep(void **state)
{
	int code = 0;
	struct gc_options o = { .go_on = sweep_beside, .ctx = &code };
	struct gc_report r;

	(void)state;
	incremental_index_seen(&s, testdir);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(code, 1);
}

static int
no_more(void *ctx)
{
	int fd = openat(s.dir, "gc.lock", O_RDWR | O_CLOEXEC);

	++*(int *)ctx;
	assert_int_equal(file_lock(fd, 0, true, 0), ERR_TIMEOUT);
	close(fd);
	return -EALREADY;
}

static void
who_has_the_lock_may_look_again(void **state)
{
	int asked = 0;
	struct gc_options o = { .everything = true,
				.locked = no_more,
				.ctx = &asked };
	struct gc_report r;
	struct digest k;

	(void)state;
	put("asked", 'a', 9000, &k);
	assert_int_equal(gc_run(&s, &m, &o, &r), -EALREADY);
	assert_int_equal(asked, 1);
	assert_true(loads(&k));
	assert_int_equal(gc_run(&s, &m, &all, &r), 0);
	assert_false(loads(&k));
}

/* As bad sectors do; and this holds for root, too. */
static void
spoil(const char *room, const struct digest *d, bool back)
{
	char name[STORE_NAME], away[STORE_NAME + 8];

	store_name(room, d, name);
	*strrchr(name, '/') = '\0';
	snprintf(away, sizeof(away), "%s.away", name);
	if (back) {
		assert_int_equal(unlinkat(s.dir, name, 0), 0);
		assert_int_equal(renameat(s.dir, away, s.dir, name), 0);
		return;
	}
	if (renameat(s.dir, name, s.dir, away) < 0)
		assert_int_equal(mkdirat(s.dir, away, 0700), 0);
	assert_int_equal(symlinkat(strrchr(name, '/') + 1, s.dir, name), 0);
}

/* Of blobs and manifests it only means that some stay. */
static void
directories_that_cannot_be_read(void **state)
{
	struct gc_options o = { .everything = true };
	struct digest k, blob;
	struct gc_report r;
	struct entry e;

	(void)state;
	put("unreadable", 'u', 9000, &k);
	assert_int_equal(entry_load(&s, &k, &e), 0);
	blob = e.out[0].blob;
	entry_release(&e);
	spoil("entries", &k, false);
	assert_true(gc_run(&s, &m, &o, &r) < 0);
	spoil("entries", &k, true);
	assert_true(loads(&k));
	spoil("blobs", &blob, false);
	spoil("manifests", &k, false);
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.victims, 1);
	assert_int_equal(r.blobs, 0);
	spoil("manifests", &k, true);
	spoil("blobs", &blob, true);
	assert_true(blob_exists(&s, &blob));
	assert_int_equal(gc_run(&s, &m, &o, &r), 0);
	assert_int_equal(r.orphans, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blobs_that_cannot_come_back_are_kept),
		cmocka_unit_test(what_cannot_be_removed_is_told_and_whole),
		cmocka_unit_test(the_trash_is_made_anew),
		cmocka_unit_test(the_trash_of_others_stays),
		cmocka_unit_test(nothing_waits_for_more_than_30_days),
		cmocka_unit_test(what_a_later_version_offered_waits),
		cmocka_unit_test(an_age_below_zero_is_none),
		cmocka_unit_test(incremental_state_keeps_no_other_sweep),
		cmocka_unit_test(who_has_the_lock_may_look_again),
		cmocka_unit_test(directories_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
