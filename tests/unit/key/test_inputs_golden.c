/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/inputs.h"

#include "base/file.h"
#include "key/ambient.h"
#include "key/digest_cache.h"
#include "key/unit.h"
#include "rustc/roots.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Entry keys, byte for byte: one that differs from these makes every store and
 * every remote worthless.
 */
static const char *const all[] = {
	"Ecc",    "Eall",   "aw/none", "aO/none", "lO",      "cw/deps",
	"eNAME",  "eUNSET", "fw/one",  "iPLACE",  "kw/link", "lw/deps",
	"mw/one", "pnone",  "ptool",   "sw/deps", "sw/tool", "tw/one",
	"vTEXT",  "wPLACE", "wTEXT",   "rw/link",
};

static const char unit_key_hex[] =
	"2c9b73a052b9733794dc2478e62229e64e2925f73cabb7d9240aa5db8650fff8";
static const char externs_key_hex[] =
	"4fcb80d184bea598b0447a79b8de2cba3aee2b3a4944b1e5bd540010f2c0bbff";
static const char run_key_hex[] =
	"7fbbb978fbd0a452e8893af3dd4fcb3c36a4d9f9a1c8e3090476b03e13748285";

static struct digest_cache memo = { .fd = -1 };
static struct roots roots;
static char out_dir[96], text[160], path_var[96];
static char *environment[] = { text, "CC=gcc", "PATH=/bin", "TERM=dumb", NULL };

static const char *
get(const char *name)
{
	return strcmp(name, "NAME") == 0    ? "value"
	       : strcmp(name, "PLACE") == 0 ? testdir
	       : strcmp(name, "TEXT") == 0  ? text
	       : strcmp(name, "PATH") == 0  ? path_var
					    : NULL;
}

static void
put_file(const char *name, const char *content, mode_t mode)
{
	const struct timespec times[2] = { { 1, 0 }, { 1700000000, 5 } };
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, content, strlen(content)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static int
set_up(void **state)
{
	struct roots_in in = { .out_dir_env = out_dir, .cwd = testdir };
	char path[256];

	if (testdir_make(state) < 0)
		return -1;
	umask(022);
	snprintf(out_dir, sizeof(out_dir), "%s/out", testdir);
	snprintf(text, sizeof(text), "TEXT=-I%s/inc", testdir);
	snprintf(path_var, sizeof(path_var), "%s/none:%s", testdir, testdir);
	roots_init_run(&roots, &in);
	snprintf(path, sizeof(path), "%s/deps", testdir);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(mkdir(out_dir, 0755), 0);
	put_file("one", "content", 0640);
	put_file("tool", "#!/bin/sh\n", 0755);
	put_file("deps/liba.rlib", "", 0644);
	put_file("deps/other", "", 0644);
	snprintf(path, sizeof(path), "%s/link", testdir);
	return symlink("one", path);
}

static struct inputs_env
plain_env(void)
{
	return (struct inputs_env){ .memo = &memo,
				    .roots = &roots,
				    .get = get,
				    .all = environment,
				    .cwd = testdir };
}

static void
add_items(struct inputs *s, const char *const *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(inputs_add(s, items[i][0], items[i] + 1,
					    strlen(items[i] + 1)),
				 0);
	assert_int_equal(inputs_finish(s), 0);
}

static void
is_key(const struct inputs_env *env, size_t n, const char *hex)
{
	char got[DIGEST_HEX + 1];
	struct inputs s = { 0 };
	struct digest k0, k1;

	digest_bytes("k0", 2, &k0);
	add_items(&s, all, n);
	assert_int_equal(inputs_key(&s, env, &k0, &k1, NULL), 0);
	digest_hex(&k1, got);
	assert_string_equal(got, hex);
	inputs_free(&s);
}

/* Where a name really lies is in the keys of units as it is. */
static void
keys_of_units_stay(void **state)
{
	struct inputs_env env = plain_env();
	struct digest externs[2];

	(void)state;
	is_key(&env, sizeof(all) / sizeof(all[0]) - 1, unit_key_hex);
	digest_bytes("a", 1, &externs[0]);
	digest_bytes("b", 1, &externs[1]);
	env.externs = externs;
	env.nexterns = 2;
	is_key(&env, sizeof(all) / sizeof(all[0]) - 1, externs_key_hex);
}

static void
keys_of_runs_stay(void **state)
{
	struct inputs_env env = plain_env();

	(void)state;
	env.run = true;
	is_key(&env, sizeof(all) / sizeof(all[0]), run_key_hex);
	env.filled = true;
	is_key(&env, sizeof(all) / sizeof(all[0]), run_key_hex);
}

static void
fold_time(struct digest_ctx *c, const struct timespec *t)
{
	digest_u64(c, (uint64_t)t->tv_sec);
	digest_u64(c, (uint64_t)t->tv_nsec);
}

/* What is the machine's, the user's or the moment's, by the same bytes. */
static void
keys_of_what_is_here_stay(void **state)
{
	static const char *const items[] = { "Eraw",    "bw/one", "ow/one",
					     "rw/link", "xcpu",   "xcpus",
					     "xhost" };
	struct inputs_env env = plain_env();
	struct digest k0, k1, expected;
	char path[256], real[PATH_MAX];
	struct inputs s = { 0 };
	struct digest_ctx c;
	struct stat st;

	(void)state;
	digest_bytes("k0", 2, &k0);
	snprintf(path, sizeof(path), "%s/one", testdir);
	assert_int_equal(stat(path, &st), 0);
	assert_non_null(realpath(path, real));
	digest_init(&c);
	digest_str(&c, "kache-k1-1");
	digest_sub(&c, &k0);
	digest_u64(&c, 0);
	digest_u64(&c, sizeof(items) / sizeof(items[0]));
	digest_str(&c, "Eraw");
	digest_u64(&c, 3);
	digest_str(&c, "CC=gcc");
	digest_str(&c, "PATH=/bin");
	digest_str(&c, text);
	digest_str(&c, "bw/one");
	fold_time(&c, &st.st_mtim);
	fold_time(&c, &st.st_ctim);
	digest_str(&c, "ow/one");
	digest_u64(&c, st.st_uid == geteuid());
	digest_u64(&c, st.st_uid);
	digest_u64(&c, st.st_gid);
	digest_u64(&c, 1);
	digest_str(&c, "rw/link");
	digest_str(&c, real);
	digest_str(&c, "xcpu");
	unit_fold_cpu(&c);
	digest_str(&c, "xcpus");
	assert_int_equal(ambient_cpus(&c), 0);
	digest_str(&c, "xhost");
	assert_int_equal(ambient_host(&c, &memo), 0);
	digest_end(&c, &expected);
	add_items(&s, items, sizeof(items) / sizeof(items[0]));
	assert_int_equal(inputs_key(&s, &env, &k0, &k1, NULL), 0);
	assert_memory_equal(&k1, &expected, sizeof(k1));
	inputs_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_units_stay),
		cmocka_unit_test(keys_of_runs_stay),
		cmocka_unit_test(keys_of_what_is_here_stay),
	};

	return cmocka_run_group_tests(tests, set_up, testdir_remove);
}
