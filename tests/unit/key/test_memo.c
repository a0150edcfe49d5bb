/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/memo.h"

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
	struct memo m;

	(void)state;
	memo_open(&m, at);
	write_file("a", "content", 60);
	digest_bytes("content", 7, &want);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(memo_digest(&m, at, "a", &d, &id), 0);
		assert_true(digest_eq(&d, &want));
		assert_int_equal(id.size, 7);
	}
	write_file("a", "CONTENT", 60);
	digest_bytes("CONTENT", 7, &want);
	assert_int_equal(memo_digest(&m, at, "a", &d, &id), 0);
	assert_true(digest_eq(&d, &want));
	assert_true(memo_digest(&m, at, "none", &d, &id) < 0);
	memo_close(&m);
}

/* Same size, same mtime, written in place: only the ctime tells. */
static void
a_put_back_mtime_does_not_fool_it(void **state)
{
	struct digest d, want;
	struct file_id id;
	struct memo m;

	(void)state;
	memo_open(&m, at);
	write_file("b", "one", 60);
	assert_int_equal(memo_digest(&m, at, "b", &d, &id), 0);
	write_file("b", "two", 60);
	digest_bytes("two", 3, &want);
	assert_int_equal(memo_digest(&m, at, "b", &d, &id), 0);
	assert_true(digest_eq(&d, &want));
	memo_close(&m);
}

static void
young_foreign_files_are_not_remembered(void **state)
{
	struct digest d;
	struct file_id id;
	struct memo m;

	(void)state;
	memo_open(&m, at);
	write_file("young", "x", 0);
	assert_int_equal(memo_digest(&m, at, "young", &d, &id), 0);
	assert_int_equal(memo_get(&m, &id, &d), ERR_MISS);
	memo_close(&m);
}

static void
own_rows_survive_links(void **state)
{
	struct digest d, want;
	struct file_id id;
	struct memo m;

	(void)state;
	memo_open(&m, at);
	write_file("own", "mine", 0);
	digest_bytes("mine", 4, &want);
	assert_int_equal(file_id_at(at, "own", &id), 0);
	memo_put_own(&m, &id, &want);
	assert_int_equal(file_link(at, "own", at, "own2"), 0);
	assert_int_equal(file_id_at(at, "own2", &id), 0);
	assert_int_equal(memo_get_own(&m, &id, &d), 0);
	assert_true(digest_eq(&d, &want));
	id.size++;
	assert_int_equal(memo_get_own(&m, &id, &d), ERR_MISS);
	memo_close(&m);
	memo_open(&m, at);
	id.size--;
	assert_int_equal(memo_get_own(&m, &id, &d), 0);
	memo_close(&m);
}

static void
a_damaged_file_only_misses(void **state)
{
	char *junk = malloc(MEMO_HEAD + 4096);
	struct digest d, want;
	struct file_id id;
	struct memo m;
	int fd;

	(void)state;
	memo_open(&m, at);
	memo_close(&m);
	memset(junk, 0x5a, MEMO_HEAD + 4096);
	fd = openat(at, "memo", O_WRONLY | O_CLOEXEC);
	assert_int_equal(file_write_fd(fd, junk, MEMO_HEAD + 4096), 0);
	close(fd);
	memo_open(&m, at);
	write_file("c", "text", 60);
	digest_bytes("text", 4, &want);
	assert_int_equal(memo_digest(&m, at, "c", &d, &id), 0);
	assert_true(digest_eq(&d, &want));
	memo_close(&m);
	assert_int_equal(unlinkat(at, "memo", 0), 0);
	free(junk);
}

static void
without_a_file_everything_misses(void **state)
{
	struct digest d, want;
	struct file_id id;
	struct memo m;

	(void)state;
	memo_open(&m, -1);
	write_file("d", "text", 60);
	digest_bytes("text", 4, &want);
	assert_int_equal(memo_digest(&m, at, "d", &d, &id), 0);
	assert_true(digest_eq(&d, &want));
	memo_put_own(&m, &id, &d);
	assert_int_equal(memo_get_own(&m, &id, &d), ERR_MISS);
	memo_add_stored(&m, 5);
	memo_close(&m);
}

static void
only_regular_files_have_digests(void **state)
{
	struct digest d;
	struct file_id id;
	struct memo m;

	(void)state;
	memo_open(&m, at);
	assert_int_equal(mkfifoat(at, "fifo", 0600), 0);
	assert_int_equal(memo_digest(&m, at, "fifo", &d, &id), ERR_REFUSED);
	assert_int_equal(memo_digest(&m, at, ".", &d, &id), ERR_REFUSED);
	memo_close(&m);
}

static void
stored_bytes_add_up(void **state)
{
	struct memo m;

	(void)state;
	memo_open(&m, at);
	memo_swept(&m, 1000);
	assert_int_equal(memo_add_stored(&m, 500), 1500);
	assert_int_equal(memo_add_stored(&m, 1), 1501);
	memo_close(&m);
	memo_open(&m, at);
	assert_int_equal(memo_add_stored(&m, 0), 1501);
	memo_swept(&m, 10);
	assert_int_equal(memo_add_stored(&m, 0), 10);
	memo_close(&m);
}

/* The one row that is not empty; the file was made for it. */
static off_t
only_row(int fd)
{
	static const char empty[MEMO_ROW];
	char row[MEMO_ROW];

	for (off_t off = MEMO_HEAD; pread(fd, row, MEMO_ROW, off) == MEMO_ROW;
	     off += MEMO_ROW)
		if (memcmp(row, empty, MEMO_ROW))
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
open_fresh(struct memo *m, struct digest *d)
{
	struct file_id id = some_id();

	unlinkat(at, "memo", 0);
	memo_open(m, at);
	assert_true(m->fd >= 0);
	digest_bytes("row", 3, d);
	memo_put_own(m, &id, d);
}

static void
every_flipped_bit_of_a_row_is_a_miss(void **state)
{
	struct file_id id = some_id();
	struct digest d, back;
	char row[MEMO_ROW];
	struct memo m;
	off_t off;

	(void)state;
	open_fresh(&m, &d);
	off = only_row(m.fd);
	assert_int_equal(pread(m.fd, row, MEMO_ROW, off), MEMO_ROW);
	for (int i = 0; i < MEMO_ROW * 8; i++) {
		row[i / 8] ^= (char)(1 << i % 8);
		assert_int_equal(pwrite(m.fd, row, MEMO_ROW, off), MEMO_ROW);
		assert_int_equal(memo_get_own(&m, &id, &back), ERR_MISS);
		row[i / 8] ^= (char)(1 << i % 8);
	}
	/* Torn: the first half of a row, the rest of another. */
	memset(row + MEMO_ROW / 2, 0x5a, MEMO_ROW / 2);
	assert_int_equal(pwrite(m.fd, row, MEMO_ROW, off), MEMO_ROW);
	assert_int_equal(memo_get_own(&m, &id, &back), ERR_MISS);
	memo_put_own(&m, &id, &d);
	assert_int_equal(memo_get_own(&m, &id, &back), 0);
	memo_close(&m);
}

static void
rows_in_the_span_of_doubt_are_not_believed(void **state)
{
	struct file_id id = some_id();
	struct digest d, back;
	struct memo m;
	int64_t before = file_now();

	(void)state;
	open_fresh(&m, &d);
	assert_int_equal(memo_get_own(&m, &id, &back), 0);
	m.doubt_from = before;
	m.doubt_to = file_now();
	assert_int_equal(memo_get_own(&m, &id, &back), ERR_MISS);
	m.doubt_to = before + 1;
	assert_int_equal(memo_get_own(&m, &id, &back), 0);
	/* Hashed anew it is known again. */
	m.doubt_to = file_now();
	memo_put_own(&m, &id, &d);
	assert_int_equal(memo_get_own(&m, &id, &back), 0);
	memo_close(&m);
}

/* As after a power cut: the head is of another boot. */
static void
a_reboot_widens_the_doubt_to_the_last_sync(void **state)
{
	struct file_id id = some_id(), late = some_id();
	struct digest d, back;
	struct memo m;

	(void)state;
	open_fresh(&m, &d);
	memo_set_synced(&m, file_now());
	assert_true(memo_synced(&m) > 0);
	late.ino = 77;
	memo_put_own(&m, &late, &d);
	assert_int_equal(pwrite(m.fd, "another boot", 12, 8), 12);
	memo_close(&m);
	memo_open(&m, at);
	assert_int_equal(memo_get_own(&m, &id, &back), 0);
	assert_int_equal(memo_get_own(&m, &late, &back), ERR_MISS);
	memo_close(&m);
	/* The next process finds the doubt done, and still there. */
	memo_open(&m, at);
	assert_int_equal(memo_get_own(&m, &late, &back), ERR_MISS);
	memo_put_own(&m, &late, &d);
	assert_int_equal(memo_get_own(&m, &late, &back), 0);
	memo_close(&m);
}

static void
all_of_a_stat_tells_files_apart(void **state)
{
	struct file_id id = some_id();
	struct digest d, back;
	struct memo m;

	(void)state;
	open_fresh(&m, &d);
	id.ctime++;
	assert_int_equal(memo_get_own(&m, &id, &back), 0);
	assert_int_equal(memo_get(&m, &id, &back), 0);
	id.dev++;
	assert_int_equal(memo_get(&m, &id, &back), ERR_MISS);
	id = some_id();
	id.ino++;
	assert_int_equal(memo_get(&m, &id, &back), ERR_MISS);
	id = some_id();
	id.size++;
	assert_int_equal(memo_get(&m, &id, &back), ERR_MISS);
	id = some_id();
	id.mtime++;
	assert_int_equal(memo_get(&m, &id, &back), ERR_MISS);
	id = some_id();
	id.mode ^= 0111;
	assert_int_equal(memo_get(&m, &id, &back), ERR_MISS);
	/* A foreign row is no row of ours. */
	write_file("foreign", "text", 60);
	assert_int_equal(memo_digest(&m, at, "foreign", &d, &id), 0);
	assert_int_equal(memo_get_own(&m, &id, &back), ERR_MISS);
	memo_close(&m);
}

/* More rows than there are places: each answer is right or a miss. */
static void
full_buckets_forget_the_oldest(void **state)
{
	enum { MANY = 2000 };
	struct file_id id = some_id();
	struct digest d, back;
	struct memo m;
	int known = 0;

	(void)state;
	open_fresh(&m, &d);
	for (uint64_t i = 0; i < MANY; i++) {
		id.ino = i;
		digest_bytes(&i, sizeof(i), &d);
		memo_put_own(&m, &id, &d);
		assert_int_equal(memo_get_own(&m, &id, &back), 0);
	}
	for (uint64_t i = 0; i < MANY; i++) {
		id.ino = i;
		digest_bytes(&i, sizeof(i), &d);
		if (memo_get_own(&m, &id, &back) == 0) {
			assert_true(digest_eq(&d, &back));
			known++;
		}
	}
	assert_true(known > MANY * 99 / 100);
	memo_close(&m);
}

static void
the_head_says_when_to_sweep(void **state)
{
	struct memo_state st;
	struct digest d;
	struct memo m;

	(void)state;
	open_fresh(&m, &d);
	memo_look(&m, &st);
	assert_false(st.unsynced);
	memo_swept(&m, 0);
	memo_add_stored(&m, 1101);
	memo_look(&m, &st);
	assert_int_equal(st.stored, 1101);
	assert_true(st.unsynced);
	assert_true(memo_over(&st, 1000, MEMO_OVER));
	assert_false(memo_over(&st, 1000, MEMO_FAR_OVER));
	assert_false(memo_over(&st, 1100, MEMO_OVER));
	assert_false(memo_over(&st, 0, MEMO_OVER));
	/* A sweep that spared what is in use is not repeated at once. */
	memo_swept(&m, 1300);
	memo_look(&m, &st);
	assert_int_equal(st.left, 1300);
	assert_true(st.swept > 0);
	assert_false(memo_over(&st, 1000, MEMO_OVER));
	memo_add_stored(&m, 101);
	memo_look(&m, &st);
	assert_true(memo_over(&st, 1000, MEMO_OVER));
	memo_swept(&m, 1300);
	memo_look(&m, &st);
	st.swept -= (int64_t)301 * 1000000000;
	assert_true(memo_over(&st, 1000, MEMO_OVER));
	/* What is stored while a sync is under way is not synced. */
	memo_set_synced(&m, file_now());
	memo_look(&m, &st);
	assert_false(st.unsynced);
	memo_set_synced(&m, 1);
	memo_look(&m, &st);
	assert_true(st.unsynced);
	memo_close(&m);
}

static void
what_is_stored_during_a_sweep_counts(void **state)
{
	struct memo_state st;
	struct memo m, other;

	(void)state;
	memo_open(&m, at);
	memo_open(&other, at);
	memo_swept(&m, 1000);
	memo_sweep_begins(&m);
	memo_add_stored(&other, 70);
	memo_swept(&m, 400);
	memo_look(&m, &st);
	assert_int_equal(st.stored, 470);
	assert_int_equal(st.left, 400);
	/* Only for the sweep that it began. */
	memo_add_stored(&other, 30);
	memo_swept(&m, 300);
	memo_look(&m, &st);
	assert_int_equal(st.stored, 300);
	/* Another sweep ended meanwhile. */
	memo_sweep_begins(&m);
	memo_swept(&other, 10);
	memo_swept(&m, 200);
	memo_look(&m, &st);
	assert_int_equal(st.stored, 200);
	memo_close(&other);
	memo_close(&m);
}

static void
a_sweep_that_failed_is_not_repeated_at_once(void **state)
{
	struct memo_state st;
	struct memo m;

	(void)state;
	memo_open(&m, at);
	memo_swept(&m, 0);
	memo_add_stored(&m, 2000);
	memo_look(&m, &st);
	assert_true(memo_over(&st, 1000, MEMO_OVER));
	st.synced = st.swept = file_now() - (int64_t)601 * 1000000000;
	assert_true(memo_late(&st, MEMO_SYNC_S));
	assert_false(memo_late(&st, 2 * MEMO_SYNC_S));
	memo_sweep_failed(&m);
	memo_look(&m, &st);
	assert_int_equal(st.stored, 2000);
	assert_false(memo_over(&st, 1000, MEMO_OVER));
	st.synced = file_now() - (int64_t)601 * 1000000000;
	assert_false(memo_late(&st, MEMO_SYNC_S));
	st.swept -= (int64_t)301 * 1000000000;
	assert_true(memo_over(&st, 1000, MEMO_OVER));
	assert_true(memo_late(&st, MEMO_SYNC_S));
	memo_add_stored(&m, 101);
	memo_look(&m, &st);
	assert_true(memo_over(&st, 1000, MEMO_OVER));
	memo_close(&m);
}

static void
a_later_versions_memo_is_left_alone(void **state)
{
	struct file_id id = some_id();
	struct digest d, back;
	char head[8];
	struct memo m;
	int fd;

	(void)state;
	open_fresh(&m, &d);
	assert_int_equal(pwrite(m.fd, "kchmem2", 8, 0), 8);
	memo_close(&m);
	memo_open(&m, at);
	assert_int_equal(memo_get_own(&m, &id, &back), ERR_MISS);
	memo_put_own(&m, &id, &d);
	assert_int_equal(memo_add_stored(&m, 5), 0);
	memo_close(&m);
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
		if (!memo_add_stored(m, 1))
			break;
	return NULL;
}

/* The daemon's workers and its sweeper have one memo. */
static void
threads_lose_no_bytes(void **state)
{
	pthread_t t[ADDERS];
	struct memo m;
	uint64_t before;

	(void)state;
	memo_open(&m, at);
	before = memo_add_stored(&m, 1);
	assert_true(before > 0);
	for (int i = 0; i < ADDERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, add_many, &m), 0);
	for (int i = 0; i < ADDERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(memo_add_stored(&m, 1), before + ADDERS * ADDS + 1);
	memo_close(&m);
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
