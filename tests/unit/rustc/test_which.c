/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "rustc/which.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mp.h"
#include "rustc/file_states.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Works in the test's directory; names are relative to it. */
static struct file_states notes;
static char names[16][160];
static unsigned nnames;

static const char *
at(const char *name)
{
	char *to = names[nnames++ % 16];

	snprintf(to, 160, "%s/%s", testdir, name);
	return to;
}

static void
program(const char *name, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
link_to(const char *what, const char *name)
{
	unlink(name);
	assert_int_equal(symlink(what, name), 0);
}

/* a/rustc and b/rustc are one file: their directories tell them apart. */
static void
fresh(void)
{
	assert_int_equal(system("rm -rf a b c one two; mkdir a b c"), 0);
	program("a/rustc", 0755);
	assert_int_equal(link("a/rustc", "b/rustc"), 0);
}

static void
leads_to(const char *compiler, const char *path, const char *to)
{
	char *file;

	file_states_free(&notes);
	file = which_file(compiler, path, &notes);
	if (!to) {
		assert_null(file);
		return;
	}
	assert_non_null(file);
	assert_string_equal(file, at(to));
	free(file);
}

/* What a reader of the notes says. */
static int
still(void)
{
	struct buf b = { 0 };
	struct mp_doc doc;
	struct mp_list l;
	int r = 0;

	mp_put_list(&b, (uint32_t)(notes.n * FILE_STATE_FIELDS));
	for (size_t i = 0; i < notes.n; i++)
		file_states_put(&b, &notes.p[i]);
	assert_false(b.failed);
	assert_int_equal(mp_open(&doc, b.p, b.len), 0);
	l = mp_root(&doc);
	while (r == 0 && l.left)
		r = file_states_still(&l);
	mp_close(&doc);
	buf_free(&b);
	return r;
}

/* PATH: each '@' stands for the test's directory. */
static const char *
path_of(const char *dirs)
{
	static char path[600];
	size_t n = 0;

	for (; *dirs; dirs++)
		n += (size_t)snprintf(path + n, sizeof(path) - n, "%.*s",
				      *dirs == '@' ? (int)strlen(testdir) : 1,
				      *dirs == '@' ? testdir : dirs);
	return path;
}

static void
the_first_place_that_runs_counts(void **state)
{
	(void)state;
	fresh();
	leads_to("rustc", path_of("@/c:@/a:@/b"), "a/rustc");
	assert_int_equal(still(), 0);
	/* A file that may not be executed, and a directory, are none. */
	program("c/rustc", 0644);
	assert_int_equal(still(), 0);
	leads_to("rustc", path_of("@/c:@/a"), "a/rustc");
	assert_int_equal(chmod("c/rustc", 0755), 0);
	assert_int_equal(still(), ERR_MISS);
	leads_to("rustc", path_of("@/c:@/a"), "c/rustc");
	unlink("c/rustc");
	assert_int_equal(still(), ERR_MISS);
	mkdir("c/rustc", 0755);
	leads_to("rustc", path_of("@/c:@/a"), "a/rustc");
	assert_int_equal(still(), 0);
	leads_to("rustc", path_of("@/gone"), NULL);
}

static void
an_earlier_place_takes_over(void **state)
{
	(void)state;
	fresh();
	leads_to("rustc", path_of("@/c:@/later:@/a"), "a/rustc");
	mkdir("later", 0755);
	assert_int_equal(still(), 0);
	link_to(at("b/rustc"), "later/rustc");
	assert_int_equal(still(), ERR_MISS);
	unlink("later/rustc");
	rmdir("later");
}

/* One inode by two names: only the links on the way tell. */
static void
links_on_the_way_count(void **state)
{
	(void)state;
	fresh();
	link_to("a", "one");
	leads_to("rustc", path_of("@/one"), "a/rustc");
	assert_int_equal(still(), 0);
	link_to("b", "one");
	assert_int_equal(still(), ERR_MISS);
	/* A link to a link; the same text anew is the same. */
	link_to(at("two"), "one");
	link_to("./a/../a", "two");
	leads_to(at("one/rustc"), NULL, "a/rustc");
	link_to("./a/../a", "two");
	assert_int_equal(still(), 0);
	link_to("b", "two");
	assert_int_equal(still(), ERR_MISS);
	/* The last component. */
	link_to(at("a/rustc"), "c/rustc");
	leads_to(at("c/rustc"), NULL, "a/rustc");
	link_to(at("b/rustc"), "c/rustc");
	assert_int_equal(still(), ERR_MISS);
	link_to("two", "one");
	link_to("one", "two");
	leads_to(at("one/rustc"), NULL, NULL);
}

static void
relative_places_mean_the_current_directory(void **state)
{
	(void)state;
	fresh();
	assert_true(which_is_relative("./rustc", "/bin"));
	assert_false(which_is_relative("/x/rustc", "a"));
	assert_true(which_is_relative("rustc", "/bin:"));
	assert_true(which_is_relative("rustc", ":/bin"));
	assert_true(which_is_relative("rustc", "/bin::/sbin"));
	assert_true(which_is_relative("rustc", ""));
	assert_true(which_is_relative("rustc", "/bin:a"));
	assert_false(which_is_relative("rustc", "/bin:/a"));
	assert_false(which_is_relative("rustc", NULL));
	leads_to("a/rustc", NULL, "a/rustc");
	leads_to("rustc", "c:a", "a/rustc");
	assert_int_equal(chdir("c"), 0);
	assert_int_equal(still(), ERR_MISS);
	assert_int_equal(chdir("../a"), 0);
	leads_to("rustc", "", "a/rustc");
	leads_to("rustc", ":/bin", "a/rustc");
	assert_int_equal(chdir(".."), 0);
}

static void
links_of_proc_do_not_change_each_time(void **state)
{
	(void)state;
	fresh();
	assert_int_equal(chdir("a"), 0);
	leads_to("/proc/self/cwd/rustc", NULL, "a/rustc");
	assert_int_equal(still(), 0);
	assert_int_equal(chdir("../b"), 0);
	assert_int_equal(still(), ERR_MISS);
	assert_int_equal(chdir(".."), 0);
}

static void
proxies_are_told_by_what_lies_beside(void **state)
{
	(void)state;
	fresh();
	file_states_free(&notes);
	assert_false(which_is_proxy(at("a/rustc"), &notes));
	assert_int_equal(still(), 0);
	link_to("rustc", "a/rustup");
	assert_int_equal(still(), ERR_MISS);
	file_states_free(&notes);
	assert_true(which_is_proxy(at("a/rustc"), &notes));
	unlink("a/rustup");
	assert_int_equal(still(), ERR_MISS);
	program("a/rustup", 0755);
	assert_false(which_is_proxy(at("a/rustc"), &notes));
	assert_true(which_is_proxy(at("a/rustup"), &notes));
}

static int
begin(void **state)
{
	int r = testdir_make(state);

	return r ? r : chdir(testdir);
}

static int
end(void **state)
{
	file_states_free(&notes);
	return chdir("/") ? -1 : testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_place_that_runs_counts),
		cmocka_unit_test(an_earlier_place_takes_over),
		cmocka_unit_test(links_on_the_way_count),
		cmocka_unit_test(relative_places_mean_the_current_directory),
		cmocka_unit_test(links_of_proc_do_not_change_each_time),
		cmocka_unit_test(proxies_are_told_by_what_lies_beside),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
