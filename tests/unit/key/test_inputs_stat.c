/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/inputs.h"

#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "rustc/roots.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct digest_cache m = { .fd = -1 };
static struct roots roots;
static char path[256];

static const char *
at(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	return path;
}

static void
write_file(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	close(fd);
}

static const char *
get(const char *name)
{
	(void)name;
	return NULL;
}

/* The key of an input list of one item, or its error. */
static int
key_of(char kind, const char *name, struct digest *k1)
{
	struct inputs_env env = {
		.memo = &m, .roots = &roots, .get = get, .cwd = testdir
	};
	struct digest k0 = { { 0 } };
	struct inputs s = { 0 };
	int r;

	assert_int_equal(inputs_add(&s, kind, name, strlen(name)), 0);
	assert_int_equal(inputs_finish(&s), 0);
	r = inputs_key(&s, &env, &k0, k1, NULL);
	inputs_free(&s);
	return r;
}

/* Whether the key of this item is another one after CHANGE. */
static bool
moves(char kind, const char *name, void (*change)(void))
{
	char file[256];
	struct digest a, b;

	snprintf(file, sizeof(file), "%s", at(name));
	assert_int_equal(key_of(kind, file, &a), 0);
	change();
	assert_int_equal(key_of(kind, file, &b), 0);
	return !digest_eq(&a, &b);
}

static void
retarget(void)
{
	char to[256];

	snprintf(to, sizeof(to), "%s", at("attr"));
	unlink(at("way"));
	assert_int_equal(symlink(to, at("way")), 0);
}

static void
narrow(void)
{
	assert_int_equal(chmod(at("attr"), 0600), 0);
}

static void
age(void)
{
	const struct timespec t[2] = { { .tv_sec = 5 }, { .tv_sec = 7 } };

	assert_int_equal(utimensat(AT_FDCWD, at("attr"), t, 0), 0);
}

static void
name_again(void)
{
	char old[256];

	snprintf(old, sizeof(old), "%s", at("attr"));
	assert_int_equal(link(old, at("attr2")), 0);
}

static void
attributes_are_what_they_are_now(void **state)
{
	(void)state;
	write_file("attr", "x");
	write_file("other", "x");
	assert_int_equal(symlink("other", at("way")), 0);
	assert_true(moves('r', "way", retarget));
	assert_false(moves('r', "way", age));
	assert_true(moves('m', "attr", narrow));
	assert_false(moves('m', "attr", name_again));
	unlink(at("attr2"));
	assert_true(moves('o', "attr", name_again));
	assert_int_equal(chmod(at("attr"), 0644), 0);
	write_file("attr", "y");
	assert_true(moves('t', "attr", age));
	assert_false(moves('t', "attr", narrow));
	assert_true(moves('b', "attr", narrow) || moves('b', "attr", age));
	unlink(at("attr"));
	assert_int_equal(key_of('m', at("attr"), &(struct digest){ 0 }),
			 ERR_MISS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_what_they_are_now),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
