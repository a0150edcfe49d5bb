/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc_scan.h"

#include "base/digest.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct store s;
static struct digest_cache m;

static void
put_blob(const char *text, struct entry_output *o)
{
	char path[128];
	struct blob_put p = { .path = path };
	int fd;

	snprintf(path, sizeof(path), "%s/output", testdir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	close(fd);
	assert_int_equal(blob_put(&s, &m, &p, &o->blob), 0);
	memcpy(o->name, "liba.rlib", 10);
	o->role = ENTRY_LINK;
	o->size = p.size;
}

/* The entry NAME of the unit NAME, of one blob. */
static void
put(const char *name, const char *text, struct digest *k1)
{
	struct entry e = { .nout = 2 };

	put_blob(text, &e.out[0]);
	memcpy(e.out[1].name, "a.d", 4);
	e.out[1].role = ENTRY_DEPINFO;
	digest_bytes(name, strlen(name), k1);
	e.k0 = *k1;
	assert_int_equal(entry_save(&s, k1, &e), 0);
}

/* Overwrites the middle of the file NAME below the store. */
static void
damage(const char *kind, const struct digest *d)
{
	char name[STORE_NAME];
	struct stat st;
	int fd;

	store_name(kind, d, name);
	fd = openat(s.dir, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, "\377\377", 2, st.st_size / 2), 2);
	close(fd);
}

static bool
is_there(const char *kind, const struct digest *d)
{
	char name[STORE_NAME];

	store_name(kind, d, name);
	return faccessat(s.dir, name, F_OK, 0) == 0;
}

static bool
is_live(const struct gc_scan *scan, const char *text)
{
	struct digest d;

	digest_bytes(text, strlen(text), &d);
	for (size_t i = 0; i < scan->nblobs; i++)
		if (digest_eq(&scan->blob[i].digest, &d))
			return scan->blob[i].live;
	fail_msg("not listed: %s", text);
	return false;
}

static void
what_stays_keeps_its_blobs(void **state)
{
	struct entry_output orphan;
	struct gc_scan scan = { 0 };
	struct digest a, b, c;

	(void)state;
	put("a", "shared", &a);
	put("b", "shared", &b);
	put("c", "of c", &c);
	put_blob("of nobody", &orphan);
	assert_int_equal(gc_scan_read(&s, &scan), 0);
	assert_int_equal(scan.nentries, 3);
	assert_int_equal(scan.nblobs, 3);
	assert_true(scan.bytes >= scan.blob_size[0] * 3);
	assert_true(scan.shared > 0);
	gc_scan_mark(&scan);
	assert_true(is_live(&scan, "shared"));
	assert_true(is_live(&scan, "of c"));
	assert_false(is_live(&scan, "of nobody"));
	/* One of two that share: the blob stays.  Both: it goes. */
	for (size_t i = 0; i < scan.nentries; i++)
		scan.entry[i].victim = digest_eq(&scan.entry[i].key, &a);
	gc_scan_mark(&scan);
	assert_true(is_live(&scan, "shared"));
	for (size_t i = 0; i < scan.nentries; i++)
		scan.entry[i].victim = !digest_eq(&scan.entry[i].key, &c);
	gc_scan_mark(&scan);
	assert_false(is_live(&scan, "shared"));
	assert_true(is_live(&scan, "of c"));
	gc_scan_free(&scan);
}

static size_t changes;

static void
note_change(void *ctx, const struct digest *d)
{
	struct digest *blob = ctx;

	changes++;
	*blob = *d;
}

/* New entries, and old ones that were replaced, are seen; others are not. */
static void
changes_since_the_reading_are_seen(void **state)
{
	struct gc_scan scan = { 0 };
	struct digest k, blob, want;

	(void)state;
	put("old", "old", &k);
	assert_int_equal(gc_scan_read(&s, &scan), 0);
	changes = 0;
	assert_int_equal(gc_scan_changed(&s, &scan, note_change, &blob), 0);
	assert_int_equal(changes, 0);
	put("new", "new", &k);
	assert_int_equal(gc_scan_changed(&s, &scan, note_change, &blob), 0);
	assert_int_equal(changes, 1);
	digest_bytes("new", 3, &want);
	assert_true(digest_eq(&blob, &want));
	assert_int_equal(scan.nchanges, 1);
	assert_true(digest_eq(&scan.change[0].k0, &k));
	gc_scan_free(&scan);
	assert_int_equal(gc_scan_read(&s, &scan), 0);
	changes = 0;
	put("old", "replaced", &k);
	assert_int_equal(gc_scan_changed(&s, &scan, note_change, &blob), 0);
	assert_int_equal(changes, 1);
	digest_bytes("replaced", 8, &want);
	assert_true(digest_eq(&blob, &want));
	gc_scan_free(&scan);
}

/* Whatever else lies there is nobody's entry and no blob. */
static void
foreign_files_are_passed_over(void **state)
{
	struct gc_scan before = { 0 }, scan = { 0 };

	(void)state;
	assert_int_equal(gc_scan_read(&s, &before), 0);
	assert_int_equal(file_publish(s.dir, "tmp/x", "blobs/ab/x", "x", 1), 0);
	assert_int_equal(file_publish(s.dir, "tmp/x", "entries/ab/x", "x", 1),
			 0);
	assert_int_equal(file_publish(s.dir, "tmp/x", "blobs/README", "x", 1),
			 0);
	assert_int_equal(gc_scan_read(&s, &scan), 0);
	assert_int_equal(scan.nblobs, before.nblobs);
	assert_int_equal(scan.nentries, before.nentries);
	assert_int_equal(faccessat(s.dir, "blobs/ab/x", F_OK, 0), 0);
	gc_scan_free(&scan);
	gc_scan_free(&before);
}

/* Reading changes nothing, so a dry run does not. */
static void
unreadable_entries_are_told(void **state)
{
	struct gc_scan scan = { 0 };
	struct gc_entry *e;
	struct digest k;

	(void)state;
	put("torn", "torn", &k);
	damage("entries", &k);
	assert_int_equal(gc_scan_read(&s, &scan), 0);
	e = gc_scan_find(&scan, &k);
	assert_non_null(e);
	assert_int_equal(e->why, GC_DAMAGED);
	assert_true(is_there("entries", &k));
	gc_scan_free(&scan);
}

static int
set_up(void **state)
{
	char dir[128];

	if (testdir_make(state) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%s/store", testdir);
	if (store_open(&s, dir) < 0)
		return -1;
	digest_cache_open(&m, s.dir);
	return 0;
}

static int
tear_down(void **state)
{
	digest_cache_close(&m);
	store_close(&s);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stays_keeps_its_blobs),
		cmocka_unit_test(changes_since_the_reading_are_seen),
		cmocka_unit_test(foreign_files_are_passed_over),
		cmocka_unit_test(unreadable_entries_are_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
