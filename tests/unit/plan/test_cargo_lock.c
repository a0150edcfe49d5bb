/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "plan/cargo_lock.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define REGISTRY "registry+https://github.com/rust-lang/crates.io-index"

static int
read_text(const char *text, struct lockfile *l)
{
	memset(l, 0, sizeof(*l));
	return cargo_lock_read(text, strlen(text), l);
}

/* A package of version 1.0.0. */
static void
add(struct buf *b, const char *name, const char *more)
{
	buf_fmt(b, "[[package]]\nname = \"%s\"\nversion = \"1.0.0\"\n%s\n",
		name, more);
}

static int
read_buf(struct buf *b, struct lockfile *l)
{
	int r;

	memset(l, 0, sizeof(*l));
	r = cargo_lock_read(b->p, b->len, l);
	buf_free(b);
	return r;
}

/* What package I's dependency K is. */
static void
assert_dep(const struct lockfile *l, size_t i, size_t k, const char *name,
	   const char *version)
{
	const struct packages *p = &l->packages;

	assert_true(k < p->p[i].ndeps);
	i = p->deps[p->p[i].first + k];
	assert_string_equal(p->p[i].name, name);
	assert_string_equal(p->p[i].version, version);
}

static const char today[] = "# written by cargo\n"
			    "version = 4\n"
			    "\n"
			    "[[package]]\n"
			    "name = \"app\"\n"
			    "version = \"0.1.0\"\n"
			    "dependencies = [\n"
			    " \"rand 0.9.0 (git+https://h/r?b=x)\",\n"
			    " \"libc\",\n"
			    " \"rand 0.8.5\",\n"
			    " \"nobody\",\n"
			    "]\n"
			    "\n"
			    "[[package]]\n"
			    "name = \"libc\"\n"
			    "version = \"0.2.1\"\n"
			    "source = \"" REGISTRY "\"\n"
			    "checksum = \"00\"\n"
			    "\n"
			    "[[package]]\n"
			    "name = \"rand\"\n"
			    "version = \"0.8.5\"\n"
			    "source = \"" REGISTRY "\"\n"
			    "\n"
			    "[[package]]\n"
			    "name = \"rand\"\n"
			    "version = \"0.9.0\"\n"
			    "source = \"" REGISTRY "\"\n"
			    "\n"
			    "[[package]]\n"
			    "name = \"rand\"\n"
			    "version = \"0.9.0\"\n"
			    "source = \"git+https://h/r?b=x#01\"\n"
			    "\n"
			    "[[patch.unused]]\n"
			    "name = \"gone\"\n"
			    "version = \"1.0.0\"\n";

static void
a_file_of_today_is_read(void **state)
{
	struct lockfile l;

	(void)state;
	assert_int_equal(read_text(today, &l), 0);
	assert_int_equal(l.packages.count, 5);
	assert_string_equal(l.packages.p[1].name, "libc");
	assert_string_equal(l.packages.p[1].source, REGISTRY);
	assert_null(l.packages.p[0].source);
	assert_int_equal(l.packages.p[0].ndeps, 3);
	assert_dep(&l, 0, 0, "rand", "0.9.0");
	/* Of two 0.9.0 the one from git, though its revision is not said. */
	assert_int_equal(l.packages.deps[l.packages.p[0].first], 4);
	assert_dep(&l, 0, 1, "libc", "0.2.1");
	assert_dep(&l, 0, 2, "rand", "0.8.5");
	assert_int_equal(l.nown, 1);
	assert_string_equal(l.own[0], "app");
	cargo_lock_release(&l);
	assert_int_equal(l.packages.count, 0);
}

static void
the_oldest_form_is_read(void **state)
{
	static const char text[] =
		"[root]\n"
		"name = \"old\"\n"
		"version = \"0.1.0\"\n"
		"dependencies = [\"libc 0.2.1 (" REGISTRY ")\"]\n"
		"\n"
		"[[package]]\n"
		"name = \"libc\"\n"
		"version = \"0.2.1\"\n"
		"source = \"" REGISTRY "\"\n"
		"\n"
		"[metadata]\n"
		"\"checksum libc 0.2.1 (" REGISTRY ")\" = \"<none>\"\n";
	struct lockfile l;

	(void)state;
	assert_int_equal(read_text(text, &l), 0);
	assert_int_equal(l.packages.count, 2);
	assert_dep(&l, 0, 0, "libc", "0.2.1");
	cargo_lock_release(&l);
	assert_int_equal(read_text("", &l), 0);
	assert_int_equal(l.packages.count, 0);
	cargo_lock_release(&l);
}

static void
line_ends_of_windows_are_fine(void **state)
{
	struct lockfile l;

	(void)state;
	assert_int_equal(read_text("version = 3\r\n\r\n[[package]]\r\n"
				   "name = \"a\"\r\nversion = \"1.0.0\"\r\n"
				   "dependencies = [\r\n \"a\",\r\n]\r\n",
				   &l),
			 0);
	assert_int_equal(l.packages.count, 1);
	assert_int_equal(l.packages.p[0].ndeps, 1);
	cargo_lock_release(&l);
}

static void
dependencies_come_first(void **state)
{
	struct buf b = { 0 };
	struct lockfile l;
	uint32_t *order;

	(void)state;
	add(&b, "a", "dependencies = [\"b\", \"c\"]");
	add(&b, "b", "dependencies = [\"c\"]");
	add(&b, "c", "dependencies = [\"d\"]");
	add(&b, "d", "");
	assert_int_equal(read_buf(&b, &l), 0);
	assert_int_equal(packages_order(&l.packages, &order), 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(order[i], 3 - i);
	free(order);
	cargo_lock_release(&l);
}

static void
cycles_are_broken(void **state)
{
	struct buf b = { 0 };
	struct lockfile l;
	uint32_t *order;

	(void)state;
	add(&b, "x", "dependencies = [\"y\", \"x\"]");
	add(&b, "y", "dependencies = [\"x\", \"z\"]");
	add(&b, "z", "");
	assert_int_equal(read_buf(&b, &l), 0);
	assert_int_equal(packages_order(&l.packages, &order), 0);
	/* x, named first, goes first; y waits for both. */
	assert_int_equal(order[2], 1);
	assert_int_equal(order[0] + order[1], 2);
	free(order);
	cargo_lock_release(&l);
}

static void
what_cargo_would_not_write_is_refused(void **state)
{
	static const char *const bad[] = {
		"<<<<<<< HEAD\n",
		"version = 4\n=======\n",
		"[[package]]\nname = \"a\"\n",
		"[[package]]\nversion = \"1\"\n",
		"[[package]]\nname = \"a\nversion = \"1\"\n",
		"[[package]]\nname = \"a\\u0041\"\nversion = \"1\"\n",
		"[[package]]\nname = \"a\"\nname = \"b\"\nversion = \"1\"\n",
		"[[package]]\nname = \"\"\"a\"\"\"\nversion = \"1\"\n",
		"[[package]]\nname = \"a\"\nversion = 1\n",
		"[[package]]\nname = \"a\" x\nversion = \"1\"\n",
		"[[package]]\nname = \"a\"\nversion = \"1\"\n"
		"dependencies = [\"b\"",
		"[[package]]\nname = \"a\"\nversion = \"1\"\n"
		"dependencies = [\"b\" \"c\"]",
		"[[package]]\nname = \"a\"\nversion = \"1\"\n"
		"dependencies = [[\"b\"]]",
		"name",
		"\"name",
		"= 1",
	};
	struct lockfile l;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_text(bad[i], &l), ERR_CORRUPT);
		assert_int_equal(l.packages.count, 0);
	}
	assert_int_equal(cargo_lock_read("a = 1\0\n", 7, &l), ERR_CORRUPT);
	assert_int_equal(read_text("version = 5\n", &l), ERR_NEWER);
}

static void
size_and_counts_are_bounded(void **state)
{
	struct buf b = { 0 };
	struct lockfile l = { 0 };
	char *big = calloc(1, CARGO_LOCK_MAX + 1);

	(void)state;
	assert_non_null(big);
	memset(big, '\n', CARGO_LOCK_MAX + 1);
	assert_int_equal(cargo_lock_read(big, CARGO_LOCK_MAX + 1, &l),
			 ERR_TOOBIG);
	free(big);
	for (int i = 0; i <= PACKAGES_MAX; i++)
		add(&b, "same", "dependencies = [\"same\"]");
	assert_int_equal(read_buf(&b, &l), ERR_TOOBIG);
	for (int i = 0; i < PACKAGES_MAX; i++)
		add(&b, "same", "dependencies = [\"same\"]");
	assert_int_equal(read_buf(&b, &l), 0);
	assert_int_equal(l.packages.count, PACKAGES_MAX);
	cargo_lock_release(&l);
	buf_str(&b, "[[package]]\nname = \"a\"\nversion = \"1\"\n"
		    "dependencies = [");
	for (int i = 0; i <= PACKAGES_DEPS_MAX; i++)
		buf_str(&b, "\"a\",");
	buf_str(&b, "]\n");
	assert_int_equal(read_buf(&b, &l), ERR_TOOBIG);
}

static void
ids_tell_what_they_must(void **state)
{
	struct digest lock = { { 1 } }, chain = { { 2 } }, a, b;
	struct buf text = { 0 };
	struct lockfile l;

	(void)state;
	cargo_lock_build_id(&lock, &chain, "default", &a);
	cargo_lock_build_id(&chain, &lock, "default", &b);
	assert_false(digest_eq(&a, &b));
	cargo_lock_build_id(&lock, &chain, "other", &b);
	assert_false(digest_eq(&a, &b));
	cargo_lock_build_id(&lock, &chain, "default", &b);
	assert_true(digest_eq(&a, &b));

	assert_int_equal(read_text(today, &l), 0);
	cargo_lock_nearest_id(&l, &chain, "default", &a);
	cargo_lock_release(&l);
	/* Its own package alone counts, its version does not. */
	add(&text, "app", "");
	assert_int_equal(read_buf(&text, &l), 0);
	cargo_lock_nearest_id(&l, &chain, "default", &b);
	assert_true(digest_eq(&a, &b));
	cargo_lock_nearest_id(&l, &lock, "default", &b);
	assert_false(digest_eq(&a, &b));
	cargo_lock_release(&l);
	add(&text, "app", "");
	add(&text, "aaa", "");
	assert_int_equal(read_buf(&text, &l), 0);
	assert_string_equal(l.own[0], "aaa");
	cargo_lock_nearest_id(&l, &chain, "default", &b);
	assert_false(digest_eq(&a, &b));
	cargo_lock_release(&l);
}

static void
names_of_crates(void **state)
{
	char out[PACKAGES_NAME], long_name[66];

	(void)state;
	assert_true(packages_crate("serde-json", out));
	assert_string_equal(out, "serde_json");
	assert_false(packages_crate("", out));
	assert_false(packages_crate("a/b", out));
	assert_string_equal(out, "");
	memset(long_name, 'x', 65);
	long_name[65] = '\0';
	assert_false(packages_crate(long_name, out));
	long_name[64] = '\0';
	assert_true(packages_crate(long_name, out));
	assert_false(packages_is_crate("a-b", 3));
	assert_false(packages_is_crate("a\0b", 3));
	assert_true(packages_is_crate("a-b", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_today_is_read),
		cmocka_unit_test(the_oldest_form_is_read),
		cmocka_unit_test(line_ends_of_windows_are_fine),
		cmocka_unit_test(dependencies_come_first),
		cmocka_unit_test(cycles_are_broken),
		cmocka_unit_test(what_cargo_would_not_write_is_refused),
		cmocka_unit_test(size_and_counts_are_bounded),
		cmocka_unit_test(ids_tell_what_they_must),
		cmocka_unit_test(names_of_crates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
