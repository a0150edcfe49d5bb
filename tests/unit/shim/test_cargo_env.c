/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/cargo_env.h"

#include "base/file.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/*
 * A copy of this program under the name of cargo starts it once more as its
 * wrapper, with variables that a repository could have set.  The wrapper
 * looks, and its exit status is the number of the first check that failed.
 */
enum { CHECK = __LINE__ };

#define NEED(cond) \
	do \
		if (!(cond)) \
			_exit(__LINE__ - CHECK < 250 ? __LINE__ - CHECK \
						     : 250); \
	while (0)

static bool
is(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void
look(void)
{
	struct cargo_env t, again;

	cargo_env_init(&t);
	NEED(t.pid > 1);
	NEED(t.session != 0);
	NEED(t.readable);
	/* What moves the store counts as the user set it. */
	NEED(is(cargo_env_get(&t, "KACHE_CACHE_DIR"), "/users"));
	NEED(is(cargo_env_get(&t, "HOME"), "/home/user"));
	NEED(cargo_env_get(&t, "KACHE_CONFIG") == NULL);
	NEED(cargo_env_get(&t, "XDG_CACHE_HOME") == NULL);
	/* The rest as we were started. */
	NEED(is(cargo_env_get(&t, "KACHE_LOG"), "debug"));
	NEED(is(cargo_env_get(&t, "PATH"), "/repo/bin"));
	NEED(cargo_env_get(&t, "KACHE_CACHE") == NULL);
	NEED(is(cargo_env_command(&t), "build"));
	cargo_env_init(&again);
	NEED(again.session == t.session && again.pid == t.pid);
	cargo_env_release(&again);
	t.readable = 0;
	NEED(cargo_env_get(&t, "KACHE_CACHE_DIR") == NULL);
	cargo_env_release(&t);
	_exit(0);
}

/* The same as the process DEPTH below cargo. */
static void
descend(int depth)
{
	int status = 0;

	for (; depth > 1; depth--) {
		pid_t pid = fork();

		if (pid == 0)
			continue;
		waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 251);
	}
	look();
}

static void
be_cargo(char **argv)
{
	char path[128];
	int status = 0;
	pid_t pid;

	setenv("KACHE_CACHE_DIR", "/repo", 1);
	setenv("KACHE_CONFIG", "/repo/kache.ini", 1);
	setenv("XDG_CACHE_HOME", "/repo", 1);
	setenv("HOME", "/repo", 1);
	setenv("KACHE_LOG", "debug", 1);
	setenv("PATH", "/repo/bin", 1);
	snprintf(path, sizeof(path), "%.*s/wrapper",
		 (int)(strrchr(argv[0], '/') - argv[0]), argv[0]);
	pid = fork();
	if (pid == 0) {
		argv[0] = path;
		execv(path, argv);
		_exit(252);
	}
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 254);
}

/* Starts the copy NAME; its status. */
static int
start(const char *name, const char *depth)
{
	char path[128], *argv[] = { path, (char *)"-q",    (char *)"+nightly",
				    NULL, (char *)"build", (char *)"test",
				    NULL };
	char *env[] = { (char *)"XKACHE_CACHE_DIR=/wrong",
			(char *)"KACHE_CACHE_DIR=/users",
			(char *)"KACHE_CACHE_DIR_X=/wrong",
			(char *)"HOME=/home/user",
			(char *)"KACHE_LOG=error",
			(char *)"ASAN_OPTIONS=detect_leaks=0",
			NULL };
	int status = 0;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	argv[3] = (char *)depth;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		execve(path, argv, env);
		_exit(252);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 253;
}

static void
what_cargo_was_started_with_counts(void **state)
{
	(void)state;
	assert_int_equal(start("cargo", "--1"), 0);
	assert_int_equal(start("cargo", "--3"), 0);
	assert_int_equal(start("cargo", "--8"), 0);
}

static void
other_ancestors_are_no_cargo(void **state)
{
	int none = start("wrapper", "--1");

	(void)state;
	assert_true(none > 0 && none < 100);
	assert_int_equal(start("cargo2", "--1"), none);
	assert_int_equal(start("cargo", "--9"), none);
}

static void
without_cargo_the_environment_counts(void **state)
{
	struct cargo_env t;

	(void)state;
	cargo_env_init(&t);
	if (t.pid == 0) {
		setenv("KACHE_CACHE_DIR", "/mine", 1);
		assert_string_equal(cargo_env_get(&t, "KACHE_CACHE_DIR"),
				    "/mine");
		unsetenv("KACHE_CACHE_DIR");
		assert_null(cargo_env_get(&t, "KACHE_CACHE_DIR"));
		assert_string_equal(cargo_env_command(&t), "");
		assert_int_equal(t.session, 0);
	}
	cargo_env_release(&t);
}

/* In a PID namespace of our own, with the /proc of the old one. */
static void
look_elsewhere(void)
{
	struct cargo_env t;
	int status = 0;
	pid_t pid;

	if (unshare(CLONE_NEWPID) < 0)
		_exit(0);
	pid = fork();
	if (pid == 0) {
		setenv("KACHE_CACHE_DIR", "/repo", 1);
		setenv("KACHE_LOG", "debug", 1);
		cargo_env_init(&t);
		NEED(cargo_env_get(&t, "KACHE_CACHE_DIR") == NULL);
		NEED(cargo_env_get(&t, "HOME") == NULL);
		NEED(is(cargo_env_get(&t, "KACHE_LOG"), "debug"));
		NEED(is(cargo_env_command(&t), "") && t.session == 0);
		cargo_env_release(&t);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 251);
}

static void
where_cargo_cannot_be_seen_nothing_counts(void **state)
{
	int status = 0;
	pid_t pid;

	(void)state;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		look_elsewhere();
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
commands_are_the_first_word(void **state)
{
	static const struct {
		const char *words;
		size_t n;
		const char *want;
	} lines[] = {
		{ "cargo\0build", 12, "build" },
		{ "cargo\0-v\0+x\0--frozen\0check\0build", 33, "check" },
		{ "cargo", 6, "" },
		{ "cargo\0-v", 9, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct cargo_env t = { 0 };

		buf_add(&t.cmdline, lines[i].words, lines[i].n);
		assert_string_equal(cargo_env_command(&t), lines[i].want);
		cargo_env_release(&t);
	}
}

static int
set_up(void **state)
{
	static const char *const names[] = { "cargo", "wrapper", "cargo2" };

	if (testdir_make(state) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out, e;
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", testdir, names[i]);
		out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
		e = file_copy_fd(in, out, NULL);
		close(in);
		if (close(out) < 0 || e < 0)
			return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cargo_was_started_with_counts),
		cmocka_unit_test(other_ancestors_are_no_cargo),
		cmocka_unit_test(without_cargo_the_environment_counts),
		cmocka_unit_test(where_cargo_cannot_be_seen_nothing_counts),
		cmocka_unit_test(commands_are_the_first_word),
	};

	if (argc > 4 && strstr(argv[0], "/cargo"))
		be_cargo(argv);
	if (argc > 4)
		descend(argv[3][2] - '0');
	return cmocka_run_group_tests(tests, set_up, testdir_remove);
}
