/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/store.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
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
#include <sys/wait.h>
#include <unistd.h>

static char path[128];

static const char *
at(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	return path;
}

static void
a_store_is_made_for_its_owner_only(void **state)
{
	struct store s;
	struct stat st;

	(void)state;
	assert_int_equal(store_open(&s, at("deep/er/store")), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	store_close(&s);
	assert_int_equal(store_open(&s, at("deep/er/store")), 0);
	store_close(&s);
}

static void
unsafe_places_are_refused(void **state)
{
	struct store s;

	(void)state;
	assert_int_equal(mkdir(at("open"), 0700), 0);
	assert_int_equal(chmod(at("open"), 0777), 0);
	assert_int_equal(store_open(&s, at("open")), -EPERM);
	close(open(at("file2"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_true(store_open(&s, at("file2")) < 0);
	assert_true(store_open(&s, at("file2/below")) < 0);
	assert_true(store_open(&s, "/proc/nowhere") < 0);
}

static void
a_newer_store_is_left_alone(void **state)
{
	struct store s;

	(void)state;
	assert_int_equal(store_open(&s, at("newer")), 0);
	assert_int_equal(file_publish(s.dir, "tmp/v", "VERSION", "999\n", 4),
			 0);
	store_close(&s);
	assert_int_equal(store_open(&s, at("newer")), ERR_NEWER);
}

static void
names_have_two_levels(void **state)
{
	char name[STORE_NAME], other[STORE_NAME];
	struct digest d;
	struct store s;

	(void)state;
	digest_bytes("abc", 3, &d);
	store_name("blobs", &d, name);
	assert_string_equal(name, "blobs/ba/ba7816bf8f01cfea414140de5dae2223"
				  "b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(store_open(&s, at("names")), 0);
	store_tmp(&s, name);
	store_tmp(&s, other);
	assert_string_not_equal(name, other);
	assert_memory_equal(name, "tmp/", 4);
	store_close(&s);
}

static int
locked_elsewhere(enum store_lock kind, const struct digest *d)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct store s;

		if (store_open(&s, at("locks")) < 0)
			_exit(2);
		_exit(store_lock(&s, kind, d, 0) == ERR_TIMEOUT ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void
locks_are_by_kind_and_key(void **state)
{
	struct digest a, b;
	struct store s;

	(void)state;
	digest_bytes("a", 1, &a);
	digest_bytes("b", 1, &b);
	assert_int_equal(store_open(&s, at("locks")), 0);
	assert_int_equal(store_lock(&s, STORE_LOCK_COMPILE, &a, 0), 0);
	assert_int_equal(locked_elsewhere(STORE_LOCK_COMPILE, &a), 1);
	assert_int_equal(locked_elsewhere(STORE_LOCK_COMPILE, &b), 0);
	assert_int_equal(locked_elsewhere(STORE_LOCK_MANIFEST, &a), 0);
	store_unlock(&s, STORE_LOCK_COMPILE, &a);
	assert_int_equal(locked_elsewhere(STORE_LOCK_COMPILE, &a), 0);
	store_close(&s);
}

static void
what_others_may_write_to_is_refused(void **state)
{
	struct store s;

	(void)state;
	assert_int_equal(mkdir(at("group"), 0700), 0);
	assert_int_equal(chmod(at("group"), 0770), 0);
	assert_int_equal(store_open(&s, at("group")), -EPERM);
	assert_int_equal(chmod(at("group"), 0702), 0);
	assert_int_equal(store_open(&s, at("group")), -EPERM);
	assert_int_equal(chmod(at("group"), 0755), 0);
	assert_int_equal(store_open(&s, at("group")), 0);
	store_close(&s);
	if (geteuid() == 0) {
		assert_int_equal(chown(at("group"), 12345, 0), 0);
		assert_int_equal(store_open(&s, at("group")), -EPERM);
		assert_int_equal(symlink("group", at("to-group")), 0);
		assert_int_equal(store_open(&s, at("to-group")), -EPERM);
	}
}

/* Links to directories of one's own are fine. */
static void
links_to_own_directories_are_followed(void **state)
{
	struct store s;

	(void)state;
	assert_int_equal(mkdir(at("real"), 0700), 0);
	assert_int_equal(symlink("real", at("link")), 0);
	assert_int_equal(store_open(&s, at("link")), 0);
	store_close(&s);
	assert_int_equal(access(at("real/VERSION"), F_OK), 0);
}

static void
make_file(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* A store would sweep there. */
static void
directories_of_others_are_refused(void **state)
{
	struct store s;

	(void)state;
	assert_int_equal(mkdir(at("project"), 0700), 0);
	assert_int_equal(mkdir(at("project/tmp"), 0700), 0);
	make_file("project/Cargo.toml");
	assert_int_equal(store_open(&s, at("project")), ERR_FOREIGN);
	assert_int_equal(access(at("project/blobs"), F_OK), -1);
	assert_int_equal(access(at("project/locks"), F_OK), -1);
	/* Nothing there has a name of ours. */
	assert_int_equal(rmdir(at("project/tmp")), 0);
	assert_int_equal(store_open(&s, at("project")), 0);
	store_close(&s);
	assert_int_equal(store_open(&s, at("project")), 0);
	store_close(&s);
}

static void
a_store_that_lost_its_version_is_one(void **state)
{
	static const char *const own[] = {
		"lost/events.log", "lost/events.log.1", "lost/shim.log",
		"lost/gc.lock",    "lost/daemon.sock",  "lost/memo",
		"lost/spool",      "lost/incremental",  "lost/sessions",
	};
	struct store s;

	(void)state;
	assert_int_equal(store_open(&s, at("lost")), 0);
	store_close(&s);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		make_file(own[i]);
	assert_int_equal(unlink(at("lost/VERSION")), 0);
	assert_int_equal(store_open(&s, at("lost")), 0);
	store_close(&s);
}

static void
names_of_temporary_files(void **state)
{
	struct store s = { .dir = -1, .locks = -1, .nonce = ~0ull };
	char name[STORE_NAME];

	(void)state;
	store_tmp(&s, name);
	assert_true(store_is_tmp(name + 4));
	s.nonce = 1;
	s.seq = 4000000000u;
	store_tmp(&s, name);
	assert_true(store_is_tmp(name + 4));
	assert_false(store_is_tmp(name));
	assert_false(store_is_tmp(""));
	assert_false(store_is_tmp("notes.txt"));
	assert_false(store_is_tmp("0123456789abcdef."));
	assert_false(store_is_tmp("0123456789abcdef"));
	assert_false(store_is_tmp("0123456789abcdef.1x"));
}

/* cargo starts several shims at once, the first time in no store. */
static void
many_make_one_store(void **state)
{
	(void)state;
	for (int round = 0; round < 60; round++) {
		char name[32];
		int status;

		snprintf(name, sizeof(name), "many%d", round);
		at(name);
		for (int i = 0; i < 8; i++) {
			struct store s;

			if (fork() == 0)
				_exit(store_open(&s, path) < 0);
		}
		for (int i = 0; i < 8; i++) {
			assert_true(wait(&status) > 0);
			assert_int_equal(status, 0);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_is_made_for_its_owner_only),
		cmocka_unit_test(unsafe_places_are_refused),
		cmocka_unit_test(a_newer_store_is_left_alone),
		cmocka_unit_test(names_have_two_levels),
		cmocka_unit_test(locks_are_by_kind_and_key),
		cmocka_unit_test(what_others_may_write_to_is_refused),
		cmocka_unit_test(links_to_own_directories_are_followed),
		cmocka_unit_test(directories_of_others_are_refused),
		cmocka_unit_test(a_store_that_lost_its_version_is_one),
		cmocka_unit_test(names_of_temporary_files),
		cmocka_unit_test(many_make_one_store),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
