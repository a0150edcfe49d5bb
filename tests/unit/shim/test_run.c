/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/run.h"

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
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static struct roots roots;
static struct run r;
static struct buf said[3]; /* what came out of 1 and 2 */
static bool (*believed)(struct run *, void *);
static struct run *before;
static bool release_held;

static void
release(void)
{
	for (size_t i = 0; i < r.nout; i++)
		free(r.out[i].path);
	buf_free(&r.out_text);
	buf_free(&r.err_text);
	buf_free(&r.held);
	buf_free(&r.said[0]);
	buf_free(&r.said[1]);
	buf_free(&said[1]);
	buf_free(&said[2]);
	memset(&r, 0, sizeof(r));
}

/* Sends FD to the file <testdir>/said.FD; gives the old one. */
static int
divert(int fd)
{
	char path[128];
	int old = dup(fd), to;

	snprintf(path, sizeof(path), "%s/said.%d", testdir, fd);
	to = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
		  0600);
	dup2(to, fd);
	close(to);
	return old;
}

static void
bring_back(int fd, int old)
{
	dup2(old, fd);
	close(old);
}

static int
run_words(char *const *argv)
{
	char *env[] = { (char *)"PATH=/usr/bin:/bin", testdir, NULL };
	int old[3], e;

	release();
	r.argv = argv;
	r.env = env;
	r.roots = &roots;
	r.believed = believed;
	r.before = before;
	fflush(NULL);
	old[1] = divert(1);
	old[2] = divert(2);
	e = run_compiler(&r);
	if (release_held)
		run_release(&r);
	for (int fd = 1; fd < 3; fd++) {
		char path[128];

		bring_back(fd, old[fd]);
		snprintf(path, sizeof(path), "%s/said.%d", testdir, fd);
		file_read(AT_FDCWD, path, 64 << 20, &said[fd]);
		buf_add(&said[fd], "", 0);
	}
	return e;
}

static void
run_script(const char *script)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script,
			 testdir, NULL };

	assert_int_equal(run_words(argv), 0);
}

static const char *
text(const struct buf *b)
{
	return b->p ? b->p : "";
}

#define ARTIFACT "{\"$message_type\":\"artifact\",\"artifact\":"

static void
what_is_said_is_passed_on_and_kept(void **state)
{
	(void)state;
	run_script("echo out; echo err >&2; echo two >&2");
	assert_int_equal(r.status, 0);
	assert_string_equal(text(&said[1]), "out\n");
	assert_string_equal(text(&said[2]), "err\ntwo\n");
	assert_string_equal(text(&r.out_text), "out\n");
	assert_string_equal(text(&r.err_text), "err\ntwo\n");
	assert_int_equal(r.nout, 0);
	assert_false(r.overflow);
	run_script("exit 0");
	assert_int_equal(r.out_text.len + r.err_text.len, 0);
	assert_int_equal(said[1].len + said[2].len, 0);
}

/* Announced outputs are noted and passed on, but are no diagnostics. */
static void
artifacts_are_noted_apart(void **state)
{
	(void)state;
	run_script("say() { printf '%s\\n' \"$1\"; };"
		   "say '" ARTIFACT "\"/t/liba.rmeta\","
		   "\"emit\":\"metadata\"}' >&2;"
		   "say '{\"$message_type\":\"diagnostic\"}' >&2;"
		   "say '" ARTIFACT "\"/t/q\\\"b\\\\s\","
		   "\"emit\":\"link\"}' >&2;"
		   "say '" ARTIFACT "\"/t/no\",\"emit\":\"link\"}'");
	assert_int_equal(r.nout, 2);
	assert_string_equal(r.out[0].path, "/t/liba.rmeta");
	assert_string_equal(r.out[0].emit, "metadata");
	assert_string_equal(r.out[1].path, "/t/q\"b\\s");
	assert_string_equal(r.out[1].emit, "link");
	assert_string_equal(text(&r.err_text),
			    "{\"$message_type\":\"diagnostic\"}\n");
	assert_string_equal(text(&said[2]), ARTIFACT
			    "\"/t/liba.rmeta\","
			    "\"emit\":\"metadata\"}\n"
			    "{\"$message_type\":\"diagnostic\"}\n" ARTIFACT
			    "\"/t/q\\\"b\\\\s\","
			    "\"emit\":\"link\"}\n");
	/* On stdout it is nothing special. */
	assert_string_equal(text(&r.out_text),
			    ARTIFACT "\"/t/no\",\"emit\":\"link\"}\n");
	assert_false(r.overflow);
}

static void
odd_artifacts_are_not_trusted(void **state)
{
	static const char *const odd[] = {
		"echo '" ARTIFACT "\"/t/x\"}' >&2",
		"echo '{\"$message_type\":\"artifact\",\"emit\":\"link\"}' >&2",
		"echo '" ARTIFACT "\"/t/x\",\"emit\":\"much-too-long-kind\"}'"
		" >&2",
		"i=0; while [ $i -lt 17 ]; do echo '" ARTIFACT
		"\"/t/x\",\"emit\":\"link\"}'; i=$((i + 1)); done >&2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		run_script(odd[i]);
		assert_true(r.overflow);
		assert_true(said[2].len > 0);
	}
	assert_int_equal(r.nout, RUN_OUTPUTS_MAX);
}

static void
lines_are_put_together(void **state)
{
	(void)state;
	run_script("printf '" ARTIFACT "\"/t' >&2; sleep 0.05;"
		   "printf '/a\",\"emit\":\"link\"}\\nab' >&2; sleep 0.05;"
		   "printf 'c\\nlast' >&2");
	assert_int_equal(r.nout, 1);
	assert_string_equal(r.out[0].path, "/t/a");
	assert_string_equal(text(&r.err_text), "abc\nlast");
	assert_string_equal(text(&said[2]),
			    ARTIFACT "\"/t/a\",\"emit\":\"link\"}\nabc\nlast");
}

/* cargo starts dependents on the .rmeta line: it may not wait for the end. */
static void
lines_come_while_the_compiler_runs(void **state)
{
	(void)state;
	run_script("echo '" ARTIFACT "\"/t/a\",\"emit\":\"metadata\"}' >&2;"
		   "i=0; while [ $i -lt 100 ]; do "
		   "grep -q metadata \"$0/said.2\" && exit 7;"
		   "i=$((i + 1)); sleep 0.02; done; exit 1");
	assert_int_equal(run_code(r.status), 7);
}

/* Shown with the paths of this checkout, kept without them. */
static void
paths_are_local_outside_and_neutral_inside(void **state)
{
	(void)state;
	run_script("echo 'at /proc/self/cwd/src/lib.rs:1' >&2");
	assert_string_equal(text(&said[2]), "at /checkout/app/src/lib.rs:1\n");
	assert_string_equal(text(&r.err_text),
			    "at /proc/self/cwd/src/lib.rs:1\n");
}

static void
long_lines_and_much_text_pass(void **state)
{
	(void)state;
	run_script("head -c 300000 /dev/zero | tr '\\0' x >&2; echo >&2;"
		   "head -c 300000 /dev/zero | tr '\\0' y; echo");
	assert_int_equal(said[2].len, 300001);
	assert_int_equal(r.err_text.len, 300001);
	assert_int_equal(said[1].len, 300001);
	assert_false(r.overflow);
	/* Too much to keep is passed on all the same. */
	run_script("yes 0123456789abcde | head -c 17000000 >&2");
	assert_true(r.overflow);
	assert_int_equal(said[2].len, 17000000);
}

static void
status_and_signals_are_told(void **state)
{
	(void)state;
	run_script("exit 3");
	assert_true(WIFEXITED(r.status));
	assert_int_equal(run_code(r.status), 3);
	run_script("kill -TERM $$");
	assert_true(WIFSIGNALED(r.status));
	assert_int_equal(run_code(r.status), 128 + SIGTERM);
}

static int
end_with(int status)
{
	int got = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_end(status);
	waitpid(pid, &got, 0);
	return got;
}

static void
the_end_is_the_same(void **state)
{
	(void)state;
	run_script("exit 101");
	assert_int_equal(WEXITSTATUS(end_with(r.status)), 101);
	run_script("exit 0");
	assert_int_equal(end_with(r.status), 0);
	run_script("kill -KILL $$");
	assert_int_equal(WTERMSIG(end_with(r.status)), SIGKILL);
	run_script("kill -TERM $$");
	signal(SIGTERM, SIG_IGN);
	assert_int_equal(WTERMSIG(end_with(r.status)), SIGTERM);
	signal(SIGTERM, SIG_DFL);
}

static void
what_cannot_start_says_nothing(void **state)
{
	char *gone[] = { (char *)"/nonexistent/rustc", NULL };
	char *plain[] = { testdir, NULL };

	(void)state;
	assert_int_equal(run_words(gone), -ENOENT);
	assert_int_equal(said[1].len + said[2].len, 0);
	/* A directory passes for executable, but does not start. */
	if (run_words(plain) == 0)
		assert_int_equal(run_code(r.status), 127);
	assert_int_equal(said[1].len + said[2].len, 0);
}

static void
the_child_gets_the_given_environment(void **state)
{
	(void)state;
	setenv("KACHE_TEST_LEAK", "1", 1);
	run_script("echo \"${KACHE_TEST_LEAK-none} $PATH\"");
	unsetenv("KACHE_TEST_LEAK");
	assert_string_equal(text(&said[1]), "none /usr/bin:/bin\n");
}

#define ERROR \
	"{\"$message_type\":\"diagnostic\",\"message\":\"x\",\"code\":null," \
	"\"level\":\"error\"}"
#define SAY "say() { printf '%s\\n' \"$1\" >&2; };"

static bool
yes(struct run *run, void *ctx)
{
	(void)run;
	(void)ctx;
	return true;
}

static bool
no(struct run *run, void *ctx)
{
	(void)run;
	(void)ctx;
	return false;
}

static void
errors_wait_for_the_end(void **state)
{
	static const char script[] =
		SAY "echo out; say warned; say '" ERROR "'; say after; exit 1";

	(void)state;
	believed = yes;
	run_script(script);
	assert_string_equal(text(&said[1]), "out\n");
	assert_string_equal(text(&said[2]), "warned\n");
	assert_string_equal(text(&r.err_text), "warned\n" ERROR "\nafter\n");
	release_held = true;
	run_script(script);
	assert_string_equal(text(&said[2]), "warned\n" ERROR "\nafter\n");
	release_held = false;
	/* Whoever has no names of ours needs not wait. */
	believed = NULL;
	run_script(script);
	assert_string_equal(text(&said[2]), "warned\n" ERROR "\nafter\n");
}

/* Cargo starts dependents on the metadata. */
static void
metadata_is_announced_if_it_is_believed(void **state)
{
#define METADATA ARTIFACT "\"/t/a.rmeta\",\"emit\":\"metadata\"}"
	static const char script[] =
		SAY "say warned; say '" METADATA "'; say '" ERROR "'";

	(void)state;
	believed = yes;
	run_script(script);
	assert_true(r.committed);
	assert_false(r.disbelieved);
	/* What is said after it cannot be taken back either. */
	assert_string_equal(text(&said[2]),
			    "warned\n" METADATA "\n" ERROR "\n");
	believed = no;
	run_script(script);
	assert_false(r.committed);
	assert_true(r.disbelieved);
	assert_string_equal(text(&said[2]), "warned\n");
	assert_int_equal(r.nout, 1);
	believed = NULL;
}

static void
nothing_is_said_twice(void **state)
{
	struct run first;

	(void)state;
	believed = no;
	run_script(SAY "echo out; say one; say two; say two; say '" METADATA
		       "'; say three");
	assert_string_equal(text(&said[2]), "one\ntwo\ntwo\n");
	first = r;
	memset(&r, 0, sizeof(r));
	believed = NULL;
	before = &first;
	run_script(SAY "echo out; echo one; say two; say new; say two; say one;"
		       "say two; say ne; say wo; say '" METADATA "'");
	assert_string_equal(text(&said[1]), "one\n");
	assert_string_equal(text(&said[2]), "new\ntwo\nne\nwo\n" METADATA "\n");
	/* It is kept all the same. */
	assert_string_equal(text(&r.err_text),
			    "two\nnew\ntwo\none\ntwo\nne\nwo\n");
	before = NULL;
	release();
	r = first;
	release();
}

static int
set_up(void **state)
{
	static struct args none;

	roots_init(&roots, &(struct roots_in){ .mode = ROOTS_CHECKOUT,
					       .args = &none,
					       .cwd = "/checkout/app" });
	return testdir_make(state);
}

/* With FD a full device. */
static int
run_full(int fd, const char *script)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script,
			 NULL };
	int old = dup(fd), to = open("/dev/full", O_WRONLY | O_CLOEXEC), e;

	release();
	r.argv = argv;
	r.env = argv + 3;
	r.roots = &roots;
	fflush(NULL);
	dup2(to, fd);
	close(to);
	e = run_compiler(&r);
	bring_back(fd, old);
	return e;
}

/* It ends by itself: whoever comes after it finds nothing half done. */
static void
what_does_not_arrive_is_told(void **state)
{
	char script[300], done[128];

	(void)state;
	snprintf(done, sizeof(done), "%s/done", testdir);
	snprintf(script, sizeof(script),
		 "head -c 300000 /dev/zero; echo more; : >%s", done);
	for (int fd = 1; fd < 3; fd++) {
		if (fd == 2)
			snprintf(script, sizeof(script), "echo x >&2; : >%s",
				 done);
		unlink(done);
		assert_int_equal(run_full(fd, script), -EIO);
		assert_true(r.lost);
		assert_int_equal(access(done, F_OK), 0);
	}
	assert_int_equal(run_full(1, "echo x >&2 2>/dev/null; exit 3"), 0);
	assert_false(r.lost);
	assert_int_equal(WEXITSTATUS(r.status), 3);
}

static int
tear_down(void **state)
{
	release();
	return testdir_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_passed_on_and_kept),
		cmocka_unit_test(artifacts_are_noted_apart),
		cmocka_unit_test(odd_artifacts_are_not_trusted),
		cmocka_unit_test(lines_are_put_together),
		cmocka_unit_test(lines_come_while_the_compiler_runs),
		cmocka_unit_test(paths_are_local_outside_and_neutral_inside),
		cmocka_unit_test(long_lines_and_much_text_pass),
		cmocka_unit_test(status_and_signals_are_told),
		cmocka_unit_test(the_end_is_the_same),
		cmocka_unit_test(what_cannot_start_says_nothing),
		cmocka_unit_test(what_does_not_arrive_is_told),
		cmocka_unit_test(the_child_gets_the_given_environment),
		cmocka_unit_test(errors_wait_for_the_end),
		cmocka_unit_test(metadata_is_announced_if_it_is_believed),
		cmocka_unit_test(nothing_is_said_twice),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
