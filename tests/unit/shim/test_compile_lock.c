/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/* Who compiles, who waits, and for how long. */
#include "tests/unit/shim/workbed.h"

#include "shim/compile_lock.h"

static struct store other; /* another process's, as far as locks can tell */

static int
two_stores(void **state)
{
	return workbed(state) || store_open(&other, job.cache_dir) < 0 ? -1 : 0;
}

static int
two_stores_end(void **state)
{
	store_close(&other);
	return workbed_end(state);
}

static void
a_follower_waits_as_long_as_it_makes_sense(void **state)
{
	const uint64_t minute = 60000000; /* us */

	(void)state;
	assert_false(compile_lock_gives_up(COMPILE_SLOTS_RUNS, 29999, 0, 0));
	assert_true(compile_lock_gives_up(COMPILE_SLOTS_RUNS, 30000, 0, 0));
	assert_false(compile_lock_gives_up(COMPILE_SLOTS_UNKNOWN, 9999, 0, 0));
	assert_true(compile_lock_gives_up(COMPILE_SLOTS_UNKNOWN, 10000, 0, 0));
	/* Twice what it took last, if that is more. */
	assert_false(
		compile_lock_gives_up(COMPILE_SLOTS_RUNS, 119999, 0, minute));
	assert_true(
		compile_lock_gives_up(COMPILE_SLOTS_RUNS, 120000, 0, minute));
	assert_false(compile_lock_gives_up(COMPILE_SLOTS_UNKNOWN, 119999, 0,
					   minute));
	/* A leader that is stopped makes nothing. */
	assert_false(compile_lock_gives_up(COMPILE_SLOTS_STOPPED, 1500, 1500,
					   minute));
	assert_true(compile_lock_gives_up(COMPILE_SLOTS_STOPPED, 2000, 2000,
					  minute));
}

static void
the_first_one_leads(void **state)
{
	struct compile_lock t = { 0 };
	struct lookup l = { 0 };

	(void)state;
	compile_lock_take(&t, &job, &l);
	assert_true(t.leads);
	assert_false(l.served);
	assert_int_equal(store_lock(&other, STORE_LOCK_COMPILE, &t.key, 0),
			 ERR_TIMEOUT);
}

/* Units in one state share a key; where no list is known yet, those whose
 * root sources are equal do. */
static void
the_key_is_the_state_of_the_inputs(void **state)
{
	struct compile_lock t = { 0 }, u = { 0 }, v = { 0 };
	struct lookup known = { .k1_known = true, .k1 = key_of(7) };
	struct lookup l = { 0 };
	struct digest k1 = known.k1;

	(void)state;
	compile_lock_take(&t, &job, &known);
	assert_true(digest_eq(&t.key, &k1));
	compile_lock_take(&u, &job, &l);
	put_file("w/a.rs", "fn main() { other() }");
	compile_lock_take(&v, &job, &l);
	assert_false(digest_eq(&u.key, &v.key));
}

static void
what_is_never_stored_is_not_waited_for(void **state)
{
	struct compile_lock t = { 0 }, u = { 0 };
	struct lookup l = { 0 };

	(void)state;
	compile_lock_take(&t, &job, &l);
	compile_lock_end(&t, &job, COMPILE_LOCK_NEVER);
	compile_lock_take(&u, &job, &l);
	assert_true(u.never);
	assert_false(u.leads);
	/* One that was stored after all takes it back. */
	compile_lock_end(&u, &job, COMPILE_LOCK_STORED);
	assert_false(compile_slots_never(&job.store, &u.key));
}

static void
a_peer_s_result_is_served(void **state)
{
	struct compile_lock t = { 0 };
	struct entry *e = calloc(1, sizeof(*e));
	struct lookup l = { 0 };
	struct digest k1;

	(void)state;
	assert_non_null(e);
	k1 = learn(&job.k0, "fw/a.rs", 5);
	buf_str(&e->crate, "a");
	buf_str(&e->depinfo, "\n");
	add_blob(e, "liba-1.rmeta", ENTRY_METADATA, "metadata");
	assert_int_equal(entry_save(&job.store, &k1, e), 0);
	entry_release(e);
	free(e);
	listen_to(at("said.out"), at("said.err"));
	compile_lock_take(&t, &job, &l);
	listen_no_more();
	assert_true(l.served);
}

/* The leader ends without a result while we wait: all compile at once. */
static void
a_failed_leader_is_not_followed(void **state)
{
	struct compile_lock mine = { 0 };
	struct lookup l = { .k1_known = true, .k1 = key_of(7) };
	pid_t leader;
	int up[2];
	char c;

	(void)state;
	assert_int_equal(pipe(up), 0);
	leader = fork();
	assert_true(leader >= 0);
	if (leader == 0) {
		struct compile_lock t = { 0 };

		store_close(&job.store);
		if (store_open(&job.store, job.cache_dir) < 0)
			_exit(1);
		compile_lock_take(&t, &job, &l);
		if (!t.leads || write(up[1], "x", 1) != 1)
			_exit(1);
		usleep(20000);
		compile_lock_end(&t, &job, COMPILE_LOCK_FAILED);
		_exit(0);
	}
	assert_int_equal(read(up[0], &c, 1), 1);
	compile_lock_take(&mine, &job, &l);
	assert_false(mine.leads);
	assert_false(l.served);
	close(up[0]);
	close(up[1]);
}

static void
nothing_is_said_of_a_lock_that_nobody_took(void **state)
{
	struct compile_lock t = { .key = key_of(8) };

	(void)state;
	compile_lock_end(&t, &job, COMPILE_LOCK_NEVER);
	assert_false(compile_slots_never(&job.store, &t.key));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, two_stores, two_stores_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_follower_waits_as_long_as_it_makes_sense),
		TEST(the_first_one_leads),
		TEST(the_key_is_the_state_of_the_inputs),
		TEST(what_is_never_stored_is_not_waited_for),
		TEST(a_peer_s_result_is_served),
		TEST(a_failed_leader_is_not_followed),
		TEST(nothing_is_said_of_a_lock_that_nobody_took),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
