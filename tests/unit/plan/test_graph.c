/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "plan/graph.h"

#include <errno.h>
#include <stdlib.h>

enum { MANY = 10000 };

static struct graph *
make(size_t n, const uint64_t *cost)
{
	struct graph *g = graph_new();

	assert_non_null(g);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(graph_add(g, cost ? cost[i] : 1), i);
	return g;
}

static void
need(struct graph *g, size_t node, size_t dep)
{
	assert_int_equal(graph_need(g, node, dep), 0);
}

static void
dependencies_come_first(void **state)
{
	struct graph *g = make(3, NULL);

	(void)state;
	need(g, 0, 1);
	need(g, 1, 2);
	assert_int_equal(graph_seal(g), 0);
	assert_int_equal(graph_peek(g), 2);
	assert_int_equal(graph_next(g), 2);
	assert_int_equal(graph_next(g), -1);
	assert_int_equal(graph_left(g), 2);
	graph_done(g, 2);
	assert_int_equal(graph_next(g), 1);
	graph_done(g, 1);
	assert_int_equal(graph_next(g), 0);
	graph_done(g, 0);
	assert_int_equal(graph_next(g), -1);
	assert_int_equal(graph_left(g), 0);
	graph_free(g);
}

/* a needs b and c, both need d: d once, and a after both. */
static void
a_diamond_waits_for_both_sides(void **state)
{
	struct graph *g = make(4, NULL);

	(void)state;
	need(g, 0, 1);
	need(g, 0, 2);
	need(g, 1, 3);
	need(g, 2, 3);
	need(g, 2, 3); /* said twice */
	need(g, 2, 2); /* itself */
	assert_int_equal(graph_seal(g), 0);
	assert_int_equal(graph_next(g), 3);
	graph_done(g, 3);
	assert_int_equal(graph_next(g), 1);
	assert_int_equal(graph_next(g), 2);
	graph_done(g, 2);
	assert_int_equal(graph_next(g), -1);
	graph_done(g, 1);
	assert_int_equal(graph_next(g), 0);
	graph_free(g);
}

static void
the_longest_path_goes_first(void **state)
{
	static const uint64_t cost[] = { 1, 1, 10, 1, 5 };
	struct graph *g = make(5, cost);

	(void)state;
	/* 0 alone; 1 is needed by 2 (long); 3 is needed by 4. */
	need(g, 2, 1);
	need(g, 4, 3);
	assert_int_equal(graph_seal(g), 0);
	assert_int_equal(graph_path(g, 1), 11);
	assert_int_equal(graph_path(g, 3), 6);
	assert_int_equal(graph_next(g), 1);
	assert_int_equal(graph_next(g), 3);
	assert_int_equal(graph_next(g), 0);
	graph_done(g, 3);
	graph_done(g, 1);
	assert_int_equal(graph_next(g), 2);
	assert_int_equal(graph_next(g), 4);
	graph_free(g);
}

/* As dev-dependencies make them. */
static void
cycles_are_broken(void **state)
{
	struct graph *g = make(5, NULL);
	bool seen[5] = { false };
	int n;

	(void)state;
	need(g, 0, 1);
	need(g, 1, 2);
	need(g, 2, 0);
	need(g, 3, 0);
	need(g, 4, 4);
	assert_int_equal(graph_seal(g), 0);
	for (int i = 0; i < 5; i++) {
		n = graph_next(g);
		assert_in_range(n, 0, 4);
		assert_false(seen[n]);
		seen[n] = true;
		/* What needs the cycle comes after its first member. */
		assert_false(n == 3 && !seen[0]);
		graph_done(g, (size_t)n);
	}
	assert_int_equal(graph_next(g), -1);
	graph_free(g);
}

static void
dropped_nodes_block_nobody(void **state)
{
	struct graph *g = make(4, NULL);

	(void)state;
	need(g, 0, 1);
	need(g, 1, 2);
	need(g, 3, 0);
	assert_int_equal(graph_seal(g), 0);
	graph_drop(g, 1); /* waits */
	graph_drop(g, 2); /* ready */
	graph_drop(g, 2); /* again */
	assert_int_equal(graph_left(g), 2);
	assert_int_equal(graph_next(g), 0);
	graph_drop(g, 0); /* taken: only done ends it */
	assert_int_equal(graph_next(g), -1);
	graph_done(g, 0);
	assert_int_equal(graph_next(g), 3);
	graph_free(g);
}

static void
what_is_taken_again_releases_nobody_twice(void **state)
{
	struct graph *g = graph_new();

	(void)state;
	/* 2 needs both others. */
	assert_int_equal(graph_add(g, 5), 0);
	assert_int_equal(graph_add(g, 3), 1);
	assert_int_equal(graph_add(g, 1), 2);
	assert_int_equal(graph_need(g, 2, 0), 0);
	assert_int_equal(graph_need(g, 2, 1), 0);
	assert_int_equal(graph_seal(g), 0);
	assert_int_equal(graph_next(g), 0);
	graph_again(g, 0); /* not done yet */
	graph_done(g, 0);
	graph_again(g, 0);
	assert_int_equal(graph_left(g), 3);
	assert_int_equal(graph_next(g), 0);
	graph_done(g, 0);
	assert_int_equal(graph_next(g), 1);
	assert_int_equal(graph_next(g), -1);
	graph_done(g, 1);
	assert_int_equal(graph_next(g), 2);
	graph_free(g);
}

static void
nonsense_is_refused(void **state)
{
	struct graph *g = make(2, NULL);

	(void)state;
	assert_int_equal(graph_need(g, 0, 2), -EINVAL);
	assert_int_equal(graph_need(g, 7, 0), -EINVAL);
	assert_int_equal(graph_seal(g), 0);
	graph_done(g, 1); /* not taken */
	graph_done(g, 99);
	graph_drop(g, 99);
	assert_int_equal(graph_left(g), 2);
	graph_free(g);
	g = make(0, NULL);
	assert_int_equal(graph_seal(g), 0);
	assert_int_equal(graph_next(g), -1);
	graph_free(g);
	graph_free(NULL);
}

static void
there_is_a_limit(void **state)
{
	struct graph *g = make(GRAPH_MAX, NULL);

	(void)state;
	assert_int_equal(graph_add(g, 1), ERR_TOOBIG);
	graph_free(g);
}

static void
costs_do_not_overflow(void **state)
{
	static const uint64_t cost[] = { UINT64_MAX, UINT64_MAX - 1 };
	struct graph *g = make(2, cost);

	(void)state;
	need(g, 0, 1);
	assert_int_equal(graph_seal(g), 0);
	assert_true(graph_path(g, 1) == UINT64_MAX);
	graph_free(g);
}

/* Random graphs: each comes once, after what it needs (numbers decrease along
 * an edge, so there is no cycle). */
static void
large_graphs_keep_the_order(void **state)
{
	static uint8_t over[MANY];
	static uint32_t dep[MANY][4];
	struct graph *g = make(MANY, NULL);
	int n;

	(void)state;
	srandom(5);
	for (size_t i = 1; i < MANY; i++)
		for (int k = 0; k < 4; k++) {
			dep[i][k] = (uint32_t)random() % (uint32_t)i;
			need(g, i, dep[i][k]);
		}
	assert_int_equal(graph_seal(g), 0);
	for (size_t count = 0; count < MANY; count++) {
		n = graph_next(g);
		assert_in_range(n, 0, MANY - 1);
		assert_int_equal(over[n], 0);
		for (int k = 0; n && k < 4; k++)
			assert_int_equal(over[dep[n][k]], 1);
		over[n] = 1;
		graph_done(g, (size_t)n);
	}
	graph_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dependencies_come_first),
		cmocka_unit_test(a_diamond_waits_for_both_sides),
		cmocka_unit_test(the_longest_path_goes_first),
		cmocka_unit_test(cycles_are_broken),
		cmocka_unit_test(dropped_nodes_block_nobody),
		cmocka_unit_test(what_is_taken_again_releases_nobody_twice),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(costs_do_not_overflow),
		cmocka_unit_test(large_graphs_keep_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
