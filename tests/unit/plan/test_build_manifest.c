/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "plan/build_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
key(int i, struct digest *d)
{
	digest_bytes(&i, sizeof(i), d);
}

static int
add(struct build_manifest *m, int i, uint32_t unused, const uint32_t *parents,
    size_t n)
{
	struct build_manifest_unit u = { .size = (uint64_t)i * 10,
					 .compile_us = (uint64_t)i * 100,
					 .unused = unused,
					 .script = i == 1 };
	char name[32];

	key(i, &u.at);
	key(-i - 1, &u.k0);
	snprintf(name, sizeof(name), "crate_%d", i);
	return build_manifest_add(m, &u, name, "1.0.0", parents, n);
}

static void
it_survives_the_way(void **state)
{
	struct build_manifest m = { .stored_ms = 77 }, back;
	uint32_t parents[] = { 0, 1 };
	struct buf b = { 0 };

	(void)state;
	key(1000, &m.lock);
	key(1001, &m.toolchain);
	assert_int_equal(add(&m, 0, 0, NULL, 0), 0);
	assert_int_equal(add(&m, 1, 3, parents, 1), 1);
	assert_int_equal(add(&m, 2, 0, parents, 2), 2);
	build_manifest_encode(&m, &b);
	assert_int_equal(build_manifest_decode(b.p, b.len, &back), 0);
	assert_int_equal(back.count, 3);
	assert_true(digest_eq(&back.lock, &m.lock));
	assert_true(digest_eq(&back.toolchain, &m.toolchain));
	assert_int_equal(back.stored_ms, 77);
	for (int i = 0; i < 3; i++) {
		const struct build_manifest_unit *u = &back.unit[i];

		assert_int_equal(u->script, i == 1);
		assert_true(digest_eq(&u->at, &m.unit[i].at));
		assert_true(digest_eq(&u->k0, &m.unit[i].k0));
		assert_int_equal(u->size, i * 10);
		assert_int_equal(u->compile_us, i * 100);
		assert_int_equal(u->nparents, i);
		assert_string_equal(build_manifest_package(&back, u),
				    build_manifest_package(&m, &m.unit[i]));
		assert_string_equal(build_manifest_version(&back, u), "1.0.0");
	}
	assert_int_equal(back.unit[1].unused, 3);
	assert_int_equal(back.parents[back.unit[2].parent + 1], 1);
	for (size_t n = 0; n < b.len; n++)
		assert_true(build_manifest_decode(b.p, n, &back) < 0 ||
			    n == b.len);
	for (size_t i = 0; i < b.len; i++) {
		struct build_manifest other;

		b.p[i] ^= 1;
		assert_true(build_manifest_decode(b.p, b.len, &other) < 0);
		b.p[i] ^= 1;
	}
	build_manifest_release(&back);
	build_manifest_release(&m);
	buf_free(&b);
}

static void
old_units_stay_for_a_while(void **state)
{
	struct build_manifest m = { 0 }, older = { 0 };
	uint32_t parents[] = { 0, 2 };

	(void)state;
	add(&older, 10, 0, NULL, 0);
	add(&older, 11, BUILD_MANIFEST_SESSIONS - 1, NULL, 0);
	add(&older, 12, 1, NULL, 0);
	add(&older, 13, 0, parents, 2);
	add(&m, 12, 0, NULL, 0);
	assert_int_equal(build_manifest_merge(&m, &older, true), 0);
	/* 12 is there, 11 was not used for too long. */
	assert_int_equal(m.count, 3);
	assert_int_equal(m.unit[0].unused, 0);
	assert_string_equal(build_manifest_package(&m, &m.unit[1]), "crate_10");
	assert_int_equal(m.unit[1].unused, 1);
	assert_string_equal(build_manifest_package(&m, &m.unit[2]), "crate_13");
	assert_int_equal(m.unit[2].nparents, 2);
	assert_int_equal(m.parents[m.unit[2].parent], 1);
	assert_int_equal(m.parents[m.unit[2].parent + 1], 0);
	build_manifest_release(&m);
	build_manifest_release(&older);
}

static bool
not_crate_2(void *ctx, const char *package, const char *version)
{
	(void)ctx;
	(void)version;
	return strcmp(package, "crate_2") != 0;
}

/* 2 is another version now: what needs it, over 3 too, is of no use. */
static void
what_needs_a_changed_one_goes(void **state)
{
	struct build_manifest m = { 0 }, out;
	uint32_t needs3[] = { 3 }, needs2[] = { 2 }, needs1[] = { 1 };

	(void)state;
	add(&m, 0, 0, needs3, 1); /* its parent stands behind it */
	add(&m, 1, 0, NULL, 0);
	add(&m, 2, 0, NULL, 0);
	add(&m, 3, 0, needs2, 1);
	add(&m, 4, 0, needs1, 1);
	assert_int_equal(build_manifest_filter(&m, not_crate_2, NULL, &out), 0);
	assert_int_equal(out.count, 2);
	assert_string_equal(build_manifest_package(&out, &out.unit[0]),
			    "crate_1");
	assert_string_equal(build_manifest_package(&out, &out.unit[1]),
			    "crate_4");
	assert_int_equal(out.parents[out.unit[1].parent], 0);
	build_manifest_release(&m);
	build_manifest_release(&out);
}

static void
there_are_limits(void **state)
{
	static uint32_t parents[BUILD_MANIFEST_PARENTS + 1];
	struct build_manifest m = { 0 }, older = { 0 };

	(void)state;
	for (int i = 0; i < BUILD_MANIFEST_UNITS; i++)
		assert_int_equal(add(&m, i, 0, NULL, 0), i);
	assert_int_equal(add(&m, 1 << 20, 0, NULL, 0), ERR_TOOBIG);
	add(&older, 1 << 20, 0, NULL, 0);
	assert_int_equal(build_manifest_merge(&m, &older, true), 0);
	assert_int_equal(m.count, BUILD_MANIFEST_UNITS);
	assert_int_equal(add(&older, 5, 0, parents, BUILD_MANIFEST_PARENTS + 1),
			 ERR_TOOBIG);
	build_manifest_release(&m);
	build_manifest_release(&older);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_survives_the_way),
		cmocka_unit_test(old_units_stay_for_a_while),
		cmocka_unit_test(what_needs_a_changed_one_goes),
		cmocka_unit_test(there_are_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
