/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/build_manifest_index.h"
#include "plan/build_manifest.h"

#include <stdlib.h>

static void
key_of(int i, struct digest *d)
{
	digest_bytes(&i, sizeof(i), d);
}

static void
add(struct build_manifest *m, int at, int k0, uint32_t unused)
{
	struct build_manifest_unit u = { .unused = unused };

	key_of(at, &u.at);
	key_of(k0, &u.k0);
	assert_true(build_manifest_add(m, &u, "crate", "1.0.0", NULL, 0) >= 0);
}

static void
each_is_found_by_either_key(void **state)
{
	struct build_manifest m = { 0 };
	struct build_manifest_index *at, *k0;
	struct digest d;

	(void)state;
	for (int i = 0; i < 1000; i++)
		add(&m, i, 5000 + i, 0);
	at = build_manifest_index_new(&m, BUILD_MANIFEST_INDEX_AT);
	k0 = build_manifest_index_new(&m, BUILD_MANIFEST_INDEX_K0);
	for (int i = 0; i < 1000; i++) {
		key_of(i, &d);
		assert_int_equal(build_manifest_index_first(at, &d), i);
		assert_int_equal(build_manifest_index_first(k0, &d), -1);
		key_of(5000 + i, &d);
		assert_int_equal(build_manifest_index_first(at, &d), -1);
		assert_int_equal(build_manifest_index_first(k0, &d), i);
	}
	build_manifest_index_free(at);
	build_manifest_index_free(k0);
	build_manifest_release(&m);
}

static void
of_several_the_last_one_used(void **state)
{
	static const uint32_t unused[] = { 3, 1, 0, 2, 0, 4 };
	struct build_manifest m = { 0 };
	struct build_manifest_index *b;
	struct digest d;

	(void)state;
	for (int k = 0; k < 3; k++)
		for (int i = 0; i < 6; i++)
			add(&m, i + 10 * k, 70 + k, unused[i]);
	b = build_manifest_index_new(&m, BUILD_MANIFEST_INDEX_K0);
	for (int k = 0; k < 3; k++) {
		key_of(70 + k, &d);
		assert_int_equal(build_manifest_index_first(b, &d), 6 * k + 2);
	}
	build_manifest_index_free(b);
	build_manifest_release(&m);
}

static void
nothing_has_no_first(void **state)
{
	struct build_manifest m = { 0 };
	struct build_manifest_index *b =
		build_manifest_index_new(&m, BUILD_MANIFEST_INDEX_AT);
	struct digest d;

	(void)state;
	key_of(1, &d);
	assert_non_null(b);
	assert_int_equal(build_manifest_index_first(b, &d), -1);
	assert_int_equal(build_manifest_index_first(NULL, &d), -1);
	build_manifest_index_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_found_by_either_key),
		cmocka_unit_test(of_several_the_last_one_used),
		cmocka_unit_test(nothing_has_no_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
