/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/path_bound.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "rustc/args.h"
#include "rustc/roots.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { CHUNK = 1 << 20 };

static struct roots
make(const char *cwd, const char *target)
{
	static struct args none = { .out_dir = "/out/deps" };
	struct roots_in in = { .mode = ROOTS_MACHINE,
			       .args = &none,
			       .cwd = cwd,
			       .target = target,
			       .home = "/home/u",
			       .sysroot = "/sys/root" };
	struct roots r;

	roots_init(&r, &in);
	return r;
}

static void
found(const char *text, const char *want)
{
	struct roots r = make("/src/app", "/build/app");
	char tags[PATH_BOUND_TAGS] = "";

	path_bound_scan(&r, text, strlen(text), tags);
	if (strcmp(tags, want))
		fail_msg("%s: %s, not %s", text, tags, want);
}

static void
names_of_roots_are_found(void **state)
{
	(void)state;
	found("", "");
	found("/src/app", "w");
	found("x/src/app", "w");
	found("/src/app/lib.rs", "w");
	found("say \"/src/app\"", "w");
	found("/src/ap/src/app", "w");
	found("/src/src/app/x", "w");
	found("/build/app/debug and /src/app and /home/u/x", "htw");
	/* Not remapped: no output names them, or they are allowed to. */
	found("/out/deps/x /sys/root/lib", "");
}

/* Another directory whose name begins alike is another directory. */
static void
names_end_where_components_end(void **state)
{
	(void)state;
	found("/src/apple", "");
	found("/src/app2", "");
	found("/src/app-x", "");
	found("/src/app_x", "");
	found("/src/app.old", "");
	found("/src/appX", "");
	found("/src/app2 /src/app", "w");
	found("/src/app\t", "w");
	found("/src/app:", "w");
	found("/src/app\\n", "w");
	found("/src/ap", "");
}

static void
tags_are_added_once(void **state)
{
	struct roots r = make("/src/app", "/build/app");
	char tags[PATH_BOUND_TAGS] = "w";

	(void)state;
	path_bound_scan(&r, "/src/app /build/app", 19, tags);
	assert_string_equal(tags, "tw");
	path_bound_scan(&r, "/src/app /build/app", 19, tags);
	assert_string_equal(tags, "tw");
}

/* NAME at OFF of a file of SIZE zero bytes. */
static void
put(const char *path, const char *name, off_t off, off_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(pwrite(fd, name, strlen(name), off), strlen(name));
	close(fd);
}

/* Wherever it lies in a file, also across the pieces it is read in. */
static void
files_are_searched_across_chunks(void **state)
{
	static const char name[] = "/src/app";
	struct roots r = make("/src/app", NULL);
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/program", testdir);
	for (off_t at = CHUNK - 10; at <= CHUNK + 2; at++) {
		char tags[PATH_BOUND_TAGS] = "";

		put(path, name, at, 3 * CHUNK);
		assert_int_equal(path_bound_scan_file(&r, NULL, path, tags), 0);
		if (strcmp(tags, "w"))
			fail_msg("not found at %ld", (long)at);
	}
	for (off_t at = 0; at < 2 * CHUNK; at += CHUNK - 4096 + 7) {
		char tags[PATH_BOUND_TAGS] = "";

		put(path, name, at, 3 * CHUNK);
		assert_int_equal(path_bound_scan_file(&r, NULL, path, tags), 0);
		assert_string_equal(tags, "w");
	}
}

/* The byte that tells /src/app from /src/app2 may be in the next piece. */
static void
a_cut_name_is_no_name(void **state)
{
	struct roots r = make("/src/app", NULL);
	char path[128], tags[PATH_BOUND_TAGS] = "";

	(void)state;
	snprintf(path, sizeof(path), "%s/program", testdir);
	put(path, "/src/app2", 0, 9);
	assert_int_equal(path_bound_scan_file(&r, NULL, path, tags), 0);
	assert_string_equal(tags, "");
	put(path, "/src/app", 100, 108);
	assert_int_equal(path_bound_scan_file(&r, NULL, path, tags), 0);
	assert_string_equal(tags, "w");
}

static void
files_that_cannot_be_read_are_errors(void **state)
{
	struct roots r = make("/src/app", NULL);
	char tags[PATH_BOUND_TAGS] = "";

	(void)state;
	assert_int_equal(
		path_bound_scan_file(&r, NULL, "/nonexistent/file", tags),
		-ENOENT);
	assert_int_equal(path_bound_scan_file(&r, NULL, testdir, tags),
			 -EISDIR);
}

static void
bound_keys_fold_the_raw_roots(void **state)
{
	struct roots one = make("/one", "/one/target");
	struct roots two = make("/two", "/two/target");
	struct roots bare = make("/one", NULL);
	struct digest key, other, a, b, before;

	(void)state;
	digest_bytes("key", 3, &key);
	digest_bytes("other", 5, &other);
	assert_int_equal(path_bound_key(&key, "w", &one, &a), 0);
	assert_int_equal(path_bound_key(&key, "w", &one, &b), 0);
	assert_true(digest_eq(&a, &b));
	assert_int_equal(path_bound_key(&key, "w", &two, &b), 0);
	assert_false(digest_eq(&a, &b));
	assert_int_equal(path_bound_key(&other, "w", &one, &b), 0);
	assert_false(digest_eq(&a, &b));
	assert_int_equal(path_bound_key(&key, "wt", &one, &b), 0);
	assert_false(digest_eq(&a, &b));
	assert_int_equal(path_bound_key(&key, "h", &one, &a), 0);
	assert_int_equal(path_bound_key(&key, "h", &two, &b), 0);
	assert_true(digest_eq(&a, &b));
	before = b;
	assert_int_equal(path_bound_key(&key, "t", &bare, &b), ERR_MISS);
	assert_true(digest_eq(&b, &before));
}

/* Roots of one path are told apart by their tags. */
static void
bound_keys_fold_the_tags(void **state)
{
	struct roots r = make("/one", "/one");
	struct digest key, a, b;

	(void)state;
	digest_bytes("key", 3, &key);
	assert_int_equal(path_bound_key(&key, "w", &r, &a), 0);
	assert_int_equal(path_bound_key(&key, "t", &r, &b), 0);
	assert_false(digest_eq(&a, &b));
}

static void
tagged_keys_fold_the_form(void **state)
{
	struct digest key, other, a, b;

	(void)state;
	digest_bytes("key", 3, &key);
	digest_bytes("other", 5, &other);
	path_bound_tagged(&key, &other, &a);
	path_bound_tagged(&key, &other, &b);
	assert_true(digest_eq(&a, &b));
	assert_false(digest_eq(&a, &key));
	path_bound_tagged(&key, &key, &b);
	assert_false(digest_eq(&a, &b));
	path_bound_tagged(&other, &other, &b);
	assert_false(digest_eq(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_roots_are_found),
		cmocka_unit_test(names_end_where_components_end),
		cmocka_unit_test(tags_are_added_once),
		cmocka_unit_test(files_are_searched_across_chunks),
		cmocka_unit_test(a_cut_name_is_no_name),
		cmocka_unit_test(files_that_cannot_be_read_are_errors),
		cmocka_unit_test(bound_keys_fold_the_raw_roots),
		cmocka_unit_test(bound_keys_fold_the_tags),
		cmocka_unit_test(tagged_keys_fold_the_form),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
