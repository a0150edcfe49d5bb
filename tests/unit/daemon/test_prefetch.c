/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "daemon/sessions.h"
#include "daemon/services.h"
#include "daemon/plan_load.h"
#include "daemon/prefetch.h"
#include "plan/build_manifest.h"
#include "store/store.h"
#include "work/flight.h"

#include "../testdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Real plans, trees, graphs and flights.  What a plan is loaded from, and what
 * a flight does, is ours: a test says which pack comes when.
 */
enum { FLIGHTS = 20000, UNITS_MAX = 8192 };

static struct services hub;
static struct services_setup setup;
static struct session build[2];
static struct {
	struct flight *flight;
	struct digest at;
	bool live, cancelled;
} flown[FLIGHTS];
static int starts, refuse;
static void (*plan_loaded)(void *ctx, struct plan_load_result *r);
static void *plan_ctx;

struct services_setup *
services_get(struct services *h)
{
	(void)h;
	return &setup;
}

void
services_put(struct services_setup *s)
{
	(void)s;
}

struct services_store *
services_store(struct services *h)
{
	(void)h;
	return NULL;
}

struct plan_load *
plan_load_start(struct services *h, const struct session *b, bool with_hint,
		void (*done)(void *ctx, struct plan_load_result *r), void *ctx)
{
	(void)b;
	(void)with_hint;
	plan_loaded = done;
	plan_ctx = ctx;
	return (struct plan_load *)h;
}

void
plan_load_forget(struct plan_load *l)
{
	(void)l;
}

struct session *
sessions_find(struct sessions *b, uint64_t session)
{
	(void)b;
	(void)session;
	return NULL;
}

static int
start(struct flight *f, void *ctx, const struct digest *key,
      enum flight_want want, void **work)
{
	(void)ctx;
	(void)want;
	if (refuse) {
		prefetch_ended(&hub, key, refuse, 0);
		return refuse;
	}
	assert_in_range(starts, 0, FLIGHTS - 1);
	flown[starts].flight = f;
	flown[starts].at = *key;
	flown[starts].live = true;
	flown[starts].cancelled = false;
	*work = &flown[starts++];
	return 0;
}

static void
tell(void *work, enum flight_want want)
{
	size_t i = (size_t)((char *)work - (char *)flown) / sizeof(flown[0]);

	flown[i].cancelled |= want == FLIGHT_CANCELLED;
}

static void
release(void *work)
{
	(void)work;
}

static const struct flight_ops ops = { start, tell, release };

static void
land(int i, int result, uint64_t bytes)
{
	flown[i].live = false;
	prefetch_ended(&hub, &flown[i].at, result, bytes);
	flight_end(flown[i].flight, result, NULL);
}

static void
tick(void)
{
	mailbox_open(&hub.mail);
	prefetch_tick(hub.prefetches, file_monotonic());
}

/* Everything that flies comes, again and again. */
static void
land_all(uint64_t bytes)
{
	int seen = -1;

	for (tick(); seen != starts; tick()) {
		seen = starts;
		for (int i = 0; i < starts; i++)
			if (flown[i].live)
				land(i, flown[i].cancelled ? -ECANCELED : 0,
				     bytes);
	}
}

static void
key_of(int i, struct digest *d)
{
	digest_bytes(&i, sizeof(i), d);
}

static void
ask(int i)
{
	struct digest k0;

	key_of(-1 - i, &k0);
	prefetch_check(hub.prefetches, &k0);
}

static void
get(int i)
{
	struct digest at;

	key_of(i, &at);
	prefetch_get(hub.prefetches, &at);
}

static void
add(struct build_manifest *m, uint64_t size, int k0, int at, uint32_t unused)
{
	struct build_manifest_unit u = { .size = size,
					 .compile_us = UNITS_MAX - m->count,
					 .unused = unused };
	int n = (int)m->count;

	key_of(at, &u.at);
	key_of(-1 - k0, &u.k0);
	assert_int_equal(build_manifest_add(m, &u, "crate", "1.0.0", NULL, 0),
			 n);
}

/* The last unit of M is in the store. */
static void
give(int k, struct build_manifest *m)
{
	static bool here[UNITS_MAX];
	struct plan_load_result r = { .here = here, .source = "a test" };

	memset(here, 0, sizeof(here));
	here[m->count - 1] = true;
	r.bman = *m;
	build[k].session = (uint64_t)k + 1;
	prefetch_begin(hub.prefetches, &build[k]);
	plan_loaded(plan_ctx, &r);
	build_manifest_release(&r.bman);
}

enum { MET = 1 << 20 };

/* A plan of N units, of which some are the SAME pack, and one more, MET, which
 * is in the store. */
static void
plan_only(int k, int n, uint64_t size, int same)
{
	struct build_manifest m = { 0 };

	for (int i = 0; i < n; i++)
		add(&m, size, i, i / same, 0);
	add(&m, size, MET, MET, 0);
	give(k, &m);
}

/* And the build is known to be about it. */
static void
plan(int k, int n, uint64_t size, int same)
{
	plan_only(k, n, size, same);
	ask(MET);
}

static uint64_t
counted(int which)
{
	return atomic_load(&hub.count[which]);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&hub, 0, sizeof(hub));
	memset(&setup, 0, sizeof(setup));
	setup.remote = (struct remote *)&hub;
	setup.config.v[CONFIG_PREFETCH_ENABLED].num = 1;
	setup.config.v[CONFIG_PREFETCH_MAX_BYTES].num = 100 << 20;
	snprintf(hub.cache_dir, sizeof(hub.cache_dir), "%s", testdir);
	starts = refuse = 0;
	if (mailbox_init(&hub.mail) < 0 || prefetch_open(&hub) < 0)
		return -1;
	return flight_open(&ops, NULL, &hub.packs);
}

static int
tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < starts; i++)
		if (flown[i].live)
			land(i, -ECANCELED, 0);
	mailbox_open(&hub.mail);
	prefetch_close(hub.prefetches);
	flight_free(hub.packs);
	mailbox_release(&hub.mail);
	/* The store of the next one is empty. */
	testdir_remove(NULL);
	return mkdir(testdir, 0700);
}

static void
each_pack_comes_once(void **state)
{
	(void)state;
	plan(0, 200, 1000, 2);
	land_all(900);
	assert_int_equal(starts, 100);
	assert_int_equal(counted(HUB_FETCHED), 100);
}

static void
what_cannot_start_does_not_fly_for_ever(void **state)
{
	(void)state;
	plan(0, 100, 1000, 1);
	refuse = ERR_BUSY;
	tick();
	refuse = 0;
	land_all(900);
	assert_in_range(starts, 68, 100);
}

static void
a_size_that_lies_is_found_out(void **state)
{
	static const uint64_t sizes[] = { 0, 1, UINT64_MAX };

	(void)state;
	for (int k = 0; k < 3; k++) {
		uint64_t mb = 0;

		tear_down(NULL);
		set_up(NULL);
		plan(0, 2000, sizes[k], 1);
		for (int i = 1000; i < 1003; i++)
			get(i);
		land_all(50 << 20);
		for (int i = 0; i < starts; i++)
			mb += 50;
		/* What flew when it was found out: 32 packs. */
		assert_in_range(mb, 0, 100 + 33 * 50);
	}
}

static void
two_builds_share_a_pack(void **state)
{
	(void)state;
	plan(0, 10, 1000, 1);
	plan(1, 10, 1000, 1);
	tick();
	assert_int_equal(starts, 10);
	prefetch_end(hub.prefetches, &build[0]);
	for (int i = 0; i < starts; i++)
		assert_false(flown[i].cancelled);
	land_all(900);
	assert_int_equal(counted(HUB_FETCHED), 10);
	assert_int_equal(counted(HUB_FETCHED_BYTES), 9000);
	prefetch_end(hub.prefetches, &build[1]);
	assert_int_equal(counted(HUB_UNUSED), 10);
}

static void
what_flies_for_nobody_comes_down(void **state)
{
	(void)state;
	plan(0, 10, 1000, 1);
	tick();
	prefetch_end(hub.prefetches, &build[0]);
	for (int i = 0; i < starts; i++)
		assert_true(flown[i].cancelled);
}

static void
late_is_what_came_too_late(void **state)
{
	(void)state;
	plan(0, 2, 1000, 1);
	tick();
	assert_int_equal(starts, 2);
	for (int i = 0; i < 2; i++) {
		ask(i);
		get(i);
	}
	assert_int_equal(counted(HUB_PF_LATE), 2);
	land(0, ERR_MISS, 0);
	land(1, 0, 900);
	mailbox_open(&hub.mail);
	assert_int_equal(counted(HUB_FETCHED), 1);
	prefetch_end(hub.prefetches, &build[0]);
	assert_int_equal(counted(HUB_UNUSED), 0);
}

/* A plan without edges says nothing of commands: nothing of it is put aside. */
static void
units_without_edges_are_all_wanted(void **state)
{
	int asked = 0;

	(void)state;
	plan(0, 512, 1000, 1);
	tick();
	for (int i = 0; i < 160; i++) {
		ask(i * 3);
		get(i * 3);
		asked += i * 3 >= starts;
	}
	for (int i = 0; i < starts; i++)
		assert_false(flown[i].cancelled);
	land_all(900);
	/* What is asked for meanwhile is left to who asks. */
	assert_int_equal(starts, 512 - asked);
}

static void
put_entry(const struct digest *at, mode_t mode)
{
	char name[STORE_NAME], path[4400];
	int fd;

	store_name("entries", at, name);
	snprintf(path, sizeof(path), "%s/entries", testdir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	*strrchr(path, '/') = '\0';
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s", testdir, name);
	fd = open(path, O_CREAT | O_WRONLY, mode);
	assert_true(fd >= 0);
	close(fd);
}

static void
what_came_meanwhile_is_told_once(void **state)
{
	struct digest at;

	(void)state;
	key_of(0, &at);
	plan(0, 1, 1000, 1);
	tick();
	assert_false(prefetch_came(hub.prefetches, &at, true));
	put_entry(&at, 0700);
	land_all(900);
	assert_true(prefetch_came(hub.prefetches, &at, false));
	assert_true(prefetch_came(hub.prefetches, &at, true));
	assert_false(prefetch_came(hub.prefetches, &at, true));
}

static void
what_the_store_got_is_not_fetched(void **state)
{
	struct digest at;

	(void)state;
	key_of(5, &at);
	put_entry(&at, 0700);
	plan(0, 10, 1000, 1);
	land_all(900);
	for (int i = 0; i < starts; i++)
		assert_false(digest_eq(&flown[i].at, &at));
}

/* Nobody asks for anything that it knows. */
static void
a_plan_of_another_build_costs_nothing(void **state)
{
	(void)state;
	plan_only(0, 1000, 100 << 10, 1);
	for (int i = 0; i < 20; i++) {
		ask(5000 + i);
		get(5000 + i);
		land_all(90 << 10);
	}
	assert_int_equal(starts, 0);
	get(3);
	tick();
	assert_in_range(starts, 1, 1000);
}

/* It takes a round trip to load a plan. */
static void
what_was_asked_for_meanwhile_counts(void **state)
{
	struct build_manifest m = { 0 };

	(void)state;
	build[0].session = 1;
	prefetch_begin(hub.prefetches, &build[0]);
	ask(2);
	for (int i = 0; i < 10; i++)
		add(&m, 1000, i, i, 0);
	give(0, &m);
	land_all(900);
	assert_int_equal(starts, 8);
}

static int
used_up_to(int n, int64_t now)
{
	struct digest at;

	for (int i = 0; i < starts && n; i++, n--) {
		key_of(i, &at);
		put_entry(&at, 0600);
	}
	prefetch_tick(hub.prefetches, now);
	land_all(90 << 10);
	return starts;
}

static void
trust_grows_with_what_is_used(void **state)
{
	int64_t second = 1000000000, time = file_monotonic();
	int before, now;

	(void)state;
	plan(0, 4000, 100 << 10, 1);
	land_all(90 << 10);
	/* 2 MiB of 100 kB each. */
	assert_int_equal(starts, 20);
	now = used_up_to(10, time + second);
	assert_int_equal(now, 10 + 20 + 4 * 10);
	do {
		before = now;
		time += second;
		now = used_up_to(now, time + second);
		assert_true(now <= 5 * before + 21);
		/* As much as was used and 32 MiB. */
		assert_true(now <= 2 * before + 328);
	} while (now != before && now < 900);
	assert_in_range(now, 900, 2200);
}

static void
a_large_pack_waits_for_trust(void **state)
{
	struct build_manifest m = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++)
		add(&m, 40 << 20, i, i, 0);
	add(&m, 100, MET, MET, 0);
	give(0, &m);
	ask(MET);
	land_all(14 << 20);
	assert_int_equal(starts, 0);
	get(1);
	land_all(14 << 20);
	assert_in_range(starts, 1, 2);
}

static void
a_plan_of_no_use_is_given_up(void **state)
{
	int64_t second = 1000000000, now = file_monotonic();

	(void)state;
	plan(0, 100, 1000, 1);
	land_all(900);
	for (int i = 0; i < 10; i++)
		ask(i);
	prefetch_tick(hub.prefetches, now);
	assert_int_equal(counted(HUB_GIVEN_UP), 0);
	prefetch_tick(hub.prefetches, now + 2 * second);
	assert_int_equal(counted(HUB_GIVEN_UP), 1);
}

/* Many shims ask before the first of them is answered. */
static void
many_questions_are_no_sign_of_a_wrong_plan(void **state)
{
	int64_t second = 1000000000, now = file_monotonic();

	(void)state;
	plan(0, 200, 1000, 1);
	for (int i = 0; i < 64; i++)
		ask(i);
	prefetch_tick(hub.prefetches, now);
	for (int i = 0; i < 64; i++)
		get(i);
	prefetch_tick(hub.prefetches, now + 2 * second);
	assert_int_equal(counted(HUB_GIVEN_UP), 0);
	land_all(900);
	assert_int_equal(starts, 200 - 64);
}

/* The build's own shim looks whether it is still the same. */
static void
what_is_asked_for_is_left_to_who_asks(void **state)
{
	struct digest at;

	(void)state;
	key_of(40, &at);
	plan(0, 50, 1000, 1);
	ask(40);
	land_all(900);
	assert_int_equal(starts, 49);
	for (int i = 0; i < starts; i++)
		assert_false(digest_eq(&flown[i].at, &at));
}

static void
only_the_last_version_of_a_unit_is_fetched(void **state)
{
	struct build_manifest m = { 0 };
	struct digest at;

	(void)state;
	/* Units 0 to 9 were used two sessions ago, and 0 to 4 since. */
	for (int i = 0; i < 10; i++)
		add(&m, 1000, i, i, 2);
	for (int i = 0; i < 5; i++)
		add(&m, 1000, i, 100 + i, 0);
	add(&m, 1000, MET, MET, 0);
	give(0, &m);
	ask(MET);
	land_all(900);
	assert_int_equal(starts, 10);
	for (int k = 0; k < 5; k++) {
		key_of(k, &at);
		for (int i = 0; i < starts; i++)
			assert_false(digest_eq(&flown[i].at, &at));
	}
}

/* Whose own compile is short, and which nothing names. */
static void
a_script_comes_before_its_package(void **state)
{
	struct build_manifest_unit u = { .size = 1000, .compile_us = 1000 };
	struct build_manifest m = { 0 };
	struct digest at;

	(void)state;
	for (int i = 0; i < 40; i++) {
		key_of(i, &u.at);
		key_of(-1 - i, &u.k0);
		assert_int_equal(
			build_manifest_add(&m, &u, "other", "1.0.0", NULL, 0),
			i);
	}
	u.compile_us = 5000;
	key_of(40, &u.at);
	build_manifest_add(&m, &u, "sys", "1.0.0", NULL, 0);
	u.compile_us = 1;
	u.script = true;
	key_of(41, &u.at);
	build_manifest_add(&m, &u, "sys", "1.0.0", NULL, 0);
	u.script = false;
	add(&m, 1000, MET, MET, 0);
	give(0, &m);
	ask(MET);
	tick();
	assert_in_range(starts, 2, 42);
	assert_true(digest_eq(&flown[0].at, (key_of(41, &at), &at)));
	assert_true(digest_eq(&flown[1].at, (key_of(40, &at), &at)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_pack_comes_once),
		TEST(what_cannot_start_does_not_fly_for_ever),
		TEST(a_size_that_lies_is_found_out),
		TEST(two_builds_share_a_pack),
		TEST(what_flies_for_nobody_comes_down),
		TEST(late_is_what_came_too_late),
		TEST(units_without_edges_are_all_wanted),
		TEST(what_came_meanwhile_is_told_once),
		TEST(what_the_store_got_is_not_fetched),
		TEST(a_plan_of_another_build_costs_nothing),
		TEST(what_was_asked_for_meanwhile_counts),
		TEST(trust_grows_with_what_is_used),
		TEST(a_large_pack_waits_for_trust),
		TEST(a_plan_of_no_use_is_given_up),
		TEST(many_questions_are_no_sign_of_a_wrong_plan),
		TEST(what_is_asked_for_is_left_to_who_asks),
		TEST(only_the_last_version_of_a_unit_is_fetched),
		TEST(a_script_comes_before_its_package),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
