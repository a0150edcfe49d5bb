/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/shape.h"

#include "base/err.h"
#include "base/file.h"
#include "key/memo.h"
#include "rustc/args.h"
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

static struct memo m;
static struct roots roots;
static const char *value;
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
	return strcmp(name, "PATH") == 0 ? "/usr/bin:/bin" : value;
}

/* The key of a shape of one item, or its error. */
static int
key_of(char kind, const char *name, struct digest *k1)
{
	struct shape_env env = {
		.memo = &m, .roots = &roots, .get = get, .cwd = testdir
	};
	struct shape s = { 0 };
	struct digest k0;
	int r;

	digest_bytes("k0", 2, &k0);
	assert_int_equal(shape_add(&s, kind, name, strlen(name)), 0);
	assert_int_equal(shape_finish(&s), 0);
	r = shape_key(&s, &env, &k0, k1, NULL);
	shape_free(&s);
	return r;
}

static void
items_are_sorted_and_unique(void **state)
{
	struct shape s = { 0 };

	(void)state;
	assert_int_equal(shape_add(&s, 'f', "wb", 2), 0);
	assert_int_equal(shape_add(&s, 'f', "wa", 2), 0);
	assert_int_equal(shape_add(&s, 'e', "X", 1), 0);
	assert_int_equal(shape_add(&s, 'f', "wb", 2), 0);
	assert_int_equal(shape_finish(&s), 0);
	assert_int_equal(s.count, 3);
	assert_string_equal(shape_item(&s, 0), "eX");
	assert_string_equal(shape_item(&s, 1), "fwa");
	assert_string_equal(shape_item(&s, 2), "fwb");
	shape_free(&s);
}

static void
too_much_is_refused(void **state)
{
	static char name[SHAPE_ITEM_LEN + 2];
	struct shape s = { 0 };

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_int_equal(shape_add(&s, 'f', name, sizeof(name)), ERR_TOOBIG);
	shape_free(&s);
}

static void
content_of_files_counts(void **state)
{
	struct digest a, b, c;

	(void)state;
	write_file("file", "one");
	assert_int_equal(key_of('f', "w/file", &a), 0);
	write_file("file", "two");
	assert_int_equal(key_of('f', "w/file", &b), 0);
	write_file("file", "one");
	assert_int_equal(key_of('f', "w/file", &c), 0);
	assert_false(digest_eq(&a, &b));
	assert_true(digest_eq(&a, &c));
	assert_int_equal(unlink(at("file")), 0);
	assert_int_equal(key_of('f', "w/file", &a), ERR_MISS);
}

static void
unset_and_empty_variables_differ(void **state)
{
	struct digest unset, empty, set;

	(void)state;
	value = NULL;
	assert_int_equal(key_of('e', "VAR", &unset), 0);
	value = "";
	assert_int_equal(key_of('e', "VAR", &empty), 0);
	value = "x";
	assert_int_equal(key_of('e', "VAR", &set), 0);
	assert_false(digest_eq(&unset, &empty));
	assert_false(digest_eq(&empty, &set));
}

static void
absent_must_stay_absent(void **state)
{
	struct digest d;

	(void)state;
	assert_int_equal(key_of('a', "w/absent", &d), 0);
	write_file("absent", "");
	assert_int_equal(key_of('a', "w/absent", &d), ERR_MISS);
	assert_int_equal(unlink(at("absent")), 0);
	assert_int_equal(symlink("nowhere", at("absent")), 0);
	key_of('a', "w/absent", &d);
	assert_int_equal(unlink(at("absent")), 0);
}

static void
present_must_stay_with_its_type(void **state)
{
	struct digest a, b;

	(void)state;
	write_file("there", "");
	assert_int_equal(key_of('s', "w/there", &a), 0);
	write_file("there", "other content");
	assert_int_equal(key_of('s', "w/there", &b), 0);
	assert_true(digest_eq(&a, &b));
	assert_int_equal(unlink(at("there")), 0);
	assert_int_equal(key_of('s', "w/there", &b), ERR_MISS);
	assert_int_equal(mkdir(at("there"), 0755), 0);
	if (key_of('s', "w/there", &b) == 0)
		assert_false(digest_eq(&a, &b));
	assert_int_equal(rmdir(at("there")), 0);
}

static void
listings_are_names_only(void **state)
{
	struct digest a, b, c;

	(void)state;
	assert_int_equal(mkdir(at("list"), 0755), 0);
	write_file("list/one", "1");
	assert_int_equal(key_of('l', "w/list", &a), 0);
	write_file("list/one", "changed");
	assert_int_equal(key_of('l', "w/list", &b), 0);
	assert_true(digest_eq(&a, &b));
	write_file("list/two", "2");
	assert_int_equal(key_of('l', "w/list", &c), 0);
	assert_false(digest_eq(&a, &c));
	assert_int_equal(unlink(at("list/two")), 0);
	assert_int_equal(key_of('l', "w/list", &c), 0);
	assert_true(digest_eq(&a, &c));
}

static void
crate_listings_see_libraries_only(void **state)
{
	struct digest a, b;

	(void)state;
	assert_int_equal(mkdir(at("crates"), 0755), 0);
	assert_int_equal(key_of('c', "w/crates", &a), 0);
	write_file("crates/readme", "");
	assert_int_equal(key_of('c', "w/crates", &b), 0);
	assert_true(digest_eq(&a, &b));
	write_file("crates/libx.rlib", "");
	assert_int_equal(key_of('c', "w/crates", &b), 0);
	assert_false(digest_eq(&a, &b));
}

static void
programs_are_found_over_path(void **state)
{
	struct digest a, b;

	(void)state;
	assert_int_equal(key_of('p', "sh", &a), 0);
	/* That there is none is an answer, too. */
	assert_int_equal(key_of('p', "no-such-program-here", &b), 0);
	assert_false(digest_eq(&a, &b));
}

static void
unknown_roots_never_match(void **state)
{
	struct digest d;

	(void)state;
	assert_true(key_of('f', "c/registry/file", &d) < 0);
}

static int
set_up(void **state)
{
	static struct args none;
	struct roots_in in = { .mode = ROOTS_CHECKOUT,
			       .args = &none,
			       .cwd = testdir };

	if (testdir_make(state) < 0)
		return -1;
	roots_init(&roots, &in);
	memo_open(&m, -1);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_sorted_and_unique),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(content_of_files_counts),
		cmocka_unit_test(unset_and_empty_variables_differ),
		cmocka_unit_test(absent_must_stay_absent),
		cmocka_unit_test(present_must_stay_with_its_type),
		cmocka_unit_test(listings_are_names_only),
		cmocka_unit_test(crate_listings_see_libraries_only),
		cmocka_unit_test(programs_are_found_over_path),
		cmocka_unit_test(unknown_roots_never_match),
	};

	return cmocka_run_group_tests(tests, set_up, testdir_remove);
}
