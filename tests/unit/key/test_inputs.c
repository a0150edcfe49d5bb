/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/inputs.h"

#include "base/err.h"
#include "base/file.h"
#include "key/digest_cache.h"
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

static struct digest_cache m;
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

/* The key of an input list of one item, or its error. */
static int
key_of(char kind, const char *name, struct digest *k1)
{
	struct inputs_env env = {
		.memo = &m, .roots = &roots, .get = get, .cwd = testdir
	};
	struct inputs s = { 0 };
	struct digest k0;
	int r;

	digest_bytes("k0", 2, &k0);
	assert_int_equal(inputs_add(&s, kind, name, strlen(name)), 0);
	assert_int_equal(inputs_finish(&s), 0);
	r = inputs_key(&s, &env, &k0, k1, NULL);
	inputs_free(&s);
	return r;
}

static void
items_are_sorted_and_unique(void **state)
{
	struct inputs s = { 0 };

	(void)state;
	assert_int_equal(inputs_add(&s, 'f', "wb", 2), 0);
	assert_int_equal(inputs_add(&s, 'f', "wa", 2), 0);
	assert_int_equal(inputs_add(&s, 'e', "X", 1), 0);
	assert_int_equal(inputs_add(&s, 'f', "wb", 2), 0);
	assert_int_equal(inputs_finish(&s), 0);
	assert_int_equal(s.count, 3);
	assert_string_equal(inputs_item(&s, 0), "eX");
	assert_string_equal(inputs_item(&s, 1), "fwa");
	assert_string_equal(inputs_item(&s, 2), "fwb");
	inputs_free(&s);
}

static void
too_much_is_refused(void **state)
{
	static char name[INPUTS_ITEM_LEN + 2];
	struct inputs s = { 0 };

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_int_equal(inputs_add(&s, 'f', name, sizeof(name)), ERR_TOOBIG);
	inputs_free(&s);
}

static void
the_digest_of_a_inputs_is_that_of_its_items(void **state)
{
	struct inputs s = { 0 }, t = { 0 };
	struct digest a, b;

	(void)state;
	assert_int_equal(inputs_add(&s, 'f', "wb", 2), 0);
	assert_int_equal(inputs_add(&s, 'f', "wa", 2), 0);
	assert_int_equal(inputs_finish(&s), 0);
	inputs_digest(&s, &a);
	digest_bytes("fwa\0fwb", 8, &b);
	assert_true(digest_eq(&a, &b));
	assert_int_equal(inputs_add(&t, 'f', "wafwb", 5), 0);
	assert_int_equal(inputs_finish(&t), 0);
	inputs_digest(&t, &b);
	assert_false(digest_eq(&a, &b));
	inputs_free(&s);
	inputs_free(&t);
}

static void
large_files_of_remote_inputs_are_not_read(void **state)
{
	struct inputs_env env = {
		.memo = &m, .roots = &roots, .get = get, .cwd = testdir
	};
	struct digest k0 = { { 0 } }, a, b;
	struct inputs s = { 0 };

	(void)state;
	write_file("large", "12345");
	assert_int_equal(inputs_add(&s, 'f', "w/large", 7), 0);
	assert_int_equal(inputs_finish(&s), 0);
	env.file_max = 4;
	assert_int_equal(inputs_key(&s, &env, &k0, &a, NULL), ERR_TOOBIG);
	env.file_max = 5;
	assert_int_equal(inputs_key(&s, &env, &k0, &a, NULL), 0);
	env.file_max = 0;
	assert_int_equal(inputs_key(&s, &env, &k0, &b, NULL), 0);
	assert_true(digest_eq(&a, &b));
	inputs_free(&s);
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

/* The names themselves, not their number, nor the order of the directory. */
static void
listings_are_sets_of_names(void **state)
{
	struct digest a, b, up, down;
	char name[32];

	(void)state;
	assert_int_equal(mkdir(at("set"), 0755), 0);
	write_file("set/one", "");
	assert_int_equal(key_of('l', "w/set", &a), 0);
	assert_int_equal(unlink(at("set/one")), 0);
	write_file("set/two", "");
	assert_int_equal(key_of('l', "w/set", &b), 0);
	assert_false(digest_eq(&a, &b));
	assert_int_equal(unlink(at("set/two")), 0);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "set/%d", i * 7919);
		write_file(name, "");
	}
	assert_int_equal(key_of('l', "w/set", &up), 0);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "set/%d", i * 7919);
		assert_int_equal(unlink(at(name)), 0);
	}
	for (int i = 59; i >= 0; i--) {
		snprintf(name, sizeof(name), "set/%d", i * 7919);
		write_file(name, "");
	}
	assert_int_equal(key_of('l', "w/set", &down), 0);
	assert_true(digest_eq(&up, &down));
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

static const char *search_path;

static const char *
get_path(const char *name)
{
	return strcmp(name, "PATH") == 0 ? search_path : value;
}

static const struct digest no_externs[1];

static struct inputs_env
plain_env(void)
{
	return (struct inputs_env){ .memo = &m,
				    .roots = &roots,
				    .get = get_path,
				    .cwd = testdir,
				    .externs = no_externs };
}

/* The key of an input list of up to two items. */
static struct digest
key_in(const struct inputs_env *env, const char *k0_text, const char *one,
       const char *two)
{
	struct inputs s = { 0 };
	struct digest k0, k1;

	digest_bytes(k0_text, strlen(k0_text), &k0);
	if (one)
		inputs_add(&s, one[0], one + 1, strlen(one + 1));
	if (two)
		inputs_add(&s, two[0], two + 1, strlen(two + 1));
	assert_int_equal(inputs_finish(&s), 0);
	assert_int_equal(inputs_key(&s, env, &k0, &k1, NULL), 0);
	inputs_free(&s);
	return k1;
}

static void
differ(struct digest a, struct digest b)
{
	assert_false(digest_eq(&a, &b));
}

static void
k0_externs_and_names_count(void **state)
{
	struct inputs_env env = plain_env(), more = env, swapped = env;
	struct digest two[2], back[2];

	(void)state;
	value = "v";
	digest_bytes("x", 1, &two[0]);
	digest_bytes("y", 1, &two[1]);
	back[0] = two[1];
	back[1] = two[0];
	differ(key_in(&env, "k0", "eA", NULL), key_in(&env, "k1", "eA", NULL));
	differ(key_in(&env, "k0", "eA", NULL), key_in(&env, "k0", "eB", NULL));
	differ(key_in(&env, "k0", "eA", NULL), key_in(&env, "k0", "eA", "eB"));
	differ(key_in(&env, "k0", NULL, NULL), key_in(&env, "k0", "eA", NULL));
	more.externs = two;
	more.nexterns = 1;
	differ(key_in(&env, "k0", NULL, NULL), key_in(&more, "k0", NULL, NULL));
	more.nexterns = 2;
	swapped.externs = back;
	swapped.nexterns = 2;
	differ(key_in(&more, "k0", NULL, NULL),
	       key_in(&swapped, "k0", NULL, NULL));
}

/* Equal contents under two names, one or the other: not one key. */
static void
inputs_count_as_a_whole(void **state)
{
	struct inputs_env env = plain_env();

	(void)state;
	write_file("one", "same");
	write_file("two", "same");
	differ(key_in(&env, "k0", "fw/one", NULL),
	       key_in(&env, "k0", "fw/two", NULL));
	differ(key_in(&env, "k0", "fw/one", NULL),
	       key_in(&env, "k0", "sw/one", NULL));
}

static void
types_of_present_names_count(void **state)
{
	struct digest file, dir, again;

	(void)state;
	write_file("type", "");
	assert_int_equal(key_of('s', "w/type", &file), 0);
	assert_int_equal(key_of('k', "w/type", &again), 0);
	assert_int_equal(unlink(at("type")), 0);
	assert_int_equal(key_of('k', "w/type", &again), ERR_MISS);
	assert_int_equal(mkdir(at("type"), 0755), 0);
	assert_int_equal(key_of('s', "w/type", &dir), 0);
	assert_false(digest_eq(&file, &dir));
	assert_int_equal(rmdir(at("type")), 0);
	/* A dangling link is not there for who follows it. */
	assert_int_equal(symlink("gone", at("type")), 0);
	assert_int_equal(key_of('s', "w/type", &dir), ERR_MISS);
	assert_int_equal(key_of('a', "w/type", &dir), ERR_MISS);
	assert_int_equal(unlink(at("type")), 0);
	assert_int_equal(key_of('f', "w", &dir), ERR_REFUSED);
	assert_int_equal(key_of('l', "w/nowhere", &dir), ERR_MISS);
	write_file("plain", "");
	assert_int_equal(key_of('l', "w/plain", &dir), ERR_MISS);
	assert_int_equal(key_of('f', "w/plain/x", &dir), ERR_MISS);
	assert_int_equal(key_of('a', "w/plain/x", &dir), 0);
}

static void
links_count_by_target(void **state)
{
	struct digest a, b, file;

	(void)state;
	write_file("target1", "");
	write_file("target2", "");
	assert_int_equal(symlink("target1", at("link")), 0);
	assert_int_equal(key_of('k', "w/link", &a), 0);
	assert_int_equal(unlink(at("link")), 0);
	assert_int_equal(symlink("target2", at("link")), 0);
	assert_int_equal(key_of('k', "w/link", &b), 0);
	assert_false(digest_eq(&a, &b));
	assert_int_equal(unlink(at("link")), 0);
	write_file("link", "");
	assert_int_equal(key_of('k', "w/link", &file), 0);
	assert_false(digest_eq(&file, &a));
	assert_false(digest_eq(&file, &b));
}

static void
places_count_by_root(void **state)
{
	static char in_checkout[300];
	struct digest a, b;

	(void)state;
	snprintf(in_checkout, sizeof(in_checkout), "%s/out", testdir);
	value = in_checkout;
	assert_int_equal(key_of('i', "OUT_DIR", &a), 0);
	snprintf(in_checkout, sizeof(in_checkout), "%s/out2", testdir);
	assert_int_equal(key_of('i', "OUT_DIR", &b), 0);
	assert_false(digest_eq(&a, &b));
	value = NULL;
	assert_int_equal(key_of('i', "OUT_DIR", &b), ERR_MISS);
	value = "relative";
	assert_int_equal(key_of('i', "OUT_DIR", &b), ERR_MISS);
}

static void
write_program(const char *name, const char *text, mode_t mode)
{
	write_file(name, text);
	assert_int_equal(chmod(at(name), mode), 0);
}

static void
the_first_program_in_path_counts(void **state)
{
	static char dirs[300];
	struct inputs_env env = plain_env();
	struct digest none, two, one;

	(void)state;
	assert_int_equal(mkdir(at("bin1"), 0755), 0);
	assert_int_equal(mkdir(at("bin2"), 0755), 0);
	snprintf(dirs, sizeof(dirs), "%s/bin1:%s/bin2", testdir, testdir);
	search_path = dirs;
	none = key_in(&env, "k0", "ptool", NULL);
	write_program("bin2/tool", "two", 0755);
	two = key_in(&env, "k0", "ptool", NULL);
	differ(none, two);
	write_program("bin2/tool", "zwo", 0755);
	differ(two, key_in(&env, "k0", "ptool", NULL));
	/* What cannot be executed is not found. */
	write_program("bin2/tool", "two", 0755);
	write_program("bin1/tool", "one", 0644);
	one = key_in(&env, "k0", "ptool", NULL);
	assert_true(digest_eq(&one, &two));
	write_program("bin1/tool", "one", 0755);
	differ(two, key_in(&env, "k0", "ptool", NULL));
	search_path = NULL;
	one = key_in(&env, "k0", "ptool", NULL);
	assert_true(digest_eq(&one, &none));
}

static void
the_item_that_fails_is_told(void **state)
{
	struct inputs_env env = plain_env();
	struct digest k0 = { { 0 } }, k1 = { { 9 } }, before = k1;
	struct inputs s = { 0 };
	size_t bad = 99;

	(void)state;
	write_file("good", "");
	inputs_add(&s, 'f', "w/good", 6);
	inputs_add(&s, 'f', "w/zone", 6);
	assert_int_equal(inputs_finish(&s), 0);
	assert_int_equal(inputs_key(&s, &env, &k0, &k1, &bad), ERR_MISS);
	assert_int_equal(bad, 1);
	assert_true(digest_eq(&k1, &before));
	inputs_free(&s);
	assert_int_equal(key_of('?', "w/good", &k1), ERR_CORRUPT);
}

static void
externs_are_hashed_in_order(void **state)
{
	struct args_extern list[3] = { { "a", 1, NULL },
				       { "b", 1, NULL },
				       { "std", 3, NULL } };
	struct args a = { .externs = list, .nexterns = 3 };
	struct digest *d, want;
	struct file_id *ids;
	char one[256], two[256];

	(void)state;
	write_file("liba.rlib", "a");
	write_file("libb.rlib", "b");
	memcpy(one, at("liba.rlib"), sizeof(one));
	memcpy(two, at("libb.rlib"), sizeof(two));
	list[0].path = one;
	list[1].path = two;
	assert_int_equal(inputs_externs(&a, &m, &d, &ids), 0);
	digest_bytes("a", 1, &want);
	assert_true(digest_eq(&d[0], &want));
	digest_bytes("b", 1, &want);
	assert_true(digest_eq(&d[1], &want));
	assert_int_equal(ids[1].size, 1);
	free(d);
	free(ids);
	assert_int_equal(unlink(two), 0);
	assert_int_equal(inputs_externs(&a, &m, &d, &ids), ERR_MISS);
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
	digest_cache_open(&m, -1);
	return 0;
}

static char *everything[8];

static struct inputs_env
env_of(const char *a, const char *b, const char *c)
{
	struct inputs_env env = plain_env();

	everything[0] = (char *)a;
	everything[1] = (char *)b;
	everything[2] = (char *)c;
	everything[3] = NULL;
	env.all = everything;
	return env;
}

static struct digest
whole(const char *item, const char *a, const char *b, const char *c)
{
	struct inputs_env env = env_of(a, b, c);

	return key_in(&env, "k0", item, NULL);
}

static void
same(struct digest a, struct digest b)
{
	assert_true(digest_eq(&a, &b));
}

static void
the_whole_environment_counts_less_noise(void **state)
{
	struct digest a;

	(void)state;
	a = whole("Eall", "A=1", "B=2", NULL);
	same(a, whole("Eall", "B=2", "A=1", NULL));
	differ(a, whole("Eall", "A=1", "B=3", NULL));
	differ(a, whole("Eall", "A=1", NULL, NULL));
	differ(a, whole("Eall", "A=1", "B=2", "C="));
	differ(a, whole("Eall", "A=1B=2", NULL, NULL));
	same(a, whole("Eall", "A=1", "TERM=xterm", "B=2"));
	same(a, whole("Eall", "A=1", "SSH_TTY=/dev/pts/1", "B=2"));
	same(a, whole("Eall", "A=1", "CARGO_MAKEFLAGS=-j3", "B=2"));
	differ(a, whole("Eall", "A=1", "TERMX=xterm", "B=2"));
	same(a, whole("Eall", "A=1", "PATH=/x", "B=2"));
	differ(whole("Eraw", "A=1", "PATH=/x", NULL),
	       whole("Eraw", "A=1", "PATH=/y", NULL));
	differ(a, whole("Eall", "A=1", "API_TOKEN=1", "B=2"));
}

static void
of_what_cc_copies_its_own_names_count(void **state)
{
	static const char *const names[] = {
		"CC=x",
		"CFLAGS_x86_64-unknown-linux-gnu=x",
		"HOST_CXXFLAGS=x",
		"TARGET_AR=x",
		"CROSS_COMPILE=x",
		"CARGO_ENCODED_RUSTFLAGS=x",
		"RANLIBFLAGS=x",
		"CXXSTDLIB=x",
		"WASI_SYSROOT=x",
		"CC_ENABLE_DEBUG_OUTPUT=x",
		"CARGO_CFG_TARGET_OS=x",
	};
	static const char *const others[] = {
		"USER=x",           "GITHUB_RUN_ID=x",  "ACCESS=x", "LANG=x",
		"CARGO_PKG_NAME=x", "AWS_ACCESS_KEY=x", "PATH=x",
	};
	struct digest none = whole("Ecc", "B=1", NULL, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		differ(none, whole("Ecc", "B=1", names[i], NULL));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		same(none, whole("Ecc", "B=1", others[i], NULL));
	differ(none, whole("Eall", "B=1", NULL, NULL));
}

static void
places_in_the_environment_move_or_not(void **state)
{
	char here[160], there[160], w2[160];
	struct inputs_env a, b;
	struct roots moved = roots;

	(void)state;
	snprintf(w2, sizeof(w2), "%s/w2", testdir);
	for (size_t i = 0; i < moved.count; i++)
		if (moved.r[i].tag == 'w') {
			moved.r[i].path = w2;
			moved.r[i].len = strlen(w2);
		}
	snprintf(here, sizeof(here), "FLAGS=x -I %s/inc", testdir);
	snprintf(there, sizeof(there), "FLAGS=x -I %s/inc", w2);
	differ(whole("Eall", here, NULL, NULL),
	       whole("Eall", there, NULL, NULL));
	a = b = env_of(here, NULL, NULL);
	b.roots = &moved;
	differ(key_in(&a, "k0", "Eall", NULL), key_in(&b, "k0", "Eall", NULL));
	for (int raw = 0; raw < 2; raw++) {
		const char *item = raw ? "Eraw" : "Eall";
		struct digest one = whole(item, here, NULL, NULL), two;

		env_of(there, NULL, NULL);
		two = key_in(&b, "k0", item, NULL);
		assert_int_equal(digest_eq(&one, &two), !raw);
	}
}

/* The key of a remote's input list is told to the remote. */
static void
secrets_are_no_business_of_a_remote(void **state)
{
	struct inputs_env env = env_of("A=1", "API_TOKEN=1", NULL);
	struct digest k0 = { { 0 } }, k1;
	struct inputs s = { 0 };

	(void)state;
	assert_int_equal(inputs_add(&s, 'E', "all", 3), 0);
	assert_int_equal(inputs_finish(&s), 0);
	assert_int_equal(inputs_key(&s, &env, &k0, &k1, NULL), 0);
	env.file_max = 1 << 20;
	assert_int_equal(inputs_key(&s, &env, &k0, &k1, NULL), ERR_MISS);
	env = env_of("A=1", NULL, NULL);
	env.file_max = 1 << 20;
	assert_int_equal(inputs_key(&s, &env, &k0, &k1, NULL), 0);
	env.all = NULL;
	assert_int_equal(inputs_key(&s, &env, &k0, &k1, NULL), ERR_MISS);
	inputs_free(&s);
}

static void
cpu_and_host_are_items(void **state)
{
	struct inputs_env env = plain_env();
	struct digest none = key_in(&env, "k0", NULL, NULL);
	struct digest cpu = key_in(&env, "k0", "xcpu", NULL);
	struct digest host = key_in(&env, "k0", "xhost", NULL);
	struct digest d;

	(void)state;
	differ(none, cpu);
	differ(none, host);
	differ(cpu, host);
	same(cpu, key_in(&env, "k0", "xcpu", NULL));
	same(host, key_in(&env, "k0", "xhost", NULL));
	differ(cpu, key_in(&env, "k0", "xcpus", NULL));
	same(key_in(&env, "k0", "xcpus", NULL),
	     key_in(&env, "k0", "xcpus", NULL));
	assert_int_equal(key_of('x', "gpu", &d), ERR_CORRUPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_sorted_and_unique),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(the_digest_of_a_inputs_is_that_of_its_items),
		cmocka_unit_test(large_files_of_remote_inputs_are_not_read),
		cmocka_unit_test(content_of_files_counts),
		cmocka_unit_test(unset_and_empty_variables_differ),
		cmocka_unit_test(absent_must_stay_absent),
		cmocka_unit_test(present_must_stay_with_its_type),
		cmocka_unit_test(listings_are_names_only),
		cmocka_unit_test(listings_are_sets_of_names),
		cmocka_unit_test(crate_listings_see_libraries_only),
		cmocka_unit_test(programs_are_found_over_path),
		cmocka_unit_test(unknown_roots_never_match),
		cmocka_unit_test(k0_externs_and_names_count),
		cmocka_unit_test(types_of_present_names_count),
		cmocka_unit_test(the_whole_environment_counts_less_noise),
		cmocka_unit_test(of_what_cc_copies_its_own_names_count),
		cmocka_unit_test(places_in_the_environment_move_or_not),
		cmocka_unit_test(secrets_are_no_business_of_a_remote),
		cmocka_unit_test(cpu_and_host_are_items),
		cmocka_unit_test(links_count_by_target),
		cmocka_unit_test(places_count_by_root),
		cmocka_unit_test(the_first_program_in_path_counts),
		cmocka_unit_test(the_item_that_fails_is_told),
		cmocka_unit_test(externs_are_hashed_in_order),
		cmocka_unit_test(inputs_count_as_a_whole),
	};

	return cmocka_run_group_tests(tests, set_up, testdir_remove);
}
