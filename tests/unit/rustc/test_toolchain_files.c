/* SPDX-License-Identifier: Apache-2.0 */
#include "rustc/toolchain_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char verbose[] = "rustc 1\nhost: h-linux-gnu\nrelease: 1\n";

static bool
covers(const char *target, const char *rest)
{
	struct holding h[TOOLCHAIN_FILES_MAX];
	size_t n = toolchain_files_of(verbose, target, h);

	assert_true(n > 0 && n <= TOOLCHAIN_FILES_MAX);
	return toolchain_files_cover(h, n, rest);
}

static void
the_compilers_own_are_held(void **state)
{
	static const char *const held[] = {
		"lib/librustc_driver-0a.so",
		"lib/libLLVM.so.22.1-rust",
		"lib/libstd-1.so",
		"lib64/librustc_driver-0a.so",
		"lib/x86_64-linux-gnu/libstd-1.so",
		"lib/rustlib/h-linux-gnu",
		"lib/rustlib/h-linux-gnu/lib/libcore.rlib",
		"lib/rustlib/h-linux-gnu/bin/gcc-ld/ld.lld",
		"lib/rustlib/h-linux-gnu/not/there",
		"lib/rustlib/h-linux-gnu/1/2/3/4/5/6/file",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		if (!covers(NULL, held[i]))
			fail_msg("not held: %s", held[i]);
}

/* Whatever else a prefix holds, and what other compiles need. */
static void
neighbours_are_not(void **state)
{
	static const char *const others[] = {
		"",
		"lib",
		"bin/rustc",
		"bin/cargo",
		"include/foo.h",
		"work/src/main.rs",
		"lib/libfoo.so",
		"lib/libstdc++.so.6",
		"lib/libLLVM/sub",
		"lib/rustlib",
		"lib/rustlib/components",
		"lib/rustlib/src/rust/library/std/src/lib.rs",
		"lib/rustlib/wasm32-unknown-unknown/lib/libcore.rlib",
		"lib/rustlib/h-linux-gnu2/lib/libcore.rlib",
		"lib/rustlib/h-linux-gnu/lib/.hidden",
		"lib/rustlib/h-linux-gnu/../../../crate/main.rs",
		"lib/rustlib/h-linux-gnu/1/2/3/4/5/6/7/file",
		"lib/rustlib/h-linux-gnu//lib",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (covers(NULL, others[i]))
			fail_msg("held: %s", others[i]);
}

static void
the_target_is_held_where_it_is_asked_for(void **state)
{
	(void)state;
	assert_true(covers("wasm32", "lib/rustlib/wasm32/lib/libcore.rlib"));
	assert_true(covers("wasm32", "lib/rustlib/h-linux-gnu/lib/x"));
	assert_false(covers("h-linux-gnu", "lib/rustlib/wasm32/lib/x"));
	assert_false(covers("..", "lib/rustlib/../x"));
	assert_false(covers("a/b", "lib/rustlib/a/b/c"));
	assert_false(covers("", "lib/rustlib/x"));
}

static void
nothing_is_known_without_a_host(void **state)
{
	struct holding h[TOOLCHAIN_FILES_MAX];

	(void)state;
	assert_int_equal(toolchain_files_of("rustc 1\n", NULL, h), 0);
	assert_int_equal(toolchain_files_of("rustc\nhost: ../x\n", NULL, h), 0);
}

static void
what_it_lacks_is_known_by_bits(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TOOLCHAIN_FILES_LACKS; i++) {
		const char *name = toolchain_files_lack(i);

		assert_true(toolchain_files_lacked(1u << i, name));
		assert_false(toolchain_files_lacked(~(1u << i), name));
	}
	assert_true(toolchain_files_lacked(1, "lib/rustlib/src/rust/library"));
	assert_false(toolchain_files_lacked(1, "lib/rustlib/src2"));
	assert_false(toolchain_files_lacked(1, "lib/rustlib/src/../../x"));
	assert_false(toolchain_files_lacked(0, "lib/rustlib/src"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_compilers_own_are_held),
		cmocka_unit_test(neighbours_are_not),
		cmocka_unit_test(the_target_is_held_where_it_is_asked_for),
		cmocka_unit_test(nothing_is_known_without_a_host),
		cmocka_unit_test(what_it_lacks_is_known_by_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
