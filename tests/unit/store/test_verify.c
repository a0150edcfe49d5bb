/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/verify.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/record.h"
#include "key/memo.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/manifest.h"
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
static struct memo m;

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

static void
put_manifest(const char *name)
{
	struct manifest_record r = { .compile_us = 1 };
	struct digest k0;

	digest_bytes(name, strlen(name), &k0);
	assert_int_equal(shape_add(&r.shape, 'f', "w/a", 3), 0);
	assert_int_equal(shape_finish(&r.shape), 0);
	assert_int_equal(manifest_add(&s, &k0, &r), 0);
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

static size_t problems;
static uint64_t seen_done, seen_total;

static void
note_problem(void *ctx, const char *name, const char *what)
{
	(void)ctx;
	problems++;
	assert_true(strlen(name) > 70);
	assert_true(what[0]);
}

static void
note_progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	assert_true(done >= seen_done && done <= total);
	seen_done = done;
	seen_total = total;
}

static struct verify_report
verify(bool repair)
{
	struct verify_options o = { .repair = repair,
				    .problem = note_problem,
				    .progress = note_progress };
	struct verify_report r;

	problems = 0;
	seen_done = seen_total = 0;
	assert_int_equal(verify_run(&s, &o, &r), 0);
	assert_int_equal(problems, r.bad_manifests + r.bad_entries +
					   r.bad_blobs + r.missing_blobs);
	return r;
}

static void
verify_finds_each_kind_of_damage(void **state)
{
	struct digest sound, blob, entry, lost, manifest, d;
	char name[STORE_NAME];
	struct verify_report r;

	(void)state;
	put("sound", "sound", &sound);
	put_manifest("sound");
	r = verify(true);
	r = verify(false);
	assert_int_equal(problems, 0);
	assert_true(r.blobs > 0 && r.entries > 0 && r.manifests > 0);
	assert_int_equal(r.bytes, seen_total);
	assert_int_equal(seen_done, seen_total);
	put("blob", "damaged blob", &blob);
	digest_bytes("damaged blob", 12, &d);
	damage("blobs", &d);
	put("lost", "lost blob", &lost);
	digest_bytes("lost blob", 9, &d);
	store_name("blobs", &d, name);
	assert_int_equal(unlinkat(s.dir, name, 0), 0);
	put("entry", "entry", &entry);
	damage("entries", &entry);
	put_manifest("manifest");
	digest_bytes("manifest", 8, &manifest);
	damage("manifests", &manifest);
	r = verify(false);
	assert_int_equal(r.bad_blobs, 1);
	assert_int_equal(r.missing_blobs, 1);
	assert_int_equal(r.bad_entries, 1);
	assert_int_equal(r.bad_manifests, 1);
	assert_int_equal(r.repaired, 0);
	assert_true(is_there("entries", &entry));
	/* The entry of the damaged blob goes with it. */
	r = verify(true);
	assert_int_equal(r.missing_blobs, 2);
	assert_int_equal(r.repaired, 5);
	assert_false(is_there("entries", &entry));
	assert_false(is_there("entries", &blob));
	assert_false(is_there("entries", &lost));
	assert_false(is_there("manifests", &manifest));
	assert_true(is_there("entries", &sound));
	r = verify(false);
	assert_int_equal(problems, 0);
}

static void
what_is_newer_is_nobodys_problem(void **state)
{
	struct verify_report r;
	char name[STORE_NAME];
	struct buf b = { 0 };
	struct digest k;

	(void)state;
	digest_bytes("newer", 5, &k);
	store_name("entries", &k, name);
	record_seal(&b, 'e', 2, "\220", 1);
	assert_int_equal(file_publish(s.dir, "tmp/x", name, b.p, b.len), 0);
	buf_free(&b);
	r = verify(true);
	assert_int_equal(problems, 0);
	assert_int_equal(r.repaired, 0);
	assert_true(is_there("entries", &k));
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
	memo_open(&m, s.dir);
	return 0;
}

static int
tear_down(void **state)
{
	memo_close(&m);
	store_close(&s);
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verify_finds_each_kind_of_damage),
		cmocka_unit_test(what_is_newer_is_nobodys_problem),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
