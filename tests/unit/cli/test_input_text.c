/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/input_text.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void
item(const char *given, bool run, const char *want)
{
	struct buf b = { 0 };

	input_text_item(given, run, &b);
	assert_string_equal(b.p, want);
	buf_free(&b);
}

static void
inputs_have_names(void **state)
{
	(void)state;
	item("fw/src/a.h", true, "file src/a.h in the package");
	item("fw/src/a.rs", false, "file src/a.rs in the workspace");
	item("f/usr/include/zlib.h", true, "file /usr/include/zlib.h");
	item("fL12/libx.rmeta", false, "file libx.rmeta in a directory of -L");
	item("vCC", true, "variable CC");
	item("pprotoc", true, "program on PATH protoc");
	item("lO", true, "names in $OUT_DIR");
	item("ah/.gitconfig", true, "absence of .gitconfig in $HOME");
	item("Eall", true, "the environment (something reads all of it)");
	item("xcpu", true, "the CPU's features");
	item("xcpus", true, "the number of CPUs");
	item("xhost", true, "names of the machine or the user");
	item("xgpu", true, "the machine");
	item("-serde", false, "dependency serde");
	item("+7", false, "7 more");
	item("?x", false, "input x");
	item("", false, "input ");
}

static void
says(const char *reason, bool run, const char *part)
{
	struct buf b = { 0 };

	input_text_reason(reason, run, &b);
	if (!strstr(b.p, part))
		fail_msg("%s: %s", reason, b.p);
	assert_int_equal(b.p[b.len - 1], '\n');
	buf_free(&b);
}

static void
reasons_are_told(void **state)
{
	(void)state;
	says("changed:fw/a.h | vCC | +3", true,
	     "    variable CC\n    3 more\n");
	says("not_stored:clock:date", true, "looks at the clock");
	says("not_stored:clock:date", true, "clock:date");
	says("not_stored:something-new:x", true, "something-new:x");
	says("local:private", false, "not uploaded (private)");
	says("unknown-driver", false, "not cached");
	says("not_stored:clock:date", true, "to do: SOURCE_DATE_EPOCH");
	says("local:bound", false, "[store] portable");
	says("changed:>A--cfg feature=\"x\" | <A-C opt-level=0", false,
	     "    added argument --cfg feature=\"x\"\n"
	     "    removed argument -C opt-level=0\n");
	says("changed:VRUSTC_BOOTSTRAP | T", false,
	     "    variable RUSTC_BOOTSTRAP\n    the toolchain\n");
	says("changed:!", false, "gone from the store");
	says("changed:@", true, "not proven to hold here");
	says("changed:!", false, "diagnostics in another form");
	says("changed:C", false, "clippy.toml in a directory above");
	says("changed:O", false, "the place of the outputs");
	says("changed:P", true, "the build script's program");
	says("", true, "no run of this program");
	says("", false, "nothing similar is known");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inputs_have_names),
		cmocka_unit_test(reasons_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
