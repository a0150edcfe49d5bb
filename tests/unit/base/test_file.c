/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/file.h"

#include "base/buf.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/kache-test-XXXXXX";
static int at;

static int
set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return at < 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
	char cmd[64];

	(void)state;
	close(at);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void
publish_makes_the_parent_and_leaves_no_temp(void **state)
{
	struct buf b = { 0 };
	struct file_id id;

	(void)state;
	assert_int_equal(file_publish(at, "tmp1", "ab/file", "text", 4), 0);
	assert_int_equal(file_read(at, "ab/file", 100, &b), 0);
	assert_string_equal(b.p, "text");
	assert_int_equal(faccessat(at, "tmp1", F_OK, 0), -1);
	assert_int_equal(file_publish(at, "tmp1", "ab/file", "more!", 5), 0);
	assert_int_equal(file_id_at(at, "ab/file", &id), 0);
	assert_int_equal(id.size, 5);
	assert_int_equal(file_id_at(at, "nothing", &id), -ENOENT);
	buf_free(&b);
}

static void
reads_are_bounded(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(file_publish(at, "tmp2", "five", "12345", 5), 0);
	assert_int_equal(file_read(at, "five", 4, &b), ERR_TOOBIG);
	assert_int_equal(file_read(at, "five", 5, &b), 0);
	assert_int_equal(file_read(at, "absent", 5, &b), -ENOENT);
	buf_free(&b);
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/stat", 4096, &b), 0);
	assert_true(b.len > 10);
	buf_free(&b);
}

static void
identity_tells_changes(void **state)
{
	struct file_id a, b;

	(void)state;
	assert_int_equal(file_publish(at, "t", "id", "1", 1), 0);
	assert_int_equal(file_id_at(at, "id", &a), 0);
	assert_int_equal(file_link(at, "id", at, "sub/id2"), 0);
	assert_int_equal(file_id_at(at, "id", &b), 0);
	assert_true(file_id_same(&a, &b));
	assert_int_equal(file_link(at, "id", at, "sub/id2"), -EEXIST);
	assert_int_equal(file_publish(at, "t", "id", "1", 1), 0);
	assert_int_equal(file_id_at(at, "id", &b), 0);
	assert_false(file_id_same(&a, &b));
}

static void
copies_are_equal(void **state)
{
	char *data = malloc(300000);
	struct buf b = { 0 };
	int in, out;

	(void)state;
	memset(data, 'q', 300000);
	assert_int_equal(file_publish(at, "t", "big", data, 300000), 0);
	in = openat(at, "big", O_RDONLY | O_CLOEXEC);
	out = openat(at, "copy", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(file_copy_fd(in, out, NULL), 0);
	assert_int_equal(file_read(at, "copy", 1 << 20, &b), 0);
	assert_int_equal(b.len, 300000);
	assert_memory_equal(b.p, data, 300000);
	buf_free(&b);
	close(in);
	close(out);
	free(data);
}

static void
writes_to_a_full_disk_fail(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(file_write_fd(fd, "x", 1), -ENOSPC);
	close(fd);
}

static void
directories_are_made(void **state)
{
	char path[128];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/m/n/o", dir);
	assert_int_equal(file_mkdirs(path, 0700), 0);
	assert_int_equal(file_mkdirs(path, 0700), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(file_publish(at, "t", "plain", "", 0), 0);
	snprintf(path, sizeof(path), "%s/plain/below", dir);
	assert_true(file_mkdirs(path, 0700) < 0);
}

/* Another process, since a lock never conflicts with its own owner. */
static int
try_lock_elsewhere(uint64_t off)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = openat(at, "locks", O_RDWR | O_CLOEXEC);

		_exit(file_lock(fd, off, true, 0) == 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void
locks_exclude_one_byte(void **state)
{
	int fd = openat(at, "locks", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int64_t start;
	int other, asks;

	(void)state;
	assert_int_equal(file_lock(fd, 7, true, 0), 0);
	/* Asking takes nothing, not even for a moment. */
	asks = openat(at, "locks", O_RDWR | O_CLOEXEC);
	assert_true(file_is_locked(asks, 7));
	assert_false(file_is_locked(asks, 8));
	assert_false(file_is_locked(fd, 7));
	close(asks);
	assert_int_equal(try_lock_elsewhere(7), 1);
	assert_int_equal(try_lock_elsewhere(8), 0);
	other = openat(at, "locks", O_RDWR | O_CLOEXEC);
	start = file_monotonic();
	assert_int_equal(file_lock(other, 7, true, 50), ERR_TIMEOUT);
	assert_true(file_monotonic() - start >= 50000000);
	assert_int_equal(file_unlock(fd, 7), 0);
	assert_int_equal(file_lock(other, 7, true, 50), 0);
	close(other);
	assert_int_equal(try_lock_elsewhere(7), 0);
	close(fd);
}

static void
looking_is_no_use(void **state)
{
	const struct timespec old[2] = { { 1000, 5 }, { 1000, 5 } };
	struct buf b = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(file_publish(at, "tmp2", "idle", "text", 4), 0);
	assert_int_equal(utimensat(at, "idle", old, 0), 0);
	assert_int_equal(file_read_unseen(at, "idle", 100, &b, &st), 0);
	assert_string_equal(b.p, "text");
	assert_int_equal(fstatat(at, "idle", &st, 0), 0);
	assert_true(file_ns(&st.st_atim) == INT64_C(1000000000005));
	assert_int_equal(file_read_unseen(at, "idle", 3, &b, &st), ERR_TOOBIG);
	assert_int_equal(file_read_unseen(at, "none", 3, &b, &st), -ENOENT);
	assert_int_equal(symlinkat("idle", at, "way"), 0);
	assert_int_equal(file_read_unseen(at, "way", 100, &b, &st), -ELOOP);
	assert_int_equal(mkfifoat(at, "fifo", 0600), 0);
	assert_int_equal(file_read_unseen(at, "fifo", 100, &b, &st),
			 ERR_CORRUPT);
	assert_true(S_ISFIFO(st.st_mode));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(publish_makes_the_parent_and_leaves_no_temp),
		cmocka_unit_test(reads_are_bounded),
		cmocka_unit_test(looking_is_no_use),
		cmocka_unit_test(identity_tells_changes),
		cmocka_unit_test(copies_are_equal),
		cmocka_unit_test(writes_to_a_full_disk_fail),
		cmocka_unit_test(directories_are_made),
		cmocka_unit_test(locks_exclude_one_byte),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
