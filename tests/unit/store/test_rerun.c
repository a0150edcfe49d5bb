/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/rerun.h"

#include "base/digest.h"
#include "base/err.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct store store;
static const struct digest one = { { 1 } }, two = { { 2 } };

static int
make(void **state)
{
	char path[80];

	if (testdir_make(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/store", testdir);
	return store_open(&store, path);
}

static int
end(void **state)
{
	store_close(&store);
	return testdir_remove(state);
}

static int
count(void *ctx, const struct digest *k1)
{
	assert_true(digest_eq(k1, &one) || digest_eq(k1, &two));
	++*(int *)ctx;
	return 0;
}

static void
what_is_noted_comes_back(void **state)
{
	struct rerun r = { 0 }, got;
	int n = 0;

	(void)state;
	assert_int_equal(rerun_each(&store, count, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(rerun_load(&store, &one, &got), ERR_MISS);
	buf_str(&r.program, "/t/build/x.kache-real");
	buf_str(&r.cwd, "/w");
	buf_add(&r.env, "A=1\0B=2", 8);
	assert_int_equal(rerun_save(&store, &one, &r), 0);
	assert_int_equal(rerun_save(&store, &two, &r), 0);
	assert_int_equal(rerun_each(&store, count, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(rerun_load(&store, &one, &got), 0);
	assert_string_equal(got.program.p, "/t/build/x.kache-real");
	assert_string_equal(got.cwd.p, "/w");
	assert_int_equal(got.env.len, 8);
	assert_memory_equal(got.env.p, "A=1\0B=2", 8);
	assert_int_equal(got.target.len, 0);
	rerun_release(&got);
	rerun_release(&r);
	rerun_remove(&store, &one);
	assert_int_equal(rerun_load(&store, &one, &got), ERR_MISS);
}

static void
a_torn_one_is_removed(void **state)
{
	struct rerun got;
	char name[STORE_NAME], hex[DIGEST_HEX + 1];
	int fd;

	(void)state;
	digest_hex(&two, hex);
	snprintf(name, sizeof(name), "reruns/%s", hex);
	fd = openat(store.dir, name, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 30), 0);
	close(fd);
	assert_int_equal(rerun_load(&store, &two, &got), ERR_CORRUPT);
	assert_int_equal(faccessat(store.dir, name, F_OK, 0), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_noted_comes_back),
		cmocka_unit_test(a_torn_one_is_removed),
	};

	return cmocka_run_group_tests(tests, make, end);
}
