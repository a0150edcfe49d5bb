/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "daemon/builds.h"
#include "daemon/hub.h"
#include "daemon/planload.h"
#include "daemon/prefetch.h"
#include "plan/bman.h"
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

static struct hub hub;
static struct hub_setup setup;
static struct build build[2];
static struct {
	struct flight *flight;
	struct digest at;
	bool live, cancelled;
} flown[FLIGHTS];
static int starts, refuse;
static void (*plan_loaded)(void *ctx, struct planload_result *r);
static void *plan_ctx;

struct hub_setup *
hub_get(struct hub *h)
{
	(void)h;
	return &setup;
}

void
hub_put(struct hub_setup *s)
{
	(void)s;
}

struct hub_store *
hub_store(struct hub *h)
{
	(void)h;
	return NULL;
}

struct planload *
planload_start(struct hub *h, const struct build *b, bool with_hint,
	       void (*done)(void *ctx, struct planload_result *r), void *ctx)
{
	(void)b;
	(void)with_hint;
	plan_loaded = done;
	plan_ctx = ctx;
	return (struct planload *)h;
}

void
planload_forget(struct planload *l)
{
	(void)l;
}

struct build *
builds_find(struct builds *b, uint64_t session)
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
plan(int k, int n, uint64_t size, int same)
{
	static bool here[UNITS_MAX];
	struct planload_result r = { .here = here, .source = "a test" };

	for (int i = 0; i < n; i++) {
		struct bman_unit u = { .size = size,
				       .compile_us = (uint64_t)(n - i) };

		key_of(i / same, &u.at);
		key_of(-1 - i, &u.k0);
		assert_int_equal(
			bman_add(&r.bman, &u, "crate", "1.0.0", NULL, 0), i);
	}
	build[k].session = (uint64_t)k + 1;
	prefetch_begin(hub.prefetches, &build[k]);
	plan_loaded(plan_ctx, &r);
	bman_release(&r.bman);
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
	return 0;
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
	struct digest k0, at;

	(void)state;
	plan(0, 2, 1000, 1);
	tick();
	assert_int_equal(starts, 2);
	for (int i = 0; i < 2; i++) {
		key_of(-1 - i, &k0);
		key_of(i, &at);
		prefetch_check(hub.prefetches, &k0);
		prefetch_get(hub.prefetches, &k0, &at);
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
	struct digest k0;

	(void)state;
	plan(0, 512, 1000, 1);
	tick();
	for (int i = 0; i < 160; i++) {
		key_of(-1 - i * 3, &k0);
		prefetch_check(hub.prefetches, &k0);
	}
	for (int i = 0; i < starts; i++)
		assert_false(flown[i].cancelled);
	land_all(900);
	assert_int_equal(starts, 512);
}

static void
put_entry(const struct digest *at)
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
	fd = open(path, O_CREAT | O_WRONLY, 0700);
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
	put_entry(&at);
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
	put_entry(&at);
	plan(0, 10, 1000, 1);
	land_all(900);
	for (int i = 0; i < starts; i++)
		assert_false(digest_eq(&flown[i].at, &at));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_pack_comes_once, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			what_cannot_start_does_not_fly_for_ever, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(a_size_that_lies_is_found_out,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_builds_share_a_pack, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			what_flies_for_nobody_comes_down, set_up, tear_down),
		cmocka_unit_test_setup_teardown(late_is_what_came_too_late,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			units_without_edges_are_all_wanted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_came_meanwhile_is_told_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_the_store_got_is_not_fetched, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, testdir_make, testdir_remove);
}
