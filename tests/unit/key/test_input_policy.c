/* SPDX-License-Identifier: Apache-2.0 */
#include "key/input_policy.h"

#include "base/err.h"
#include "key/inputs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static int
check(const char *item)
{
	struct inputs s = { 0 };
	int r;

	assert_int_equal(inputs_add(&s, item[0], item + 1, strlen(item + 1)),
			 0);
	assert_int_equal(inputs_finish(&s), 0);
	r = input_policy_check(&s);
	inputs_free(&s);
	return r;
}

static void
what_compiles_name_passes(void **state)
{
	static const char *const good[] = {
		"fw/src/lib.rs",
		"fW/Cargo.lock",
		"fw/src/../other.rs",
		"fO/out.rs",
		"co",
		"cL0",
		"fL12/libx.rlib",
		"lc/registry/src",
		"fs/lib/rustlib/x86_64/lib/libstd.rlib",
		"fs/include/foo.h",
		"ss",
		"as/lib/gcc/x86_64-linux-gnu/12/../../../../"
		"x86_64-linux-gnu",
		"au/toolchains/x",
		"st",
		"kt/debug",
		"f/usr/lib/gcc/x86_64-linux-gnu/12/../../../x86_64-linux-gnu/"
		"crti.o",
		"a/usr/lib/gcc/x86_64-linux-gnu/12/../../../../"
		"x86_64-linux-gnu",
		"s/lib/../lib",
		"f/lib64/ld-linux-x86-64.so.2",
		"f/usr",
		"pcc",
		"a/rustc",
		"a/kache/cargo/registry",
		"eCARGO_PKG_NAME",
		"iOUT_DIR",
		"vOUT_DIR",
		"wPWD",
		"Eall",
		"Eraw",
		"Ecc",
		"xcpu",
		"xcpus",
		"xhost",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (check(good[i]) != 0)
			fail_msg("refused: %s", good[i]);
}

static void
hostile_items_are_refused(void **state)
{
	static const char *const bad[] = {
		"fs/.ssh/id_rsa",
		"fs/lib/../.ssh/id_rsa",
		"fs/share/.netrc",
		"fs/work/secret",
		"fs/lib/../../x",
		"fsx",
		"E",
		"Eraw2",
		"EHOME",
		"x",
		"xgpu",
		"vGH_TOKEN",
		"v",
		"f/etc/passwd",
		"f/home/u/.ssh/id_ed25519",
		"f/usr/../etc/passwd",
		"f/usr/../../etc/passwd",
		"f/../usr/lib/x",
		"f/usr/lib/../../../usr/x",
		"f/usrx/lib",
		"f/",
		"f/proc/self/environ",
		"f/dev/tty",
		"f/lib/../proc/self/environ",
		"fh/.ssh/id_ed25519",
		"ah",
		"fw/../secret",
		"fw/a/../../secret",
		"fw/..",
		"fwx",
		"fx/y",
		"fL/x",
		"fLx",
		"f../x",
		"f.",
		"fw/a\nb",
		"p../../bin/x",
		"p/bin/sh",
		"eA=B",
		"eAWS_SECRET_ACCESS_KEY",
		"iGITHUB_TOKEN",
		"zw/x",
		"f",
		"e",
		"p",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (check(bad[i]) != ERR_REFUSED)
			fail_msg("passed: %s", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_compiles_name_passes),
		cmocka_unit_test(hostile_items_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
