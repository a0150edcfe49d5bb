/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/build_manifest.h"
#include "plan/scripts.h"

#include <stdlib.h>

struct hashset {
	size_t count;
	size_t last;
	bool pair[16][16];
};

static int
note(void *ctx, size_t unit, size_t script)
{
	struct hashset *s = ctx;

	if (unit < 16 && script < 16)
		s->pair[unit][script] = true;
	s->count++;
	return s->count == s->last ? -7 : 0;
}

static void
add(struct build_manifest *m, const char *package, const char *version,
    bool script)
{
	struct build_manifest_unit u = { .script = script };
	int i = (int)m->count;

	digest_bytes(&i, sizeof(i), &u.at);
	assert_int_equal(build_manifest_add(m, &u, package, version, NULL, 0),
			 i);
}

static void
units_wait_for_the_scripts_of_their_package(void **state)
{
	struct hashset s = { 0 };
	struct build_manifest m = { 0 };

	(void)state;
	assert_int_equal(scripts_each(&m, note, &s), 0);
	add(&m, "a", "1.0.0", false); /* 0 */
	add(&m, "b", "1.0.0", false);
	add(&m, "a", "1.0.0", true); /* 2 */
	add(&m, "c", "1.0.0", true);
	add(&m, "a", "2.0.0", true);
	add(&m, "a", "1.0.0", false); /* 5 */
	add(&m, "a", "2.0.0", false); /* 6 */
	assert_int_equal(scripts_each(&m, note, &s), 0);
	assert_int_equal(s.count, 3);
	assert_true(s.pair[0][2]);
	assert_true(s.pair[5][2]);
	assert_true(s.pair[6][4]);
	build_manifest_release(&m);
}

static void
who_is_told_may_end_it(void **state)
{
	struct hashset s = { .last = 2 };
	struct build_manifest m = { 0 };

	(void)state;
	add(&m, "a", "1.0.0", true);
	for (int i = 0; i < 5; i++)
		add(&m, "a", "1.0.0", false);
	add(&m, "b", "1.0.0", true);
	add(&m, "b", "1.0.0", false);
	assert_int_equal(scripts_each(&m, note, &s), -7);
	assert_int_equal(s.count, 2);
	build_manifest_release(&m);
}

/* 4,096 scripts and as many others in one package: 16 million pairs. */
static void
a_manifest_made_to_have_many_is_cut(void **state)
{
	struct hashset s = { 0 };
	struct build_manifest m = { 0 };

	(void)state;
	for (int i = 0; i < BUILD_MANIFEST_UNITS; i++)
		add(&m, "a", "1.0.0", i % 2);
	assert_int_equal(scripts_each(&m, note, &s), 0);
	assert_int_equal(s.count, SCRIPTS_PAIRS);
	build_manifest_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_wait_for_the_scripts_of_their_package),
		cmocka_unit_test(who_is_told_may_end_it),
		cmocka_unit_test(a_manifest_made_to_have_many_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
