/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/incremental_gc.h"

#include "base/buf.h"
#include "base/dir.h"
#include "base/file.h"
#include "base/record.h"
#include "store/gc_steps.h"
#include "store/incremental_index.h"
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
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define DAY_NS ((int64_t)86400 * 1000000000)

static struct store s;
static int64_t now;
static char base[96]; /* holds target directories; no link leads to it */

static void
below(const char *target, const char *rest, char path[256])
{
	snprintf(path, 256, "%s/%s%s", base, target, rest);
}

static void
age_path(int dir, const char *path, int days)
{
	int64_t t = (now - days * DAY_NS) / 1000000000;
	struct timespec both[2] = { { .tv_sec = t }, { .tv_sec = t } };

	assert_int_equal(utimensat(dir, path, both, AT_SYMLINK_NOFOLLOW), 0);
}

static void
age(const char *target, const char *rest, int days)
{
	char path[256];

	below(target, rest, path);
	age_path(AT_FDCWD, path, days);
}

static void
make_file(const char *target, const char *rest)
{
	char path[256];
	int fd;

	below(target, rest, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, path, sizeof(path)), 0);
	close(fd);
}

static void
make_dir(const char *target, const char *rest)
{
	char path[256];

	below(target, rest, path);
	assert_int_equal(file_mkdirs(path, 0755), 0);
}

static void
remove_dir(const char *target, const char *rest)
{
	char path[256];

	below(target, rest, path);
	assert_int_equal(rmdir(path), 0);
}

#define CRATE "/incremental/a-1x2y"
#define SESSION CRATE "/s-abc-def-working"
#define LOCK CRATE "/s-abc-def.lock"

static void
note_of(const char *target, char note[INCREMENTAL_INDEX_NAME])
{
	char path[256];

	/* A note for removal has the same name, and is then replaced. */
	below(target, "/incremental", path);
	assert_int_equal(incremental_index_leave(&s, path, note), 0);
	assert_int_equal(unlinkat(s.dir, note, 0), 0);
	incremental_index_seen(&s, path);
}

static void
age_all(const char *target, int days)
{
	age(target, SESSION, days);
	age(target, CRATE, days);
	age(target, "/incremental", days);
}

/* What rustc leaves below TARGET, noted and used DAYS ago. */
static void
make_state(const char *target, int days)
{
	char note[INCREMENTAL_INDEX_NAME];

	make_dir(target, SESSION);
	make_file(target, SESSION "/dep-graph.bin");
	make_file(target, LOCK);
	make_file(target, "/.cargo-lock");
	note_of(target, note);
	age_all(target, days);
	age_path(s.dir, note, days);
}

static bool
is_there(const char *target)
{
	char path[256];

	below(target, SESSION "/dep-graph.bin", path);
	return access(path, F_OK) == 0;
}

static size_t
notes(void)
{
	struct dir_names names;
	size_t n;

	assert_int_equal(dir_list(s.dir, "incremental", 0, &names), 0);
	n = names.count;
	dir_names_free(&names);
	return n;
}

/* Names below TARGET: nothing that was renamed may be left. */
static size_t
names_below(const char *target)
{
	struct dirent *e;
	size_t n = 0;
	char path[256];
	DIR *d;

	below(target, "", path);
	d = opendir(path);
	assert_non_null(d);
	for (e = readdir(d); e; e = readdir(d))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return n;
}

static struct incremental_gc
sweep(void)
{
	struct incremental_gc w = { .now = now, .max_age = 30 * DAY_NS };

	assert_int_equal(incremental_gc(&s, &w), 0);
	return w;
}

static void
unused_directories_go(void **state)
{
	struct incremental_gc w = { .now = now,
				    .max_age = 30 * DAY_NS,
				    .dry_run = true };

	(void)state;
	make_state("old", 31);
	make_state("young", 29);
	assert_int_equal(incremental_gc(&s, &w), 0);
	assert_int_equal(w.dirs, 1);
	assert_true(w.bytes > 0);
	assert_true(is_there("old"));
	w = sweep();
	assert_int_equal(w.dirs, 1);
	assert_int_equal(w.left, 0);
	assert_true(w.bytes > 0);
	assert_false(is_there("old"));
	assert_int_equal(names_below("old"), 1); /* .cargo-lock */
	assert_true(is_there("young"));
	assert_int_equal(notes(), 1);
	w = (struct incremental_gc){ .now = now + 365 * DAY_NS };
	assert_int_equal(incremental_gc(&s, &w), 0);
	assert_int_equal(w.dirs, 0);
}

/* Without a note nothing is touched, whatever it is called. */
static void
others_stay(void **state)
{
	(void)state;
	make_dir("unseen", SESSION);
	make_file("unseen", SESSION "/dep-graph.bin");
	age_all("unseen", 400);
	assert_int_equal(sweep().dirs, 0);
	assert_true(is_there("unseen"));
}

/* Builds without the wrapper write no note. */
static void
use_without_a_note_counts(void **state)
{
	(void)state;
	make_state("quiet", 40);
	age("quiet", CRATE, 3);
	assert_int_equal(sweep().left, 1);
	assert_true(is_there("quiet"));
}

static void
check_locked(const char *rest)
{
	char path[256];
	int fd;

	make_state("locked", 40);
	below("locked", rest, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_SH | LOCK_NB), 0);
	assert_int_equal(sweep().dirs, 0);
	assert_true(is_there("locked"));
	close(fd);
	assert_int_equal(sweep().dirs, 1);
	assert_false(is_there("locked"));
}

static void
locks_of_rustc_and_cargo_hold(void **state)
{
	(void)state;
	check_locked(LOCK);
	check_locked("/.cargo-lock");
}

static void
what_is_not_of_rustc_stays(void **state)
{
	static const char *const odd[] = { "/incremental/notes.txt",
					   CRATE "/notes.txt",
					   CRATE "/s-abc.txt" };

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		char path[256];

		make_state("odd", 40);
		make_file("odd", odd[i]);
		age_all("odd", 40);
		assert_int_equal(sweep().dirs, 0);
		assert_true(is_there("odd"));
		below("odd", odd[i], path);
		assert_int_equal(unlink(path), 0);
	}
	make_dir("odd", CRATE "/src");
	age_all("odd", 40);
	assert_int_equal(sweep().dirs, 0);
	remove_dir("odd", CRATE "/src");
	make_dir("odd", "/incremental/src");
	age("odd", "/incremental/src", 40);
	age_all("odd", 40);
	assert_int_equal(sweep().dirs, 0);
	remove_dir("odd", "/incremental/src");
	age_all("odd", 40);
	assert_int_equal(sweep().dirs, 1);
}

/* A link anywhere on the way: left.  A link inside: only the link goes. */
static void
links_are_not_followed(void **state)
{
	char from[256], to[256], path[256];

	(void)state;
	make_state("real", 40);
	below("real", "", from);
	below("moved", "", to);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(symlink(to, from), 0);
	assert_int_equal(sweep().dirs, 0);
	assert_true(is_there("moved"));
	assert_int_equal(unlink(from), 0);
	assert_int_equal(rename(to, from), 0);
	make_dir("other", "/precious");
	make_file("other", "/precious/file");
	below("other", "/precious", to);
	below("real", SESSION "/link", path);
	assert_int_equal(symlink(to, path), 0);
	age_all("real", 40);
	assert_int_equal(sweep().dirs, 1);
	below("other", "/precious/file", path);
	assert_int_equal(access(path, F_OK), 0);
}

/* Another user's, whole or in part. */
static void
others_own_theirs(void **state)
{
	static const char *const parts[] = { "/incremental", CRATE, SESSION };
	enum { SOMEBODY = 12345 };

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < 3; i++) {
		char path[256];

		make_state("theirs", 40);
		below("theirs", parts[i], path);
		assert_int_equal(chown(path, SOMEBODY, SOMEBODY), 0);
		assert_int_equal(sweep().dirs, 0);
		assert_true(is_there("theirs"));
		assert_int_equal(chown(path, 0, 0), 0);
	}
	assert_int_equal(sweep().dirs, 1);
}

/* A mount of the same file system has the same device number. */
static void
mounts_are_not_crossed(void **state)
{
	char from[256], to[256];

	(void)state;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip();
	make_dir("apart", "/precious");
	make_file("apart", "/precious/file");
	make_state("mounted", 40);
	below("apart", "/precious", from);
	below("mounted", SESSION, to);
	assert_int_equal(mount(from, to, NULL, MS_BIND, NULL), 0);
	age_all("mounted", 40);
	assert_int_equal(sweep().dirs, 0);
	below("apart", "/precious/file", from);
	assert_int_equal(access(from, F_OK), 0);
	assert_int_equal(umount2(to, MNT_DETACH), 0);
	age_all("mounted", 40);
	assert_int_equal(sweep().dirs, 1);
}

static void
notes_of_what_is_gone_are_forgotten(void **state)
{
	char path[256], away[256];
	struct incremental_gc w;
	size_t before = notes();

	(void)state;
	make_state("gone", 1);
	assert_int_equal(notes(), before + 1);
	below("gone", "", path);
	below("away", "", away);
	assert_int_equal(rename(path, away), 0);
	w = sweep();
	assert_int_equal(w.notes, 1);
	assert_int_equal(notes(), before);
}

static bool
stop_after(void *ctx, uint64_t done, uint64_t total)
{
	int *left = ctx;

	(void)done;
	(void)total;
	return (*left)-- > 0;
}

/* Ended while it removes: nobody else would ever find what was renamed. */
static void
the_next_sweep_goes_on(void **state)
{
	bool partly = false;

	(void)state;
	for (int stop = 0; stop < 12; stop++) {
		int left = stop;
		struct gc_steps steps = { .go_on = stop_after, .ctx = &left };
		struct incremental_gc w = { .now = now,
					    .max_age = 30 * DAY_NS,
					    .steps = &steps };

		make_state("halved", 40);
		incremental_gc(&s, &w);
		partly = partly || (w.dirs == 0 && !is_there("halved"));
		/* Its age no longer matters. */
		w = (struct incremental_gc){ .now = now };
		assert_int_equal(incremental_gc(&s, &w), 0);
		assert_true(is_there("halved") || names_below("halved") == 1);
	}
	assert_true(partly);
}

static void
later_notes_are_left_alone(void **state)
{
	char note[INCREMENTAL_INDEX_NAME];
	struct buf b = { 0 };

	(void)state;
	make_state("newer", 40);
	note_of("newer", note);
	record_seal(&b, 'd', 2, "\x90", 1);
	assert_int_equal(file_publish(s.dir, "tmp/n", note, b.p, b.len), 0);
	age_path(s.dir, note, 40);
	assert_int_equal(sweep().dirs, 0);
	assert_int_equal(faccessat(s.dir, note, F_OK, 0), 0);
	assert_true(is_there("newer"));
	assert_int_equal(unlinkat(s.dir, note, 0), 0);
	buf_free(&b);
}

/* A hit costs a stat: the file is written once, its time moves once a day. */
static void
a_note_is_cheap(void **state)
{
	struct stat first, again;
	char path[256], note[INCREMENTAL_INDEX_NAME];
	struct incremental_index n;

	(void)state;
	make_state("noted", 0);
	note_of("noted", note);
	below("noted", "/incremental", path);
	assert_int_equal(incremental_index_read(&s, note, &n), 0);
	assert_string_equal(n.path, path);
	assert_false(n.leaving);
	age_path(s.dir, note, 0);
	assert_int_equal(fstatat(s.dir, note, &first, 0), 0);
	incremental_index_seen(&s, path);
	assert_int_equal(fstatat(s.dir, note, &again, 0), 0);
	assert_int_equal(first.st_ino, again.st_ino);
	assert_int_equal(first.st_ctim.tv_nsec, again.st_ctim.tv_nsec);
	age_path(s.dir, note, 2);
	incremental_index_seen(&s, path);
	assert_int_equal(fstatat(s.dir, note, &again, 0), 0);
	assert_int_equal(first.st_ino, again.st_ino);
	assert_true(again.st_mtim.tv_sec > (now - DAY_NS) / 1000000000);
	incremental_index_seen(&s, "relative");
	incremental_index_seen(&s, "/nowhere/at/all");
	assert_int_equal(unlinkat(s.dir, note, 0), 0);
}

/* The name below TARGET that a sweep renamed to. */
static bool
find_gone(const char *target, char path[256])
{
	char dir[256];
	struct dirent *e;
	bool found = false;
	DIR *d;

	below(target, "", dir);
	d = opendir(dir);
	assert_non_null(d);
	for (e = readdir(d); e && !found; e = readdir(d)) {
		found = !strncmp(e->d_name, ".kache-gone-", 12);
		if (found)
			snprintf(path, 256, "%s/%.100s", dir, e->d_name);
	}
	closedir(d);
	return found;
}

/* Once it is renamed and about to be emptied. */
static bool
while_removing(void *ctx, uint64_t done, uint64_t total)
{
	bool *swapped = ctx;
	char gone[256], away[256], mine[256];
	int fd;

	(void)done;
	(void)total;
	if (*swapped || !find_gone("swap", gone))
		return true;
	*swapped = true;
	below("swap", "/.cargo-lock", away);
	fd = open(away, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	below("swap", "/away", away);
	below("mine", "", mine);
	assert_int_equal(rename(gone, away), 0);
	assert_int_equal(rename(mine, gone), 0);
	return true;
}

/* What was looked at goes, not what has its name by now; and cargo need not
 * wait for it. */
static void
only_what_was_looked_at_goes(void **state)
{
	bool swapped = false;
	struct gc_steps steps = { .go_on = while_removing, .ctx = &swapped };
	struct incremental_gc w = { .now = now,
				    .max_age = 30 * DAY_NS,
				    .steps = &steps };
	char gone[256], file[300];

	(void)state;
	make_state("swap", 40);
	make_dir("mine", "/s-abc");
	make_file("mine", "/s-abc/precious");
	assert_int_equal(incremental_gc(&s, &w), 0);
	assert_true(swapped);
	assert_true(find_gone("swap", gone));
	snprintf(file, sizeof(file), "%s/s-abc/precious", gone);
	assert_int_equal(access(file, F_OK), 0);
	/* Nor by the note that the sweep left. */
	assert_int_equal(sweep().dirs, 0);
	assert_int_equal(access(file, F_OK), 0);
}

/* By a link 40 days ago, by its own name today: or the other way round. */
static void
the_latest_of_two_notes_counts(void **state)
{
	char note[INCREMENTAL_INDEX_NAME], by_link[INCREMENTAL_INDEX_NAME],
		from[256], to[256];
	struct incremental_gc w;

	(void)state;
	make_state("twice", 40);
	note_of("twice", note);
	below("twice", "", to);
	below("link", "", from);
	assert_int_equal(symlink(to, from), 0);
	note_of("link", by_link);
	age_path(s.dir, note, 0);
	age_path(s.dir, by_link, 40);
	age_all("twice", 40);
	assert_int_equal(sweep().dirs, 0);
	age_path(s.dir, note, 40);
	age_path(s.dir, by_link, 0);
	assert_int_equal(sweep().dirs, 0);
	assert_true(is_there("twice"));
	age_path(s.dir, by_link, 40);
	w = (struct incremental_gc){ .now = now,
				     .max_age = 30 * DAY_NS,
				     .dry_run = true };
	assert_int_equal(incremental_gc(&s, &w), 0);
	assert_int_equal(w.dirs, 1);
	assert_int_equal(sweep().dirs, 1);
	assert_int_equal(faccessat(s.dir, note, F_OK, 0), -1);
	sweep();
	assert_int_equal(faccessat(s.dir, by_link, F_OK, 0), -1);
}

static int
set_up(void **state)
{
	char dir[128], *real;

	if (testdir_make(state) < 0)
		return -1;
	real = realpath(testdir, NULL);
	if (!real)
		return -1;
	snprintf(base, sizeof(base), "%s", real);
	free(real);
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
		cmocka_unit_test(unused_directories_go),
		cmocka_unit_test(others_stay),
		cmocka_unit_test(use_without_a_note_counts),
		cmocka_unit_test(locks_of_rustc_and_cargo_hold),
		cmocka_unit_test(what_is_not_of_rustc_stays),
		cmocka_unit_test(links_are_not_followed),
		cmocka_unit_test(notes_of_what_is_gone_are_forgotten),
		cmocka_unit_test(the_next_sweep_goes_on),
		cmocka_unit_test(later_notes_are_left_alone),
		cmocka_unit_test(a_note_is_cheap),
		cmocka_unit_test(only_what_was_looked_at_goes),
		cmocka_unit_test(the_latest_of_two_notes_counts),
		cmocka_unit_test(others_own_theirs),
		cmocka_unit_test(mounts_are_not_crossed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
