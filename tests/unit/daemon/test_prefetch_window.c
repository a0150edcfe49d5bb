/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/prefetch_window.h"

#define MIB ((uint64_t)1 << 20)
#define SECOND ((int64_t)1000000000)

static void
strangers_get_nothing(void **state)
{
	struct prefetch_window c = { 0 };

	(void)state;
	assert_false(prefetch_window_allows(&c, 1));
	assert_false(prefetch_window_waits(&c));
	c.met = true;
	assert_true(prefetch_window_allows(&c, 1));
	assert_true(prefetch_window_allows(&c, PREFETCH_WINDOW_START));
	assert_false(prefetch_window_allows(&c, PREFETCH_WINDOW_START + 1));
	assert_false(prefetch_window_allows(&c, UINT64_MAX));
}

/* The most that is fetched ahead after so much was right. */
static uint64_t
ahead(uint64_t proven)
{
	struct prefetch_window c = { .met = true };

	prefetch_window_prove(&c, proven, false);
	while (prefetch_window_allows(&c, MIB / 16))
		c.unproven += MIB / 16;
	return c.unproven;
}

static void
trust_is_earned(void **state)
{
	uint64_t last = 0;

	(void)state;
	assert_int_equal(ahead(0), PREFETCH_WINDOW_START);
	assert_int_equal(ahead(MIB),
			 PREFETCH_WINDOW_START + PREFETCH_WINDOW_TIMES * MIB);
	for (uint64_t p = 0; p < 100; p++) {
		assert_true(ahead(p * MIB) > last);
		last = ahead(p * MIB);
		assert_true(last <= p * MIB + PREFETCH_WINDOW_MOST);
	}
	assert_int_equal(last, 99 * MIB + PREFETCH_WINDOW_MOST);
}

static void
what_is_proven_makes_room(void **state)
{
	struct prefetch_window c = { .met = true };

	(void)state;
	c.unproven = PREFETCH_WINDOW_START;
	assert_false(prefetch_window_allows(&c, 1));
	assert_true(prefetch_window_waits(&c));
	prefetch_window_prove(&c, MIB, true);
	assert_int_equal(c.unproven, PREFETCH_WINDOW_START - MIB);
	assert_true(prefetch_window_allows(&c, MIB));
	assert_false(prefetch_window_waits(&c));
}

static void
numbers_made_up_do_not_wrap(void **state)
{
	struct prefetch_window c = { 0 };

	(void)state;
	for (int i = 0; i < 4096; i++)
		prefetch_window_prove(&c, (uint64_t)1 << 50, false);
	assert_true(prefetch_window_allows(&c, 1));
	c.unproven = c.proven + PREFETCH_WINDOW_MOST;
	assert_false(prefetch_window_allows(&c, 1));
}

static void
it_is_lost_when_wrong_outweighs_right_for_a_while(void **state)
{
	struct prefetch_window c = { .wrong = PREFETCH_WINDOW_WRONG };

	(void)state;
	assert_false(prefetch_window_lost(&c, SECOND));
	assert_false(prefetch_window_lost(&c, SECOND + SECOND / 2));
	c.right = PREFETCH_WINDOW_WRONG;
	assert_false(prefetch_window_lost(&c, 3 * SECOND));
	c.wrong++;
	assert_false(prefetch_window_lost(&c, 4 * SECOND));
	assert_true(prefetch_window_lost(&c, 5 * SECOND));
	c.right = 0;
	c.wrong = PREFETCH_WINDOW_WRONG - 1;
	assert_false(prefetch_window_lost(&c, 9 * SECOND));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_get_nothing),
		cmocka_unit_test(trust_is_earned),
		cmocka_unit_test(what_is_proven_makes_room),
		cmocka_unit_test(numbers_made_up_do_not_wrap),
		cmocka_unit_test(
			it_is_lost_when_wrong_outweighs_right_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
