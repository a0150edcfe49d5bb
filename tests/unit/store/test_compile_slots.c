/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/compile_slots.h"

#include "base/digest.h"
#include "base/file.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct store store;

static uint64_t
now(void)
{
	return (uint64_t)file_now() / 1000000;
}

static struct digest
key(const char *text)
{
	struct digest d;

	digest_bytes(text, strlen(text), &d);
	return d;
}

static void
an_end_is_told_to_those_who_waited_for_it(void **state)
{
	struct digest a = key("a"), b = key("b");
	uint64_t before = now();

	(void)state;
	assert_false(compile_slots_ended(&store, &a, 0));
	compile_slots_say(&store, &a, COMPILE_SLOTS_COMPILES);
	assert_false(compile_slots_ended(&store, &a, before));
	compile_slots_say(&store, &a, COMPILE_SLOTS_FAILED);
	assert_true(compile_slots_ended(&store, &a, before));
	assert_false(compile_slots_ended(&store, &b, before));
	assert_false(compile_slots_ended(&store, &a, now() + 1000));
	assert_false(compile_slots_never(&store, &a));
	compile_slots_say(&store, &a, COMPILE_SLOTS_NEVER);
	assert_true(compile_slots_ended(&store, &a, before));
	assert_true(compile_slots_never(&store, &a));
	compile_slots_say(&store, &a, COMPILE_SLOTS_COMPILES);
	assert_false(compile_slots_never(&store, &a));
}

/* A process that leads, with or without a compiler below it. */
static pid_t
leader(const struct digest *k, int *child)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		pid_t below = fork();

		if (below > 0) {
			compile_slots_say(&store, k, COMPILE_SLOTS_COMPILES);
			if (write(fds[1], &below, sizeof(below)) < 0)
				_exit(1);
		}
		for (;;)
			pause();
	}
	assert_int_equal(read(fds[0], child, sizeof(*child)), sizeof(*child));
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void
stop(pid_t pid, int with)
{
	kill(pid, with);
	usleep(50000);
}

static void
who_leads_can_be_looked_at(void **state)
{
	struct digest k = key("k");
	int child, status;
	pid_t pid;

	(void)state;
	assert_int_equal(compile_slots_life(&store, &k), COMPILE_SLOTS_UNKNOWN);
	pid = leader(&k, &child);
	assert_int_equal(compile_slots_life(&store, &k), COMPILE_SLOTS_RUNS);
	stop(pid, SIGSTOP);
	assert_int_equal(compile_slots_life(&store, &k), COMPILE_SLOTS_STOPPED);
	stop(pid, SIGCONT);
	assert_int_equal(compile_slots_life(&store, &k), COMPILE_SLOTS_RUNS);
	stop(child, SIGSTOP);
	assert_int_equal(compile_slots_life(&store, &k), COMPILE_SLOTS_STOPPED);
	stop(child, SIGKILL);
	assert_int_equal(compile_slots_life(&store, &k), COMPILE_SLOTS_RUNS);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_int_equal(compile_slots_life(&store, &k), COMPILE_SLOTS_UNKNOWN);
}

static void
what_is_damaged_says_nothing(void **state)
{
	static char junk[4096 * 64];
	struct digest k = key("k");

	(void)state;
	memset(junk, 0xff, sizeof(junk));
	assert_int_equal(pwrite(store.locks, junk, sizeof(junk), 0),
			 sizeof(junk));
	assert_int_equal(compile_slots_life(&store, &k), COMPILE_SLOTS_UNKNOWN);
	assert_false(compile_slots_ended(&store, &k, 0));
	assert_false(compile_slots_never(&store, &k));
	compile_slots_say(&store, &k, COMPILE_SLOTS_NEVER);
	assert_true(compile_slots_never(&store, &k));
	assert_int_equal(ftruncate(store.locks, 7), 0);
	assert_false(compile_slots_never(&store, &k));
}

static int
set_up(void **state)
{
	return testdir_make(state) < 0 ? -1 : store_open(&store, testdir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_is_told_to_those_who_waited_for_it),
		cmocka_unit_test(who_leads_can_be_looked_at),
		cmocka_unit_test(what_is_damaged_says_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, testdir_remove);
}
