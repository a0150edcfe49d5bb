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
#include <string.h>
#include <sys/stat.h>

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

static int
set_up(void **state)
{
	if (testdir_make(state) < 0)
		return -1;
	at = open(testdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return at < 0 ? -1 : 0;
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
		cmocka_unit_test(stored_bytes_add_up),
	};

	return cmocka_run_group_tests(tests, set_up, testdir_remove);
}
