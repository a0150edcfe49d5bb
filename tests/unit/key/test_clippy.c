/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/clippy.h"

#include "base/digest.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int at;
static char top[PATH_MAX], package[PATH_MAX + 16], other[PATH_MAX + 16];
static const char *conf_dir, *manifest_dir, *sysroot;

static const char *
get(const char *name)
{
	return !strcmp(name, "CLIPPY_CONF_DIR")      ? conf_dir
	       : !strcmp(name, "CARGO_MANIFEST_DIR") ? manifest_dir
	       : !strcmp(name, "SYSROOT")            ? sysroot
						     : NULL;
}

static void
write_file(const char *name, const char *text)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0644);

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	close(fd);
}

static struct digest
conf(const char *below)
{
	char cwd[PATH_MAX + 16];
	struct digest_cache m;
	struct clippy_in in = { get, cwd, &m };
	struct digest d;

	snprintf(cwd, sizeof(cwd), "%s/%s", top, below);
	digest_cache_open(&m, at);
	assert_int_equal(clippy_conf(&in, &d), 0);
	digest_cache_close(&m);
	return d;
}

static void
what_lies_above_is_known_before(void **state)
{
	struct digest none, one, d;

	(void)state;
	none = conf("up/w");
	write_file("up/w/clippy.toml", "x");
	d = conf("up/w");
	assert_true(digest_eq(&none, &d));
	unlinkat(at, "up/w/clippy.toml", 0);

	write_file("up/clippy.toml", "x");
	one = conf("up/w");
	assert_false(digest_eq(&none, &one));
	write_file("up/clippy.toml", "y");
	d = conf("up/w");
	assert_false(digest_eq(&one, &d));
	write_file("up/clippy.toml", "x");
	d = conf("up/w");
	assert_true(digest_eq(&one, &d));

	/* Of both names clippy takes one, and warns. */
	write_file("up/.clippy.toml", "x");
	d = conf("up/w");
	assert_false(digest_eq(&one, &d));
	unlinkat(at, "up/.clippy.toml", 0);

	/* It looks no further than to the nearest. */
	write_file("up/w/pkg/.clippy.toml", "x");
	d = conf("up/w");
	assert_true(digest_eq(&none, &d));
	unlinkat(at, "up/w/pkg/.clippy.toml", 0);
	unlinkat(at, "up/clippy.toml", 0);

	assert_int_equal(mkdirat(at, "up/clippy.toml", 0755), 0);
	d = conf("up/w");
	assert_true(digest_eq(&none, &d));
	unlinkat(at, "up/clippy.toml", AT_REMOVEDIR);
}

static void
where_it_starts_the_environment_says(void **state)
{
	struct digest none = conf("up/w"), d;

	(void)state;
	write_file("other/clippy.toml", "x");
	conf_dir = other;
	d = conf("up/w");
	assert_false(digest_eq(&none, &d));
	conf_dir = NULL;
	manifest_dir = other;
	d = conf("up/w");
	assert_false(digest_eq(&none, &d));
	manifest_dir = NULL;
	d = conf("up/w");
	assert_true(digest_eq(&none, &d));
	manifest_dir = package;
	unlinkat(at, "other/clippy.toml", 0);
}

static void
names_are_known(void **state)
{
	(void)state;
	assert_true(clippy_is_conf("/a/clippy.toml"));
	assert_true(clippy_is_conf("/a/.clippy.toml"));
	assert_true(clippy_is_conf("clippy.toml"));
	assert_false(clippy_is_conf("/clippy.toml/x"));
	assert_false(clippy_is_conf("/a/xclippy.toml"));
	assert_true(clippy_is_above("/a/b", "/a/clippy.toml"));
	assert_true(clippy_is_above("/a/b", "/a/bc/clippy.toml"));
	assert_false(clippy_is_above("/a/b", "/a/b/clippy.toml"));
	assert_false(clippy_is_above("/a/b", "/a/b"));
	assert_true(clippy_is_place("CLIPPY_CONF_DIR"));
	assert_false(clippy_is_place("CARGO_HOME"));
	assert_null(clippy_refuses(get));
	sysroot = "/x";
	assert_string_equal(clippy_refuses(get), "env:SYSROOT");
	sysroot = NULL;
}

static int
set_up(void **state)
{
	if (testdir_make(state) < 0 || !realpath(testdir, top))
		return -1;
	at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(package, sizeof(package), "%s/up/w/pkg", top);
	snprintf(other, sizeof(other), "%s/other", top);
	manifest_dir = package;
	return mkdirat(at, "up", 0755) || mkdirat(at, "up/w", 0755) ||
			       mkdirat(at, "up/w/pkg", 0755) ||
			       mkdirat(at, "other", 0755)
		       ? -1
		       : 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lies_above_is_known_before),
		cmocka_unit_test(where_it_starts_the_environment_says),
		cmocka_unit_test(names_are_known),
	};

	return cmocka_run_group_tests(tests, set_up, testdir_remove);
}
