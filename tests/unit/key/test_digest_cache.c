/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/digest_cache.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

enum { ADDERS = 4, ADDS = 500 };

static int at;

static void
write_file(const char *name, const char *text, int age)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
				 { .tv_sec = file_now() / 1000000000 - age } };
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0644);

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	assert_int_equal(futimens(fd, t), 0);
	close(fd);
}

static void
digests_are_of_the_content(void **state)
{
	struct digest d, want;
	struct file_id id;
	struct digest_cache m;

	(void)state;
	digest_cache_open(&m, at);
	write_file("a", "content", 60);
	digest_bytes("content", 7, &want);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(digest_cache_digest(&m, at, "a", &d, &id), 0);
		assert_true(digest_eq(&d, &want));
		assert_int_equal(id.size, 7);
	}
	write_file("a", "CONTENT", 60);
	digest_bytes("CONTENT", 7, &want);
	assert_int_equal(digest_cache_digest(&m, at, "a", &d, &id), 0);
	assert_true(digest_eq(&d, &want));
	assert_true(digest_cache_digest(&m, at, "none", &d, &id) < 0);
	digest_cache_close(&m);
}

/* Same size, same mtime, written in place: only the ctime tells. */
static void
a_put_back_mtime_does_not_fool_it(void **state)
{
	struct digest d, want;
	struct file_id id;
	struct digest_cache m;

	(void)state;
	digest_cache_open(&m, at);
	write_file("b", "one", 60);
	assert_int_equal(digest_cache_digest(&m, at, "b", &d, &id), 0);
	write_file("b", "two", 60);
	digest_bytes("two", 3, &want);
	assert_int_equal(digest_cache_digest(&m, at, "b", &d, &id), 0);
	assert_true(digest_eq(&d, &want));
	digest_cache_close(&m);
}

static void
young_foreign_files_are_not_remembered(void **state)
{
	struct digest d;
	struct file_id id;
	struct digest_cache m;

	(void)state;
	digest_cache_open(&m, at);
	write_file("young", "x", 0);
	assert_int_equal(digest_cache_digest(&m, at, "young", &d, &id), 0);
	assert_int_equal(digest_cache_get(&m, &id, &d), ERR_MISS);
	digest_cache_close(&m);
}

static void
own_rows_survive_links(void **state)
{
	struct digest d, want;
	struct file_id id;
	struct digest_cache m;

	(void)state;
	digest_cache_open(&m, at);
	write_file("own", "mine", 0);
	digest_bytes("mine", 4, &want);
	assert_int_equal(file_id_at(at, "own", &id), 0);
	digest_cache_put_own(&m, &id, &want);
	assert_int_equal(file_link(at, "own", at, "own2"), 0);
	assert_int_equal(file_id_at(at, "own2", &id), 0);
	assert_int_equal(digest_cache_get_own(&m, &id, &d), 0);
	assert_true(digest_eq(&d, &want));
	id.size++;
	assert_int_equal(digest_cache_get_own(&m, &id, &d), ERR_MISS);
	digest_cache_close(&m);
	digest_cache_open(&m, at);
	id.size--;
	assert_int_equal(digest_cache_get_own(&m, &id, &d), 0);
	digest_cache_close(&m);
}

static void
a_damaged_file_only_misses(void **state)
{
	char *junk = malloc(DIGEST_CACHE_HEAD + 4096);
	struct digest d, want;
	struct file_id id;
	struct digest_cache m;
	int fd;

	(void)state;
	digest_cache_open(&m, at);
	digest_cache_close(&m);
	memset(junk, 0x5a, DIGEST_CACHE_HEAD + 4096);
	fd = openat(at, "memo", O_WRONLY | O_CLOEXEC);
	assert_int_equal(file_write_fd(fd, junk, DIGEST_CACHE_HEAD + 4096), 0);
	close(fd);
	digest_cache_open(&m, at);
	write_file("c", "text", 60);
	digest_bytes("text", 4, &want);
	assert_int_equal(digest_cache_digest(&m, at, "c", &d, &id), 0);
	assert_true(digest_eq(&d, &want));
	digest_cache_close(&m);
	assert_int_equal(unlinkat(at, "memo", 0), 0);
	free(junk);
}

static void
without_a_file_everything_misses(void **state)
{
	struct digest d, want;
	struct file_id id;
	struct digest_cache m;

	(void)state;
	digest_cache_open(&m, -1);
	write_file("d", "text", 60);
	digest_bytes("text", 4, &want);
	assert_int_equal(digest_cache_digest(&m, at, "d", &d, &id), 0);
	assert_true(digest_eq(&d, &want));
	digest_cache_put_own(&m, &id, &d);
	assert_int_equal(digest_cache_get_own(&m, &id, &d), ERR_MISS);
	digest_cache_add_stored(&m, 5);
	digest_cache_close(&m);
}

static void
only_regular_files_have_digests(void **state)
{
	struct digest d;
	struct file_id id;
	struct digest_cache m;

	(void)state;
	digest_cache_open(&m, at);
	assert_int_equal(mkfifoat(at, "fifo", 0600), 0);
	assert_int_equal(digest_cache_digest(&m, at, "fifo", &d, &id),
			 ERR_REFUSED);
	assert_int_equal(digest_cache_digest(&m, at, ".", &d, &id),
			 ERR_REFUSED);
	digest_cache_close(&m);
}

static void
stored_bytes_add_up(void **state)
{
	struct digest_cache m;

	(void)state;
	digest_cache_open(&m, at);
	digest_cache_swept(&m, 1000);
	assert_int_equal(digest_cache_add_stored(&m, 500), 1500);
	assert_int_equal(digest_cache_add_stored(&m, 1), 1501);
	digest_cache_close(&m);
	digest_cache_open(&m, at);
	assert_int_equal(digest_cache_add_stored(&m, 0), 1501);
	digest_cache_swept(&m, 10);
	assert_int_equal(digest_cache_add_stored(&m, 0), 10);
	digest_cache_close(&m);
}

/* The one row that is not empty; the file was made for it. */
static off_t
only_row(int fd)
{
	static const char empty[DIGEST_CACHE_ROW];
	char row[DIGEST_CACHE_ROW];

	for (off_t off = DIGEST_CACHE_HEAD;
	     pread(fd, row, DIGEST_CACHE_ROW, off) == DIGEST_CACHE_ROW;
	     off += DIGEST_CACHE_ROW)
		if (memcmp(row, empty, DIGEST_CACHE_ROW))
			return off;
	fail();
	return -1;
}

static struct file_id
some_id(void)
{
	return (struct file_id){ .dev = 1,
				 .ino = 2,
				 .size = 3,
				 .mtime = 4,
				 .ctime = 5,
				 .mode = S_IFREG | 0644 };
}

/* A fresh memo with one row of ours. */
static void
open_fresh(struct digest_cache *m, struct digest *d)
{
	struct file_id id = some_id();

	unlinkat(at, "memo", 0);
	digest_cache_open(m, at);
	assert_true(m->fd >= 0);
	digest_bytes("row", 3, d);
	digest_cache_put_own(m, &id, d);
}

static void
every_flipped_bit_of_a_row_is_a_miss(void **state)
{
	struct file_id id = some_id();
	struct digest d, back;
	char row[DIGEST_CACHE_ROW];
	struct digest_cache m;
	off_t off;

	(void)state;
	open_fresh(&m, &d);
	off = only_row(m.fd);
	assert_int_equal(pread(m.fd, row, DIGEST_CACHE_ROW, off),
			 DIGEST_CACHE_ROW);
	for (int i = 0; i < DIGEST_CACHE_ROW * 8; i++) {
		row[i / 8] ^= (char)(1 << i % 8);
		assert_int_equal(pwrite(m.fd, row, DIGEST_CACHE_ROW, off),
				 DIGEST_CACHE_ROW);
		assert_int_equal(digest_cache_get_own(&m, &id, &back),
				 ERR_MISS);
		row[i / 8] ^= (char)(1 << i % 8);
	}
	/* Torn: the first half of a row, the rest of another. */
	memset(row + DIGEST_CACHE_ROW / 2, 0x5a, DIGEST_CACHE_ROW / 2);
	assert_int_equal(pwrite(m.fd, row, DIGEST_CACHE_ROW, off),
			 DIGEST_CACHE_ROW);
	assert_int_equal(digest_cache_get_own(&m, &id, &back), ERR_MISS);
	digest_cache_put_own(&m, &id, &d);
	assert_int_equal(digest_cache_get_own(&m, &id, &back), 0);
	digest_cache_close(&m);
}

static void
rows_in_the_span_of_doubt_are_not_believed(void **state)
{
	struct file_id id = some_id();
	struct digest d, back;
	struct digest_cache m;
	int64_t before = file_now();

	(void)state;
	open_fresh(&m, &d);
	assert_int_equal(digest_cache_get_own(&m, &id, &back), 0);
	m.doubt_from = before;
	m.doubt_to = file_now();
	assert_int_equal(digest_cache_get_own(&m, &id, &back), ERR_MISS);
	m.doubt_to = before + 1;
	assert_int_equal(digest_cache_get_own(&m, &id, &back), 0);
	/* Hashed anew it is known again. */
	m.doubt_to = file_now();
	digest_cache_put_own(&m, &id, &d);
	assert_int_equal(digest_cache_get_own(&m, &id, &back), 0);
	digest_cache_close(&m);
}

/* As after a power cut: the head is of another boot. */
static void
a_reboot_widens_the_doubt_to_the_last_sync(void **state)
{
	struct file_id id = some_id(), late = some_id();
	struct digest d, back;
	struct digest_cache_state head;
	struct digest_cache m;

	(void)state;
	open_fresh(&m, &d);
	digest_cache_set_synced(&m, file_now());
	digest_cache_look(&m, &head);
	assert_true(head.synced > 0);
	late.ino = 77;
	digest_cache_put_own(&m, &late, &d);
	assert_int_equal(pwrite(m.fd, "another boot", 12, 8), 12);
	digest_cache_close(&m);
	digest_cache_open(&m, at);
	assert_int_equal(digest_cache_get_own(&m, &id, &back), 0);
	assert_int_equal(digest_cache_get_own(&m, &late, &back), ERR_MISS);
	digest_cache_close(&m);
	/* The next process finds the doubt done, and still there. */
	digest_cache_open(&m, at);
	assert_int_equal(digest_cache_get_own(&m, &late, &back), ERR_MISS);
	digest_cache_put_own(&m, &late, &d);
	assert_int_equal(digest_cache_get_own(&m, &late, &back), 0);
	digest_cache_close(&m);
}

static void
all_of_a_stat_tells_files_apart(void **state)
{
	struct file_id id = some_id();
	struct digest d, back;
	struct digest_cache m;

	(void)state;
	open_fresh(&m, &d);
	id.ctime++;
	assert_int_equal(digest_cache_get_own(&m, &id, &back), 0);
	assert_int_equal(digest_cache_get(&m, &id, &back), 0);
	id.dev++;
	assert_int_equal(digest_cache_get(&m, &id, &back), ERR_MISS);
	id = some_id();
	id.ino++;
	assert_int_equal(digest_cache_get(&m, &id, &back), ERR_MISS);
	id = some_id();
	id.size++;
	assert_int_equal(digest_cache_get(&m, &id, &back), ERR_MISS);
	id = some_id();
	id.mtime++;
	assert_int_equal(digest_cache_get(&m, &id, &back), ERR_MISS);
	id = some_id();
	id.mode ^= 0111;
	assert_int_equal(digest_cache_get(&m, &id, &back), ERR_MISS);
	/* A foreign row is no row of ours. */
	write_file("foreign", "text", 60);
	assert_int_equal(digest_cache_digest(&m, at, "foreign", &d, &id), 0);
	assert_int_equal(digest_cache_get_own(&m, &id, &back), ERR_MISS);
	digest_cache_close(&m);
}

/* More rows than there are places: each answer is right or a miss. */
static void
full_buckets_forget_the_oldest(void **state)
{
	enum { MANY = 2000 };
	struct file_id id = some_id();
	struct digest d, back;
	struct digest_cache m;
	int known = 0;

	(void)state;
	open_fresh(&m, &d);
	for (uint64_t i = 0; i < MANY; i++) {
		id.ino = i;
		digest_bytes(&i, sizeof(i), &d);
		digest_cache_put_own(&m, &id, &d);
		assert_int_equal(digest_cache_get_own(&m, &id, &back), 0);
	}
	for (uint64_t i = 0; i < MANY; i++) {
		id.ino = i;
		digest_bytes(&i, sizeof(i), &d);
		if (digest_cache_get_own(&m, &id, &back) == 0) {
			assert_true(digest_eq(&d, &back));
			known++;
		}
	}
	assert_true(known > MANY * 99 / 100);
	digest_cache_close(&m);
}

static void
the_head_says_when_to_sweep(void **state)
{
	struct digest_cache_state st;
	struct digest d;
	struct digest_cache m;

	(void)state;
	open_fresh(&m, &d);
	digest_cache_look(&m, &st);
	assert_false(st.unsynced);
	digest_cache_swept(&m, 0);
	digest_cache_add_stored(&m, 1101);
	digest_cache_look(&m, &st);
	assert_int_equal(st.stored, 1101);
	assert_true(st.unsynced);
	assert_true(digest_cache_over(&st, 1000, DIGEST_CACHE_OVER));
	assert_false(digest_cache_over(&st, 1000, DIGEST_CACHE_FAR_OVER));
	assert_false(digest_cache_over(&st, 1100, DIGEST_CACHE_OVER));
	assert_false(digest_cache_over(&st, 0, DIGEST_CACHE_OVER));
	/* A sweep that spared what is in use is not repeated at once. */
	digest_cache_swept(&m, 1300);
	digest_cache_look(&m, &st);
	assert_int_equal(st.left, 1300);
	assert_true(st.swept > 0);
	assert_false(digest_cache_over(&st, 1000, DIGEST_CACHE_OVER));
	digest_cache_add_stored(&m, 101);
	digest_cache_look(&m, &st);
	assert_true(digest_cache_over(&st, 1000, DIGEST_CACHE_OVER));
	digest_cache_swept(&m, 1300);
	digest_cache_look(&m, &st);
	st.swept -= (int64_t)301 * 1000000000;
	assert_true(digest_cache_over(&st, 1000, DIGEST_CACHE_OVER));
	/* What is stored while a sync is under way is not synced. */
	digest_cache_set_synced(&m, file_now());
	digest_cache_look(&m, &st);
	assert_false(st.unsynced);
	digest_cache_set_synced(&m, 1);
	digest_cache_look(&m, &st);
	assert_true(st.unsynced);
	digest_cache_close(&m);
}

static void
what_is_stored_during_a_sweep_counts(void **state)
{
	struct digest_cache_state st;
	struct digest_cache m, other;

	(void)state;
	digest_cache_open(&m, at);
	digest_cache_open(&other, at);
	digest_cache_swept(&m, 1000);
	digest_cache_sweep_begins(&m);
	digest_cache_add_stored(&other, 70);
	digest_cache_swept(&m, 400);
	digest_cache_look(&m, &st);
	assert_int_equal(st.stored, 470);
	assert_int_equal(st.left, 400);
	/* Only for the sweep that it began. */
	digest_cache_add_stored(&other, 30);
	digest_cache_swept(&m, 300);
	digest_cache_look(&m, &st);
	assert_int_equal(st.stored, 300);
	/* Another sweep ended meanwhile. */
	digest_cache_sweep_begins(&m);
	digest_cache_swept(&other, 10);
	digest_cache_swept(&m, 200);
	digest_cache_look(&m, &st);
	assert_int_equal(st.stored, 200);
	digest_cache_close(&other);
	digest_cache_close(&m);
}

static void
a_sweep_that_failed_is_not_repeated_at_once(void **state)
{
	struct digest_cache_state st;
	struct digest_cache m;

	(void)state;
	digest_cache_open(&m, at);
	digest_cache_swept(&m, 0);
	digest_cache_add_stored(&m, 2000);
	digest_cache_look(&m, &st);
	assert_true(digest_cache_over(&st, 1000, DIGEST_CACHE_OVER));
	st.synced = st.swept = file_now() - (int64_t)601 * 1000000000;
	assert_true(digest_cache_late(&st, DIGEST_CACHE_SYNC_S));
	assert_false(digest_cache_late(&st, 2 * DIGEST_CACHE_SYNC_S));
	digest_cache_sweep_failed(&m);
	digest_cache_look(&m, &st);
	assert_int_equal(st.stored, 2000);
	assert_false(digest_cache_over(&st, 1000, DIGEST_CACHE_OVER));
	st.synced = file_now() - (int64_t)601 * 1000000000;
	assert_false(digest_cache_late(&st, DIGEST_CACHE_SYNC_S));
	st.swept -= (int64_t)301 * 1000000000;
	assert_true(digest_cache_over(&st, 1000, DIGEST_CACHE_OVER));
	assert_true(digest_cache_late(&st, DIGEST_CACHE_SYNC_S));
	digest_cache_add_stored(&m, 101);
	digest_cache_look(&m, &st);
	assert_true(digest_cache_over(&st, 1000, DIGEST_CACHE_OVER));
	digest_cache_close(&m);
}

static void
a_later_versions_memo_is_left_alone(void **state)
{
	struct file_id id = some_id();
	struct digest d, back;
	char head[8];
	struct digest_cache m;
	int fd;

	(void)state;
	open_fresh(&m, &d);
	assert_int_equal(pwrite(m.fd, "kchmem2", 8, 0), 8);
	digest_cache_close(&m);
	digest_cache_open(&m, at);
	assert_int_equal(digest_cache_get_own(&m, &id, &back), ERR_MISS);
	digest_cache_put_own(&m, &id, &d);
	assert_int_equal(digest_cache_add_stored(&m, 5), 0);
	digest_cache_close(&m);
	fd = openat(at, "memo", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
	close(fd);
	assert_string_equal(head, "kchmem2");
	assert_int_equal(unlinkat(at, "memo", 0), 0);
}

static int
set_up(void **state)
{
	if (testdir_make(state) < 0)
		return -1;
	at = open(testdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return at < 0 ? -1 : 0;
}

static void *
add_many(void *m)
{
	for (int i = 0; i < ADDS; i++)
		if (!digest_cache_add_stored(m, 1))
			break;
	return NULL;
}

/* The daemon's workers and its sweeper have one memo. */
static void
threads_lose_no_bytes(void **state)
{
	pthread_t t[ADDERS];
	struct digest_cache m;
	uint64_t before;

	(void)state;
	digest_cache_open(&m, at);
	before = digest_cache_add_stored(&m, 1);
	assert_true(before > 0);
	for (int i = 0; i < ADDERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, add_many, &m), 0);
	for (int i = 0; i < ADDERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(digest_cache_add_stored(&m, 1),
			 before + ADDERS * ADDS + 1);
	digest_cache_close(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_of_the_content),
		cmocka_unit_test(a_put_back_mtime_does_not_fool_it),
		cmocka_unit_test(young_foreign_files_are_not_remembered),
		cmocka_unit_test(own_rows_survive_links),
		cmocka_unit_test(a_damaged_file_only_misses),
		cmocka_unit_test(without_a_file_everything_misses),
		cmocka_unit_test(only_regular_files_have_digests),
		cmocka_unit_test(a_later_versions_memo_is_left_alone),
		cmocka_unit_test(stored_bytes_add_up),
		cmocka_unit_test(threads_lose_no_bytes),
		cmocka_unit_test(the_head_says_when_to_sweep),
		cmocka_unit_test(what_is_stored_during_a_sweep_counts),
		cmocka_unit_test(a_sweep_that_failed_is_not_repeated_at_once),
		cmocka_unit_test(rows_in_the_span_of_doubt_are_not_believed),
		cmocka_unit_test(a_reboot_widens_the_doubt_to_the_last_sync),
		cmocka_unit_test(every_flipped_bit_of_a_row_is_a_miss),
		cmocka_unit_test(all_of_a_stat_tells_files_apart),
		cmocka_unit_test(full_buckets_forget_the_oldest),
	};

	return cmocka_run_group_tests(tests, set_up, testdir_remove);
}
