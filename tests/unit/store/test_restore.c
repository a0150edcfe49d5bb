/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/restore.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct store s;
static struct digest_cache m;
static char path[256];

static const char *
at(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	return path;
}

static void
write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	close(fd);
}

static void
file_is(const char *name, const char *want)
{
	struct buf b = { 0 };

	assert_int_equal(file_read(AT_FDCWD, at(name), 1 << 20, &b), 0);
	assert_string_equal(b.p ? b.p : "", want);
	buf_free(&b);
}

static void
put_output(struct entry *e, const char *name, bool link)
{
	struct entry_output *o = &e->out[e->nout++];
	struct blob_put p = { .path = at(name), .link = link };

	assert_int_equal(blob_put(&s, &m, &p, &o->blob), 0);
	snprintf(o->name, sizeof(o->name), "%s", name);
	o->role = ENTRY_LINK;
	o->exec = p.exec;
	o->size = p.size;
}

/* A library, a program and dep-info, stored; their files are gone again. */
static struct entry
stored(const char *salt)
{
	struct entry e = { 0 };
	char text[64];

	snprintf(text, sizeof(text), "library %s", salt);
	write_file("liba.rlib", text, 0644);
	put_output(&e, "liba.rlib", true);
	snprintf(text, sizeof(text), "program %s", salt);
	write_file("prog", text, 0755);
	put_output(&e, "prog", false);
	memcpy(e.out[2].name, "a.d", 4);
	e.out[2].role = ENTRY_DEPINFO;
	e.nout = 3;
	unlink(at("liba.rlib"));
	unlink(at("prog"));
	return e;
}

static int
restore(const struct entry *e, const char *dir)
{
	struct buf d = { 0 };
	struct restore r = {
		.store = &s, .memo = &m, .entry = e, .dir = dir, .depinfo = &d
	};
	int code;

	buf_str(&d, "a: b\n");
	code = restore_outputs(&r);
	if (code == 0)
		assert_true(r.bytes > 0);
	buf_free(&d);
	return code;
}

static void
outputs_come_back_with_their_modes(void **state)
{
	struct entry e = stored("1");
	struct stat st;

	(void)state;
	assert_int_equal(restore(&e, testdir), 0);
	file_is("liba.rlib", "library 1");
	file_is("prog", "program 1");
	file_is("a.d", "a: b\n");
	assert_int_equal(stat(at("prog"), &st), 0);
	assert_int_equal(st.st_mode & 0111, 0111);
	assert_int_equal(stat(at("liba.rlib"), &st), 0);
	assert_int_equal(st.st_mode & 0133, 0);
	assert_true(st.st_mode & 0200);
	entry_release(&e);
}

/* Writing into what was restored must not reach the store. */
static void
programs_are_never_shared(void **state)
{
	struct entry e = stored("2");
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(restore(&e, testdir), 0);
	assert_int_equal(stat(at("prog"), &st), 0);
	assert_int_equal(st.st_nlink, 1);
	fd = open(at("prog"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "X", 1, 0), 1);
	close(fd);
	assert_int_equal(restore(&e, testdir), 0);
	file_is("prog", "program 2");
	entry_release(&e);
}

static void
no_blob_is_linked_into_two_trees(void **state)
{
	struct entry e = stored("3");
	char one[128], two[128];
	struct stat a, b;

	(void)state;
	snprintf(one, sizeof(one), "%s", at("one"));
	snprintf(two, sizeof(two), "%s", at("two"));
	assert_int_equal(mkdir(one, 0755), 0);
	assert_int_equal(mkdir(two, 0755), 0);
	assert_int_equal(restore(&e, one), 0);
	assert_int_equal(restore(&e, two), 0);
	assert_int_equal(stat(at("one/liba.rlib"), &a), 0);
	assert_int_equal(stat(at("two/liba.rlib"), &b), 0);
	assert_false(a.st_ino == b.st_ino);
	file_is("two/liba.rlib", "library 3");
	entry_release(&e);
}

static void
a_lost_blob_changes_nothing(void **state)
{
	struct entry e = stored("4");
	char name[STORE_NAME];

	(void)state;
	write_file("liba.rlib", "before", 0644);
	unlink(at("prog"));
	store_name("blobs", &e.out[1].blob, name);
	assert_int_equal(unlinkat(s.dir, name, 0), 0);
	assert_int_equal(restore(&e, testdir), ERR_MISS);
	file_is("liba.rlib", "before");
	assert_int_equal(access(at("prog"), F_OK), -1);
	entry_release(&e);
}

static void
a_damaged_blob_is_a_miss_and_goes(void **state)
{
	struct entry e = stored("5");
	char name[STORE_NAME];
	int fd, r;

	(void)state;
	store_name("blobs", &e.out[1].blob, name);
	fd = openat(s.dir, name, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "X", 1, 0), 1);
	close(fd);
	r = restore(&e, testdir);
	assert_true(r == ERR_MISS || r == ERR_CORRUPT);
	assert_int_equal(faccessat(s.dir, name, F_OK, 0), -1);
	entry_release(&e);
}

static void
places_that_cannot_be_written_fail(void **state)
{
	struct entry e = stored("6");

	(void)state;
	assert_true(restore(&e, "/nonexistent/dir") < 0);
	entry_release(&e);
}

static size_t
files_in(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return n;
}

/* One name in the store, one in a tree, no third. */
static void
links_are_shared_with_one_tree_only(void **state)
{
	struct entry e = stored("7");
	char one[128], blob[STORE_NAME];
	struct stat a, b;
	int shared;

	(void)state;
	snprintf(one, sizeof(one), "%s", at("tree7"));
	assert_int_equal(mkdir(one, 0755), 0);
	store_name("blobs", &e.out[0].blob, blob);
	assert_int_equal(restore(&e, one), 0);
	assert_int_equal(stat(at("tree7/liba.rlib"), &a), 0);
	assert_int_equal(fstatat(s.dir, blob, &b, 0), 0);
	shared = a.st_ino == b.st_ino;
	/* A reflink does as well. */
	assert_int_equal(a.st_nlink, shared ? 2 : 1);
	assert_int_equal(restore(&e, testdir), 0);
	assert_int_equal(stat(at("liba.rlib"), &a), 0);
	assert_int_equal(a.st_nlink, 1);
	assert_int_equal(fstatat(s.dir, blob, &b, 0), 0);
	assert_int_equal(b.st_nlink, shared ? 2 : 1);
	entry_release(&e);
}

static void
modes_follow_the_umask(void **state)
{
	struct entry e = stored("8");
	mode_t old = umask(077);
	struct stat st;

	(void)state;
	assert_int_equal(restore(&e, testdir), 0);
	umask(old);
	assert_int_equal(stat(at("prog"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(at("liba.rlib"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(at("a.d"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	entry_release(&e);
}

/* cargo compares times: a restored output is as new as a compiled one. */
static void
outputs_are_new(void **state)
{
	static const struct timespec old[2] = { { .tv_sec = 1000000 },
						{ .tv_sec = 1000000 } };
	static const char *const names[] = { "liba.rlib", "prog", "a.d" };
	struct entry e = stored("9");
	char blob[STORE_NAME];
	int64_t before;

	(void)state;
	store_name("blobs", &e.out[0].blob, blob);
	assert_int_equal(utimensat(s.dir, blob, old, 0), 0);
	store_name("blobs", &e.out[1].blob, blob);
	assert_int_equal(utimensat(s.dir, blob, old, 0), 0);
	before = file_now_coarse();
	assert_int_equal(restore(&e, testdir), 0);
	for (size_t i = 0; i < 3; i++) {
		struct file_id id;

		assert_int_equal(file_id_at(AT_FDCWD, at(names[i]), &id), 0);
		assert_true(id.mtime >= before);
	}
	entry_release(&e);
}

/* Nothing is left behind, whichever output it was that failed. */
static void
failures_leave_the_directory_as_it_was(void **state)
{
	char dir[128];

	(void)state;
	snprintf(dir, sizeof(dir), "%s", at("fail"));
	assert_int_equal(mkdir(dir, 0755), 0);
	for (size_t lost = 0; lost < 2; lost++) {
		struct entry e = stored(lost ? "10" : "11");
		char name[STORE_NAME];

		store_name("blobs", &e.out[lost].blob, name);
		assert_int_equal(unlinkat(s.dir, name, 0), 0);
		assert_int_equal(restore(&e, dir), ERR_MISS);
		assert_int_equal(files_in(dir), 0);
		entry_release(&e);
	}
}

/* A blob of the wrong size in a sound entry, or the other way round. */
static void
sizes_must_agree(void **state)
{
	struct entry e = stored("12");
	char dir[128];

	(void)state;
	snprintf(dir, sizeof(dir), "%s", at("sizes"));
	assert_int_equal(mkdir(dir, 0755), 0);
	e.out[0].size++;
	assert_int_equal(restore(&e, dir), ERR_CORRUPT);
	assert_int_equal(files_in(dir), 0);
	entry_release(&e);
}

/* Consumers of what was restored need not hash it. */
static void
restored_files_are_known(void **state)
{
	struct entry e = stored("13");
	struct file_id id;
	struct digest d;

	(void)state;
	assert_int_equal(restore(&e, testdir), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(file_id_at(AT_FDCWD, at(e.out[i].name), &id),
				 0);
		assert_int_equal(digest_cache_get_own(&m, &id, &d), 0);
		assert_true(digest_eq(&d, &e.out[i].blob));
	}
	entry_release(&e);
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
		cmocka_unit_test(outputs_come_back_with_their_modes),
		cmocka_unit_test(programs_are_never_shared),
		cmocka_unit_test(no_blob_is_linked_into_two_trees),
		cmocka_unit_test(a_lost_blob_changes_nothing),
		cmocka_unit_test(a_damaged_blob_is_a_miss_and_goes),
		cmocka_unit_test(places_that_cannot_be_written_fail),
		cmocka_unit_test(links_are_shared_with_one_tree_only),
		cmocka_unit_test(modes_follow_the_umask),
		cmocka_unit_test(outputs_are_new),
		cmocka_unit_test(failures_leave_the_directory_as_it_was),
		cmocka_unit_test(sizes_must_agree),
		cmocka_unit_test(restored_files_are_known),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
