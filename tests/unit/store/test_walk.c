/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/walk.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../testdir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define A "0000000000000000000000000000000000000000000000000000000000000001"
#define B "0000000000000000000000000000000000000000000000000000000000000002"
#define C "ff00000000000000000000000000000000000000000000000000000000000000"

static int dir;
static struct buf seen;

static void
put(const char *name)
{
	assert_int_equal(file_publish(dir, "tmp", name, "x", 1), 0);
}

/* '+' for a digest, '-' for another name, '!' for an error. */
static int
note(void *ctx, const struct store_file *f)
{
	const char *stop = ctx;

	buf_char(&seen, f->error ? '!' : f->digest ? '+' : '-');
	buf_fmt(&seen, "%.9s ", f->path + strlen("kind/"));
	assert_string_equal(f->path + strlen(f->path) - strlen(f->name),
			    f->name);
	if (f->digest)
		assert_int_equal(unlinkat(dir, f->path, 0), 0);
	return stop && !strcmp(f->name, stop) ? 7 : 0;
}

static int
saw(const char *stop, const char *want)
{
	int r;

	buf_reset(&seen);
	buf_str(&seen, "");
	r = store_walk(dir, "kind", note, (void *)stop);
	assert_string_equal(seen.p, want);
	return r;
}

static void
fill(void)
{
	put("kind/00/" B);
	put("kind/00/" A);
	put("kind/ff/" C);
	put("kind/00/" C);
	put("kind/00/.nfs01");
	put("kind/0G/x");
	put("kind/ab");
}

static void
files_come_in_order(void **state)
{
	(void)state;
	assert_int_equal(saw(NULL, ""), 0);
	assert_int_equal(mkdirat(dir, "kind", 0700), 0);
	fill();
	/* Any may be removed on the way. */
	assert_int_equal(saw(NULL, "+00/000000 +00/000000 -00/ff0000 -0G -ab "
				   "+ff/ff0000 "),
			 0);
	fill();
	assert_int_equal(saw(A, "+00/000000 "), 7);
	buf_reset(&seen);
	assert_int_equal(store_walk_part(dir, "kind", 0, note, NULL), 0);
	assert_string_equal(seen.p, "+00/000000 -00/ff0000 ");
	assert_int_equal(store_walk_part(dir, "kind", 1, note, NULL), 0);
	assert_int_equal(unlinkat(dir, "kind/ff/" C, 0), 0);
	assert_int_equal(unlinkat(dir, "kind/00/" C, 0), 0);
	assert_int_equal(unlinkat(dir, "kind/0G/x", 0), 0);
}

static void
trouble_is_told(void **state)
{
	(void)state;
	/* A loop of links: nobody can read it, root neither. */
	assert_int_equal(symlinkat("cd", dir, "kind/cd"), 0);
	assert_int_equal(saw("cd", "-0G -ab !cd "), 7);
	assert_int_equal(store_walk(dir, "kind/ab", note, NULL), -ENOTDIR);
}

static int
make(void **state)
{
	if (testdir_make(state) < 0)
		return -1;
	dir = open(testdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_come_in_order),
		cmocka_unit_test(trouble_is_told),
	};

	return cmocka_run_group_tests(tests, make, testdir_remove);
}
