/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/blob.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "store/entry.h"
#include "store/gc.h"
#include "store/publish.h"
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
static char path[128];

static const char *
write_output(const char *text, mode_t mode)
{
	int fd;

	snprintf(path, sizeof(path), "%s/output", testdir);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	close(fd);
	return path;
}

static ino_t
inode(int dir, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, 0), 0);
	return st.st_ino;
}

/* Overwrites the blob in place; its size stays. */
static void
damage(const struct digest *d)
{
	char name[STORE_NAME];
	int fd;

	store_name("blobs", d, name);
	fd = openat(s.dir, name, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "#", 1, 2), 1);
	close(fd);
}

static void
blob_is(const struct digest *d, const char *want)
{
	char name[STORE_NAME];
	struct buf b = { 0 };

	store_name("blobs", d, name);
	assert_int_equal(file_read(s.dir, name, 1 << 20, &b), 0);
	assert_string_equal(b.p, want);
	buf_free(&b);
}

static void
adopted_files_become_blobs(void **state)
{
	char tmp[STORE_NAME], name[STORE_NAME];
	struct file_id id;
	struct digest d, have;
	bool existed = true;
	int fd;

	(void)state;
	store_tmp(&s, tmp);
	fd = openat(s.dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, "adopted", 7), 0);
	close(fd);
	digest_bytes("adopted", 7, &d);
	assert_int_equal(blob_adopt(&s, &m, tmp, &d, &existed), 0);
	assert_false(existed);
	assert_int_equal(unlinkat(s.dir, tmp, 0), 0);
	blob_is(&d, "adopted");
	store_name("blobs", &d, name);
	assert_int_equal(file_id_at(s.dir, name, &id), 0);
	assert_int_equal(digest_cache_get_own(&m, &id, &have), 0);
	assert_true(digest_eq(&have, &d));
	/* Never over a sound one; always over a damaged one. */
	assert_int_equal(file_publish(s.dir, tmp, tmp, "adopted", 7), 0);
	assert_int_equal(blob_adopt(&s, &m, tmp, &d, &existed), 0);
	assert_true(existed);
	damage(&d);
	assert_int_equal(blob_adopt(&s, &m, tmp, &d, &existed), 0);
	assert_false(existed);
	blob_is(&d, "adopted");
	assert_int_equal(unlinkat(s.dir, tmp, 0), 0);
}

static void
links_share_copies_do_not(void **state)
{
	struct blob_put p = { .link = true };
	struct digest d, want;
	char name[STORE_NAME];

	(void)state;
	p.path = write_output("to be linked", 0644);
	assert_int_equal(blob_put(&s, &m, &p, &d), 0);
	digest_bytes("to be linked", 12, &want);
	assert_true(digest_eq(&d, &want));
	assert_int_equal(p.size, 12);
	assert_false(p.exec);
	assert_false(p.existed);
	store_name("blobs", &d, name);
	assert_int_equal(inode(s.dir, name), inode(AT_FDCWD, path));
	p = (struct blob_put){ .path = write_output("to be copied", 0755) };
	assert_int_equal(blob_put(&s, &m, &p, &d), 0);
	assert_true(p.exec);
	store_name("blobs", &d, name);
	assert_true(inode(s.dir, name) != inode(AT_FDCWD, path));
	blob_is(&d, "to be copied");
}

static void
equal_bytes_are_one_blob(void **state)
{
	struct blob_put p = { .path = write_output("twice", 0644) };
	struct digest a, b;
	char name[STORE_NAME];
	ino_t ino;

	(void)state;
	assert_int_equal(blob_put(&s, &m, &p, &a), 0);
	assert_false(p.existed);
	store_name("blobs", &a, name);
	ino = inode(s.dir, name);
	p = (struct blob_put){ .path = write_output("twice", 0644),
			       .link = true };
	assert_int_equal(blob_put(&s, &m, &p, &b), 0);
	assert_true(p.existed);
	assert_true(digest_eq(&a, &b));
	assert_int_equal(inode(s.dir, name), ino);
}

/* "Exists" is not "is sound". */
static void
a_damaged_blob_is_replaced(void **state)
{
	(void)state;
	for (int link = 0; link < 2; link++) {
		const char *text = link ? "damaged, linked" : "damaged, copied";
		struct blob_put p = { .link = link };
		struct digest d;
		struct file_id id;

		p.path = write_output(text, 0644);
		assert_int_equal(blob_put(&s, &m, &p, &d), 0);
		assert_int_equal(unlink(path), 0);
		damage(&d);
		p.path = write_output(text, 0644);
		assert_int_equal(blob_put(&s, &m, &p, &d), 0);
		assert_false(p.existed);
		blob_is(&d, text);
		assert_int_equal(blob_check(&s, &m, &d, &id), 0);
	}
}

static void
checks_find_damage_and_remove_it(void **state)
{
	struct blob_put p = { .path = write_output("to be damaged", 0644) };
	struct file_id id;
	struct digest d;

	(void)state;
	assert_int_equal(blob_put(&s, &m, &p, &d), 0);
	assert_true(blob_exists(&s, &d));
	assert_int_equal(blob_check(&s, &m, &d, &id), 0);
	assert_int_equal(id.size, 13);
	damage(&d);
	assert_int_equal(blob_check(&s, &m, &d, &id), ERR_CORRUPT);
	assert_false(blob_exists(&s, &d));
	assert_int_equal(blob_check(&s, &m, &d, &id), ERR_MISS);
}

static void
checks_work_without_a_memo(void **state)
{
	struct blob_put p = { .path = write_output("no memo", 0644) };
	struct digest_cache none = { .fd = -1 };
	struct file_id id;
	struct digest d;

	(void)state;
	assert_int_equal(blob_put(&s, &none, &p, &d), 0);
	assert_int_equal(blob_check(&s, &none, &d, &id), 0);
	damage(&d);
	assert_int_equal(blob_check(&s, &none, &d, &id), ERR_CORRUPT);
	assert_int_equal(blob_check(&s, &none, &d, &id), ERR_MISS);
}

static void
only_regular_files_are_stored(void **state)
{
	struct blob_put p = { .path = testdir };
	struct digest d;

	(void)state;
	assert_true(blob_put(&s, &m, &p, &d) < 0);
	snprintf(path, sizeof(path), "%s/output", testdir);
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	p.path = path;
	assert_true(blob_put(&s, &m, &p, &d) < 0);
	unlink(path);
	assert_int_equal(blob_put(&s, &m, &p, &d), -ENOENT);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(blob_put(&s, &m, &p, &d) < 0);
	unlink(path);
}

/* A sweep between blob and entry: the blob is made again, from a file that
 * must be the same. */
static void
publishing_makes_lost_blobs_again(void **state)
{
	struct blob_put p = { .path = write_output("swept away", 0644) };
	struct gc_options o = { 0 };
	const char *paths[2] = { path, NULL };
	struct entry e = { .nout = 2 }, back;
	struct gc_report rep;
	struct digest k;

	(void)state;
	assert_int_equal(blob_put(&s, &m, &p, &e.out[0].blob), 0);
	memcpy(e.out[0].name, "liba.rlib", 10);
	e.out[0].role = ENTRY_LINK;
	e.out[0].size = p.size;
	memcpy(e.out[1].name, "a.d", 4);
	e.out[1].role = ENTRY_DEPINFO;
	digest_bytes("publish", 7, &k);
	assert_int_equal(gc_run(&s, &m, &o, &rep), 0);
	assert_false(blob_exists(&s, &e.out[0].blob));
	assert_int_equal(publish_entry(&s, &m, &k, &e, paths), 0);
	blob_is(&e.out[0].blob, "swept away");
	assert_int_equal(entry_load(&s, &k, &back), 0);
	entry_release(&back);
	assert_int_equal(gc_run(&s, &m, &o, &rep), 0);
	assert_true(blob_exists(&s, &e.out[0].blob));
	/* The file is another one by now. */
	digest_bytes("lost", 4, &e.out[0].blob);
	assert_int_equal(publish_entry(&s, &m, &k, &e, paths), ERR_CHANGED);
	unlink(path);
	assert_true(publish_entry(&s, &m, &k, &e, paths) < 0);
}

/* As a power cut does: other bytes, the same stat. */
static void
lose_bytes(const struct digest *d)
{
	char name[STORE_NAME];
	struct timespec t[2];
	struct stat st;

	store_name("blobs", d, name);
	assert_int_equal(fstatat(s.dir, name, &st, 0), 0);
	damage(d);
	t[0] = st.st_atim;
	t[1] = st.st_mtim;
	assert_int_equal(utimensat(s.dir, name, t, 0), 0);
}

static void
put_text(const char *text, struct digest *d)
{
	struct blob_put p = { .path = write_output(text, 0644) };

	assert_int_equal(blob_put(&s, &m, &p, d), 0);
	assert_false(p.existed);
}

static void
boot_again(void)
{
	/* Where FORMAT has the boot id. */
	assert_int_equal(pwrite(m.fd, "another boot", 12, 8), 12);
	digest_cache_close(&m);
	digest_cache_open(&m, s.dir);
}

static void
after_another_boot_unsynced_blobs_are_not_believed(void **state)
{
	struct digest synced, used, stored;
	struct blob_put p = { .path = path };
	struct file_id id;

	(void)state;
	put_text("written before the sync", &synced);
	digest_cache_set_synced(&m, file_now());
	put_text("used after the cut", &used);
	put_text("stored after the cut", &stored);
	lose_bytes(&synced);
	lose_bytes(&used);
	lose_bytes(&stored);
	/* The stat is all that is asked for in the same boot. */
	assert_int_equal(blob_check(&s, &m, &synced, &id), 0);
	assert_int_equal(blob_check(&s, &m, &used, &id), 0);
	boot_again();
	assert_int_equal(blob_check(&s, &m, &synced, &id), 0);
	assert_int_equal(blob_check(&s, &m, &used, &id), ERR_CORRUPT);
	assert_false(blob_exists(&s, &used));
	/* "It is there already" is no more believed than a hit. */
	write_output("stored after the cut", 0644);
	assert_int_equal(blob_put(&s, &m, &p, &stored), 0);
	assert_false(p.existed);
	boot_again();
	assert_int_equal(blob_check(&s, &m, &stored, &id), 0);
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
		cmocka_unit_test(links_share_copies_do_not),
		cmocka_unit_test(equal_bytes_are_one_blob),
		cmocka_unit_test(adopted_files_become_blobs),
		cmocka_unit_test(a_damaged_blob_is_replaced),
		cmocka_unit_test(checks_find_damage_and_remove_it),
		cmocka_unit_test(checks_work_without_a_memo),
		cmocka_unit_test(only_regular_files_are_stored),
		cmocka_unit_test(publishing_makes_lost_blobs_again),
		cmocka_unit_test(
			after_another_boot_unsynced_blobs_are_not_believed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
