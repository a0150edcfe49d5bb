/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "config/project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/kache-test-XXXXXX";
static char file[64];
static struct project p;

static void
put(const char *text)
{
	FILE *f;

	unlink(file);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(file, 0644), 0);
}

static void
load(void)
{
	memset(&p, 0xa5, sizeof(p));
	project_load(&p, dir);
}

static void
what_it_may_say(void **state)
{
	(void)state;
	unlink(file);
	load();
	assert_int_equal(p.status, -ENOENT);
	assert_int_equal(p.problem_count, 0);
	put("[inputs]\nallow = a b:x/y.h:z\nplaces = CARGO_MANIFEST_DIR\n");
	load();
	assert_int_equal(p.status, 0);
	assert_int_equal(p.problem_count, 0);
	assert_string_equal(p.allow, "a b:x/y.h:z");
	assert_string_equal(p.places, "CARGO_MANIFEST_DIR");
	assert_true(p.id[1] && p.id[2]);
}

/* Every key of the table but two. */
static void
what_it_may_not(void **state)
{
	char text[256], wanted[256];

	(void)state;
	for (int id = 0; id < CONFIG_KEYS; id++) {
		const struct config_key *k = &config_keys[id];

		if (id == CONFIG_INPUTS_ALLOW || id == CONFIG_INPUTS_PLACES)
			continue;
		snprintf(text, sizeof(text), "\n[%s]\n%s = /x\n", k->section,
			 k->name);
		put(text);
		load();
		assert_int_equal(p.problem_count, 1);
		snprintf(wanted, sizeof(wanted),
			 "%s:3: [%s] %s: a project may not set this", file,
			 k->section, k->name);
		assert_string_equal(p.problem[0], wanted);
		assert_string_equal(p.allow, "");
		assert_string_equal(p.places, "");
	}
	put("[inputs]\nallowed = x\n[remote other]\nurl = x\nnonsense\n");
	load();
	assert_int_equal(p.problem_count, 3);
	assert_non_null(strstr(p.problem[0], ":2: [inputs] allowed: no such"));
	assert_non_null(strstr(p.problem[1], ":4: [remote other] url: no"));
	assert_non_null(strstr(p.problem[2], ":5: "));
}

static void
paths_of_its_own_only(void **state)
{
	static const char *const bad[] = {
		"x:/etc/passwd", "x:../up",  "x:a/../../up", "a,b:c:/", "x:",
		"x:a:..",        "ok:b x:/",
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "[inputs]\nallow = %s\n", bad[i]);
		put(text);
		load();
		assert_string_equal(p.allow, "");
		assert_int_equal(p.problem_count, 1);
		assert_non_null(strstr(p.problem[0], "paths below"));
	}
	put("[inputs]\nallow = x:a/..b/c:d.. y:.h, z\n");
	load();
	assert_int_equal(p.problem_count, 0);
	assert_string_equal(p.allow, "x:a/..b/c:d.. y:.h, z");
}

static void
ignored(const char *why)
{
	load();
	assert_int_not_equal(p.status, 0);
	assert_string_equal(p.allow, "");
	assert_int_equal(p.problem_count, 1);
	assert_non_null(strstr(p.problem[0], why));
	assert_non_null(strstr(p.problem[0], file));
}

static void
files_that_are_not_believed(void **state)
{
	static const char text[] = "[inputs]\nallow = a\n";
	char other[80];

	(void)state;
	put(text);
	assert_int_equal(chmod(file, 0664), 0);
	load();
	assert_int_equal(p.status, 0);
	assert_int_equal(chmod(file, 0646), 0);
	ignored("others may write");
	if (geteuid() == 0) {
		put(text);
		assert_int_equal(chown(file, 1, 0), 0);
		ignored("another user");
	}
	put(text);
	assert_int_equal(truncate(file, 1 << 30), 0);
	ignored("too large");
	snprintf(other, sizeof(other), "%s/other", dir);
	put(text);
	assert_int_equal(rename(file, other), 0);
	assert_int_equal(symlink("other", file), 0);
	ignored("link");
	unlink(file);
	unlink(other);
	assert_int_equal(mkfifo(file, 0600), 0);
	ignored("not a regular file");
	unlink(file);
	assert_int_equal(mkdir(file, 0700), 0);
	ignored("not a regular file");
	assert_int_equal(rmdir(file), 0);
	put("x");
	assert_int_equal(chmod(file, 0), 0);
	if (geteuid() != 0)
		ignored("ermission");
	unlink(file);
}

/* The same text in another file is another file; so is one written anew. */
static void
known_by_more_than_its_text(void **state)
{
	struct project first;

	(void)state;
	put("[inputs]\nallow = a\n");
	load();
	first = p;
	load();
	assert_memory_equal(first.id, p.id, sizeof(p.id));
	assert_int_equal(chmod(file, 0600), 0);
	usleep(20000);
	assert_int_equal(chmod(file, 0644), 0);
	load();
	assert_memory_not_equal(first.id, p.id, sizeof(p.id));
	assert_string_equal(first.allow, p.allow);
}

static void
found_from_below(void **state)
{
	char below[80];

	(void)state;
	put("");
	snprintf(below, sizeof(below), "%s/a/b", dir);
	assert_int_equal(project_find(below, NULL), strlen(dir));
	assert_int_equal(project_find(below, dir), strlen(dir));
	snprintf(below, sizeof(below), "%s/a", dir);
	assert_int_equal(project_find(below, below), 0);
	assert_int_equal(project_find(dir, "/nowhere"), strlen(dir));
	unlink(file);
	assert_int_equal(project_find(below, dir), 0);
}

static int
set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/.kache.ini", dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_may_say),
		cmocka_unit_test(what_it_may_not),
		cmocka_unit_test(paths_of_its_own_only),
		cmocka_unit_test(files_that_are_not_believed),
		cmocka_unit_test(known_by_more_than_its_text),
		cmocka_unit_test(found_from_below),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
