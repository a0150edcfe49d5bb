/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static void
arrays_grow_one_by_one(void **state)
{
	uint32_t *p = NULL, *moved;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		moved = vec_grow(p, i, 1, sizeof(*p));
		assert_non_null(moved);
		/* It moves only where the room ends. */
		if (i % 16)
			assert_ptr_equal(moved, p);
		p = moved;
		p[i] = i;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(p[i], i);
	free(p);
}

static void
many_fit_at_once(void **state)
{
	char *p = vec_grow(NULL, 0, 100, 1), *more;

	(void)state;
	assert_non_null(p);
	p[99] = 'x';
	assert_ptr_equal(vec_grow(p, 100, 28, 1), p);
	more = vec_grow(p, 100, 29, 1);
	assert_non_null(more);
	assert_int_equal(more[99], 'x');
	more[128] = 'y';
	assert_null(vec_grow(more, 100, SIZE_MAX / 2, 1));
	assert_null(vec_grow(more, 100, SIZE_MAX / 8, 16));
	free(more);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays_grow_one_by_one),
		cmocka_unit_test(many_fit_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
