/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc.h"

#include "base/digest.h"
#include "base/file.h"
#include "key/memo.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/store.h"
#include "store/verify.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* --- the plan: pure --- */

static const uint64_t sizes[] = { 100, 200, 400, 50 };
static const uint32_t pool[] = { 0, 1, 1, 2 };
static const struct gc_blobs blobs = { sizes, 4, pool };

static void
make(struct gc_entry e[3])
{
	memset(e, 0, 3 * sizeof(*e));
	for (int i = 0; i < 3; i++) {
		e[i].key.b[0] = (uint8_t)i;
		e[i].used = 1000 + i;
		e[i].size = 10;
	}
	e[0].first = 0; /* blobs 0 and 1 */
	e[0].nblobs = 2;
	e[1].first = 2; /* blob 1 */
	e[1].nblobs = 1;
	e[2].first = 3; /* blob 2; nobody names blob 3 */
	e[2].nblobs = 1;
}

static void
below_the_limit_only_orphans_go(void **state)
{
	struct gc_limits l = { .max_size = 1000, .target = 900, .now = 2000 };
	struct gc_entry e[3];

	(void)state;
	make(e);
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 730);
	for (int i = 0; i < 3; i++)
		assert_false(e[i].victim);
}

static void
least_recently_used_go_first(void **state)
{
	struct gc_limits l = { .max_size = 700, .target = 650, .now = 2000 };
	struct gc_entry e[3];

	(void)state;
	make(e);
	/* Entry 0 takes blob 0 along; blob 1 is still named by entry 1. */
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 620);
	assert_true(e[0].victim);
	assert_false(e[1].victim);
	l.target = 500;
	make(e);
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 410);
	assert_true(e[1].victim);
	assert_false(e[2].victim);
	l.target = 0;
	make(e);
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 0);
	assert_true(e[2].victim);
}

static void
the_young_are_spared_in_automatic_sweeps(void **state)
{
	struct gc_limits l = {
		.max_size = 1, .target = 0, .now = 2000, .spare = 999
	};
	struct gc_entry e[3];

	(void)state;
	make(e);
	gc_plan(e, 3, &blobs, 780, &l);
	for (int i = 0; i < 3; i++)
		assert_int_equal(e[i].victim, e[i].used <= 1001);
}

static void
the_old_go_in_any_case(void **state)
{
	struct gc_limits l = { .max_size = 0, .max_age = 999, .now = 2000 };
	struct gc_entry e[3];

	(void)state;
	make(e);
	gc_plan(e, 3, &blobs, 780, &l);
	for (int i = 0; i < 3; i++)
		assert_int_equal(e[i].victim, e[i].used < 1001);
}

/* --- sweeps of a real store --- */

static struct store s;
static struct memo m;

static void
write_output(const char *name, char fill, char path[128])
{
	char text[5000];
	int fd;

	snprintf(path, 128, "%s/%s", testdir, name);
	memset(text, fill, sizeof(text));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, sizeof(text)), 0);
	close(fd);
}

/* An entry of one output, last used AGE seconds ago. */
static void
put(const char *name, char fill, int age, struct digest *k1)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_NOW },
				 { .tv_sec = time(NULL) - age } };
	struct blob_put p = { 0 };
	struct entry e = { .nout = 1 };
	char path[128], file[STORE_NAME];

	write_output("output", fill, path);
	p.path = path;
	assert_int_equal(blob_put(&s, &m, &p, &e.out[0].blob), 0);
	memcpy(e.out[0].name, "liba.rlib", 10);
	e.out[0].role = ENTRY_LINK;
	e.out[0].size = p.size;
	digest_bytes(name, strlen(name), k1);
	assert_int_equal(entry_save(&s, k1, &e), 0);
	store_name("entries", k1, file);
	assert_int_equal(utimensat(s.dir, file, t, 0), 0);
	entry_release(&e);
}

static int
open_store(void **state)
{
	char path[128];

	if (testdir_make(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/store", testdir);
	if (store_open(&s, path) < 0)
		return -1;
	memo_open(&m, s.dir);
	return 0;
}

static int
close_store(void **state)
{
	memo_close(&m);
	store_close(&s);
	return testdir_remove(state);
}

static bool
loads(const struct digest *k1)
{
	struct entry e;

	if (entry_load(&s, k1, &e) < 0)
		return false;
	assert_true(blob_exists(&s, &e.out[0].blob));
	entry_release(&e);
	return true;
}

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

static void
verify_finds_what_is_wrong(void **state)
{
	struct verify_options o = { 0 };
	struct verify_report r = { 0 };
	char blob[STORE_NAME];
	struct entry e;
	struct digest k;
	int fd;

	(void)state;
	put("sound", 's', 1, &k);
	assert_int_equal(verify_run(&s, &o, &r), 0);
	assert_int_equal(r.bad_blobs + r.missing_blobs + r.bad_entries, 0);
	assert_true(r.blobs > 0);
	assert_int_equal(entry_load(&s, &k, &e), 0);
	store_name("blobs", &e.out[0].blob, blob);
	entry_release(&e);
	fd = openat(s.dir, blob, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "X", 1, 100), 1);
	close(fd);
	memset(&r, 0, sizeof(r));
	assert_int_equal(verify_run(&s, &o, &r), 0);
	assert_int_equal(r.bad_blobs, 1);
	assert_int_equal(r.repaired, 0);
	o.repair = true;
	memset(&r, 0, sizeof(r));
	assert_int_equal(verify_run(&s, &o, &r), 0);
	assert_true(r.repaired > 0);
	memset(&r, 0, sizeof(r));
	assert_int_equal(verify_run(&s, &o, &r), 0);
	assert_int_equal(r.bad_blobs, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(below_the_limit_only_orphans_go),
		cmocka_unit_test(least_recently_used_go_first),
		cmocka_unit_test(the_young_are_spared_in_automatic_sweeps),
		cmocka_unit_test(the_old_go_in_any_case),
		cmocka_unit_test(a_sweep_keeps_what_was_used),
		cmocka_unit_test(shared_blobs_live_while_one_names_them),
		cmocka_unit_test(another_sweeper_is_not_disturbed),
		cmocka_unit_test(a_dead_sweepers_trash_comes_back),
		cmocka_unit_test(verify_finds_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
