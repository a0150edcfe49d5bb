/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/build_manifest.h"
#include "plan/trees.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A unit of PACKAGE that needs the N units NEEDS. */
static size_t
unit(struct build_manifest *m, const char *package, bool script, size_t n,
     const uint32_t *needs)
{
	struct build_manifest_unit u = { .script = script };
	int i = (int)m->count, r;

	digest_bytes(&i, sizeof(i), &u.at);
	r = build_manifest_add(m, &u, package, "1.0.0", needs, n);
	assert_int_equal(r, i);
	return (size_t)r;
}

enum { DEPS = 20 };

/* What `cargo check` and `cargo build` use: a macro and build scripts are the
 * same, all else is not.  Gives the numbers in order of demand. */
struct both {
	struct build_manifest m;
	size_t script, macro, check[DEPS], build[DEPS], root[2];
};

static void
make(struct both *b)
{
	char name[32];

	memset(b, 0, sizeof(*b));
	b->script = unit(&b->m, "dep0", true, 0, NULL);
	b->macro = unit(&b->m, "macro", false, 0, NULL);
	for (int k = 0; k < 2; k++) {
		size_t *dep = k ? b->build : b->check;
		uint32_t all[DEPS];

		for (int i = 0; i < DEPS; i++) {
			uint32_t macro = (uint32_t)b->macro;

			snprintf(name, sizeof(name), "dep%d", i);
			dep[i] = unit(&b->m, name, false, 1, &macro);
			all[i] = (uint32_t)dep[i];
		}
		b->root[k] = unit(&b->m, "app", false, DEPS, all);
	}
}

static void
all_is_wanted_at_first(void **state)
{
	struct trees *t;
	struct both b;

	(void)state;
	make(&b);
	t = trees_new(&b.m);
	assert_non_null(t);
	for (size_t i = 0; i < b.m.count; i++)
		assert_true(trees_want(t, i));
	trees_free(t);
	build_manifest_release(&b.m);
}

static void
what_is_asked_for_tells_the_command(void **state)
{
	struct trees *t;
	struct both b;
	int asks = 0;

	(void)state;
	make(&b);
	t = trees_new(&b.m);
	/* What is in both says nothing. */
	assert_false(trees_ask(t, b.script));
	assert_false(trees_ask(t, b.macro));
	while (!trees_ask(t, b.check[asks]))
		asks++;
	assert_in_range(asks, 1, 5);
	for (int i = 0; i < DEPS; i++) {
		assert_true(trees_want(t, b.check[i]));
		assert_false(trees_want(t, b.build[i]));
	}
	assert_true(trees_want(t, b.root[0]));
	assert_false(trees_want(t, b.root[1]));
	assert_true(trees_want(t, b.script));
	assert_true(trees_want(t, b.macro));
	trees_free(t);
	build_manifest_release(&b.m);
}

/* `cargo check && cargo build` may be one session, as far as we know. */
static void
one_unit_of_another_tree_wants_it(void **state)
{
	struct trees *t;
	struct both b;

	(void)state;
	make(&b);
	t = trees_new(&b.m);
	for (int i = 0; i < DEPS; i++)
		trees_ask(t, b.check[i]);
	assert_false(trees_want(t, b.build[3]));
	assert_true(trees_ask(t, b.build[0]));
	assert_true(trees_want(t, b.build[3]));
	assert_true(trees_want(t, b.root[1]));
	assert_true(trees_want(t, b.check[3]));
	/* Asking again says nothing new. */
	assert_false(trees_ask(t, b.build[0]));
	trees_free(t);
	build_manifest_release(&b.m);
}

/* A build script's own dependencies go with its package. */
static void
a_script_lies_where_its_package_does(void **state)
{
	struct build_manifest m = { 0 };
	struct trees *t;
	uint32_t need;
	size_t helper, script, lib, root, other[6];

	(void)state;
	helper = unit(&m, "cc", false, 0, NULL);
	need = (uint32_t)helper;
	script = unit(&m, "sys", true, 1, &need);
	lib = unit(&m, "sys", false, 0, NULL);
	need = (uint32_t)lib;
	root = unit(&m, "app", false, 1, &need);
	for (int i = 0; i < 6; i++) {
		need = (uint32_t)(m.count - 1);
		other[i] = unit(&m, "else", false, i > 0, &need);
	}
	t = trees_new(&m);
	for (int i = 0; i < 6; i++)
		trees_ask(t, other[i]);
	assert_false(trees_want(t, root));
	assert_false(trees_want(t, script));
	assert_false(trees_want(t, helper));
	assert_true(trees_ask(t, lib));
	assert_true(trees_want(t, script));
	assert_true(trees_want(t, helper));
	trees_free(t);
	build_manifest_release(&m);
}

/* Where the top of a command is missing, each of its dependencies looks like
 * a root: being asked for one after the other, they say nothing. */
static void
small_trees_are_always_wanted(void **state)
{
	struct build_manifest m = { 0 };
	struct trees *t;
	uint32_t leaf[300];

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		uint32_t need = i < 60 ? 0 : leaf[i % 60];

		leaf[i] = (uint32_t)unit(&m, "crate", false, i >= 60, &need);
	}
	t = trees_new(&m);
	for (size_t i = 0; i < 300; i++) {
		assert_true(trees_want(t, i));
		trees_ask(t, i);
		for (size_t k = i; k < 300; k++)
			assert_true(trees_want(t, k));
	}
	trees_free(t);
	build_manifest_release(&m);
}

/* Each unit needs the one after it: the order is as bad as can be. */
static void
a_manifest_made_to_take_long_is_not_judged(void **state)
{
	enum { N = 8192 };
	struct build_manifest m = { 0 };
	struct trees *t;

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		uint32_t next = i + 1 < N ? i + 1 : i;

		unit(&m, "crate", i % 2, 1, &next);
	}
	t = trees_new(&m);
	for (size_t i = 0; i < N; i += 2)
		trees_ask(t, i);
	for (size_t i = 0; i < N; i++)
		assert_true(trees_want(t, i));
	trees_free(t);
	build_manifest_release(&m);
}

static void
many_roots_and_cycles_do_no_harm(void **state)
{
	struct build_manifest m = { 0 };
	struct trees *t;
	uint32_t need;

	(void)state;
	/* Two that need each other lie in no tree: always wanted. */
	need = 1;
	unit(&m, "a", false, 1, &need);
	need = 0;
	unit(&m, "b", false, 1, &need);
	for (int i = 0; i < 200; i++)
		unit(&m, "root", false, 0, NULL);
	t = trees_new(&m);
	assert_non_null(t);
	for (size_t i = 100; i < 120; i++)
		trees_ask(t, i);
	assert_true(trees_want(t, 0));
	assert_true(trees_want(t, 1));
	assert_false(trees_ask(t, m.count));
	for (size_t i = 0; i < m.count; i++)
		trees_ask(t, i);
	for (size_t i = 0; i < m.count; i++)
		assert_true(trees_want(t, i));
	trees_free(t);
	build_manifest_release(&m);
	t = trees_new(&m);
	assert_non_null(t);
	assert_false(trees_ask(t, 0));
	trees_free(t);
}

/* The last session was a check, an earlier one a build. */
static void
what_the_last_session_used_is_wanted_at_first(void **state)
{
	struct trees *t;
	struct both b;

	(void)state;
	make(&b);
	for (int i = 0; i < DEPS; i++)
		b.m.unit[b.build[i]].unused = 1;
	b.m.unit[b.root[1]].unused = 1;
	t = trees_new(&b.m);
	assert_true(trees_want(t, b.check[3]));
	assert_true(trees_want(t, b.script));
	assert_false(trees_want(t, b.build[3]));
	trees_ask(t, b.script);
	trees_ask(t, b.macro);
	trees_ask(t, b.check[0]);
	assert_false(trees_want(t, b.build[3]));
	trees_free(t);
	/* And this one is a build. */
	t = trees_new(&b.m);
	trees_ask(t, b.script);
	trees_ask(t, b.macro);
	assert_true(trees_ask(t, b.build[0]));
	assert_true(trees_want(t, b.build[3]));
	for (int i = 1; i < 5; i++)
		trees_ask(t, b.build[i]);
	assert_false(trees_want(t, b.check[3]));
	trees_free(t);
	build_manifest_release(&b.m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_wanted_at_first),
		cmocka_unit_test(what_is_asked_for_tells_the_command),
		cmocka_unit_test(one_unit_of_another_tree_wants_it),
		cmocka_unit_test(a_script_lies_where_its_package_does),
		cmocka_unit_test(small_trees_are_always_wanted),
		cmocka_unit_test(a_manifest_made_to_take_long_is_not_judged),
		cmocka_unit_test(many_roots_and_cycles_do_no_harm),
		cmocka_unit_test(what_the_last_session_used_is_wanted_at_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
