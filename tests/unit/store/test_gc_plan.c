/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/gc_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const uint64_t sizes[] = { 100, 200, 400, 50 };
static const uint32_t pool[] = { 0, 1, 1, 2 };
static const struct gc_blobs blobs = { sizes, 4, pool };

static void
make(struct gc_entry e[3])
{
	memset(e, 0, 3 * sizeof(*e));
	for (int i = 0; i < 3; i++) {
		e[i].key.b[0] = (uint8_t)i;
		e[i].used = 1000 + i;
		e[i].size = 10;
	}
	e[0].first = 0; /* blobs 0 and 1 */
	e[0].nblobs = 2;
	e[1].first = 2; /* blob 1 */
	e[1].nblobs = 1;
	e[2].first = 3; /* blob 2; nobody names blob 3 */
	e[2].nblobs = 1;
}

static void
below_the_limit_only_orphans_go(void **state)
{
	struct gc_limits l = { .max_size = 1000, .target = 900, .now = 2000 };
	struct gc_entry e[3];

	(void)state;
	make(e);
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 730);
	for (int i = 0; i < 3; i++)
		assert_false(e[i].victim);
}

static void
least_recently_used_go_first(void **state)
{
	struct gc_limits l = { .max_size = 700, .target = 650, .now = 2000 };
	struct gc_entry e[3];

	(void)state;
	make(e);
	/* Entry 0 takes blob 0 along; blob 1 is still named by entry 1. */
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 620);
	assert_true(e[0].victim);
	assert_false(e[1].victim);
	l.target = 500;
	make(e);
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 410);
	assert_true(e[1].victim);
	assert_false(e[2].victim);
	l.target = 0;
	make(e);
	assert_int_equal(gc_plan(e, 3, &blobs, 780, &l), 0);
	assert_true(e[2].victim);
}

static void
the_young_are_spared_in_automatic_sweeps(void **state)
{
	struct gc_limits l = {
		.max_size = 1, .target = 0, .now = 2000, .spare = 999
	};
	struct gc_entry e[3];

	(void)state;
	make(e);
	gc_plan(e, 3, &blobs, 780, &l);
	for (int i = 0; i < 3; i++)
		assert_int_equal(e[i].victim, e[i].used <= 1001);
}

static void
the_old_go_in_any_case(void **state)
{
	struct gc_limits l = { .max_size = 0, .max_age = 999, .now = 2000 };
	struct gc_entry e[3];

	(void)state;
	make(e);
	gc_plan(e, 3, &blobs, 780, &l);
	for (int i = 0; i < 3; i++)
		assert_int_equal(e[i].victim, e[i].used < 1001);
}

enum { ENTRIES = 40, BLOBS = 30, ROUNDS = 20000 };

/* A random store and random limits; small numbers, so that ties happen. */
struct random_plan {
	struct gc_entry e[ENTRIES];
	uint8_t before[ENTRIES]; /* why, as it went in */
	uint64_t size[BLOBS];
	uint32_t pool[ENTRIES * 4];
	struct gc_blobs blobs;
	struct gc_limits l;
	size_t n;
	uint64_t total;
};

static bool
chance(int of)
{
	return random() % of == 0;
}

static void
make_random_entry(struct random_plan *p, size_t i, size_t *npool)
{
	struct gc_entry *e = &p->e[i];

	e->key.b[0] = (uint8_t)i;
	e->used = random() % 100;
	e->size = (uint64_t)random() % 20;
	e->pinned = chance(6);
	e->unreachable = chance(4);
	if (chance(8))
		e->why = chance(2) ? GC_DAMAGED : GC_PURGED;
	p->before[i] = e->why;
	e->first = *npool;
	e->nblobs = (uint32_t)random() % 4;
	for (uint32_t k = 0; k < e->nblobs; k++)
		p->pool[(*npool)++] =
			(uint32_t)((size_t)random() % p->blobs.count);
	p->total += e->size;
}

static void
make_random(struct random_plan *p)
{
	size_t npool = 0;

	memset(p, 0, sizeof(*p));
	p->n = (size_t)random() % ENTRIES;
	p->blobs.count = 1 + (size_t)random() % BLOBS;
	p->blobs.size = p->size;
	p->blobs.pool = p->pool;
	for (size_t i = 0; i < p->blobs.count; i++) {
		p->size[i] = (uint64_t)random() % 100;
		p->total += p->size[i];
	}
	for (size_t i = 0; i < p->n; i++)
		make_random_entry(p, i, &npool);
	p->l = (struct gc_limits){ .now = 100,
				   .max_size = (uint64_t)random() % 2000,
				   .max_age = random() % 3 ? 0 : random() % 100,
				   .spare = random() % 2 ? 0 : random() % 100 };
	p->l.target = p->l.max_size / 10 * 9;
}

/* What is left on disk without the victims that GOES says go. */
static uint64_t
left(const struct random_plan *p, bool (*goes)(const struct gc_entry *e))
{
	bool live[BLOBS] = { false };
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct gc_entry *e = &p->e[i];

		if (e->victim && goes(e))
			continue;
		sum += e->size;
		for (uint32_t k = 0; k < e->nblobs; k++)
			live[p->pool[e->first + k]] = true;
	}
	for (size_t i = 0; i < p->blobs.count; i++)
		sum += live[i] ? p->size[i] : 0;
	return sum;
}

static bool
any(const struct gc_entry *e)
{
	(void)e;
	return true;
}

static bool
by_size(const struct gc_entry *e)
{
	return e->why == GC_BY_SIZE || e->why == GC_UNREACHABLE;
}

static bool
not_by_size(const struct gc_entry *e)
{
	return !by_size(e);
}

static const struct gc_entry *last; /* of those that went by size */

static bool
all_but_last(const struct gc_entry *e)
{
	return e != last;
}

static bool
is_old(const struct random_plan *p, const struct gc_entry *e)
{
	return p->l.max_age && e->used < p->l.now - p->l.max_age;
}

static bool
may_go_by_size(const struct random_plan *p, const struct gc_entry *e)
{
	return !e->pinned && !(p->l.spare && e->used > p->l.now - p->l.spare);
}

/* A is to go before B. */
static bool
before(const struct gc_entry *a, const struct gc_entry *b)
{
	if (a->unreachable != b->unreachable)
		return a->unreachable;
	return a->used < b->used;
}

/* Each one by itself: nobody goes or stays against the rules. */
static void
check_entry(const struct random_plan *p, size_t i)
{
	const struct gc_entry *e = &p->e[i];

	assert_int_equal(e->victim, e->why != GC_STAYS);
	if (e->pinned) {
		assert_false(e->victim);
	} else if (p->before[i] != GC_STAYS) {
		assert_int_equal(e->why, p->before[i]);
	} else if (is_old(p, e)) {
		assert_int_equal(e->why, GC_BY_AGE);
	} else if (e->victim) {
		assert_true(by_size(e));
		assert_true(may_go_by_size(p, e));
		assert_int_equal(e->why == GC_UNREACHABLE, e->unreachable);
	}
}

static void
check_plan(const struct random_plan *p, uint64_t after)
{
	bool over = p->l.max_size && left(p, not_by_size) > p->l.max_size;
	const struct gc_entry *kept = NULL; /* first that might have gone */

	last = NULL;
	assert_int_equal(after, left(p, any));
	for (size_t i = 0; i < p->n; i++) {
		const struct gc_entry *e = &p->e[i];

		check_entry(p, i);
		if (by_size(e) && e->victim && (!last || before(last, e)))
			last = e;
		if (!e->victim && may_go_by_size(p, e) &&
		    (!kept || before(e, kept)))
			kept = e;
	}
	/* Only if need be, and down to the target unless nothing is left
	 * that might go. */
	assert_true(over || !last);
	assert_true(!over || after <= p->l.target || !kept);
	assert_true(!p->l.max_size || after <= p->l.max_size || !kept);
	/* Least recently used first. */
	assert_true(!last || !kept || !before(kept, last));
}

/* No more than it takes: the one that went last was needed.  With equals one
 * of them is. */
static void
check_thrift(const struct random_plan *p)
{
	bool needed = false;
	const struct gc_entry *of = last;

	for (size_t i = 0; i < p->n && of; i++) {
		const struct gc_entry *e = &p->e[i];

		if (!e->victim || !by_size(e) || before(e, of) || before(of, e))
			continue;
		last = e;
		needed = needed || left(p, all_but_last) > p->l.target;
	}
	assert_true(!of || needed);
}

static void
random_plans_hold_what_they_promise(void **state)
{
	static struct random_plan p;
	unsigned sized = 0;

	(void)state;
	srandom(20260101);
	for (int i = 0; i < ROUNDS; i++) {
		make_random(&p);
		check_plan(&p, gc_plan(p.e, p.n, &p.blobs, p.total, &p.l));
		sized += last != NULL;
		check_thrift(&p);
	}
	/* The test itself sees what it is about. */
	assert_true(sized > ROUNDS / 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(below_the_limit_only_orphans_go),
		cmocka_unit_test(least_recently_used_go_first),
		cmocka_unit_test(the_young_are_spared_in_automatic_sweeps),
		cmocka_unit_test(the_old_go_in_any_case),
		cmocka_unit_test(random_plans_hold_what_they_promise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
