/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "rustc/args.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

enum { WORDS = 64 };

/* Splits TEXT at blanks, in place. */
static int
split(char *text, const char **argv)
{
	int n = 0;

	for (char *w = strtok(text, " "); w; w = strtok(NULL, " "))
		argv[n++] = w;
	return n;
}

static char line[4096];
static const char *words[WORDS];

static int
read_line(struct args *a, const char *text)
{
	assert_true(strlen(text) < sizeof(line));
	memcpy(line, text, strlen(text) + 1);
	return args_read(a, split(line, words), words);
}

#define UNIT \
	"--crate-name a --edition=2021 src/lib.rs --error-format=json " \
	"--json=diagnostic-rendered-ansi,artifacts,future-incompat " \
	"--emit=dep-info,metadata,link -C metadata=1 " \
	"-C extra-filename=-1 --out-dir /t/debug/deps "
#define CHECK \
	"--crate-name a src/lib.rs --json=artifacts --crate-type lib " \
	"--emit=dep-info,metadata --out-dir /t/debug/deps "

static void
a_unit_of_cargo_is_read(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(read_line(&a,
				   UNIT "--crate-type lib -C opt-level=3 "
					"-C incremental=/t/debug/incremental "
					"-L dependency=/t/debug/deps "
					"-L native=/usr/lib -L /plain "
					"--extern priv:b=/t/libb-2.rmeta "
					"--extern proc_macro"),
			 0);
	assert_string_equal(a.crate_name, "a");
	assert_string_equal(a.source, "src/lib.rs");
	assert_string_equal(a.out_dir, "/t/debug/deps");
	assert_string_equal(a.extra_filename, "-1");
	assert_string_equal(a.incremental, "/t/debug/incremental");
	assert_int_equal(a.kind, ARGS_LIB);
	assert_false(a.linked);
	assert_int_equal(a.nsearch, 3);
	assert_string_equal(a.search[0].path, "/t/debug/deps");
	assert_int_equal(a.search[0].kind_len, strlen("dependency"));
	assert_memory_equal(a.search[2].kind, "all", 3);
	assert_string_equal(a.search[2].path, "/plain");
	assert_int_equal(a.nexterns, 2);
	assert_memory_equal(a.externs[0].name, "priv:b", 6);
	assert_string_equal(a.externs[0].path, "/t/libb-2.rmeta");
	assert_null(a.externs[1].path);
	args_release(&a);
}

struct verdict {
	const char *more;
	int kind; /* or -1: refused */
	bool linked;
};

static void
kinds(void **state)
{
	static const struct verdict v[] = {
		{ "--crate-type lib", ARGS_LIB, false },
		{ "--crate-type=rlib", ARGS_LIB, false },
		{ "--crate-type bin", ARGS_BIN, true },
		{ "", ARGS_BIN, true },
		{ "--crate-type proc-macro", ARGS_PROC_MACRO, true },
		{ "--test", ARGS_TEST, true },
		{ "--crate-type cdylib", ARGS_CDYLIB, true },
		{ "--crate-type dylib", ARGS_DYLIB, true },
		{ "--crate-type staticlib", ARGS_STATICLIB, true },
		{ "--crate-type lib --crate-type rlib", ARGS_LIB, false },
		{ "--crate-type cdylib --crate-type lib", ARGS_CDYLIB, true },
		{ "--crate-type lib,staticlib", ARGS_STATICLIB, true },
		{ "--crate-type cdylib --test", ARGS_TEST, true },
		{ "--crate-type sdylib", -1, false },
		{ "--crate-type lib,what", -1, false },
		{ "--crate-type", -1, false },
	};
	struct args a;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		char text[2048] = UNIT;
		int r;

		memcpy(text + strlen(text), v[i].more, strlen(v[i].more) + 1);
		r = read_line(&a, text);
		if (v[i].kind < 0) {
			assert_int_equal(r, ERR_REFUSED);
			assert_true(a.reason[0]);
		} else {
			assert_int_equal(r, 0);
			assert_int_equal(a.kind, v[i].kind);
			assert_int_equal(a.linked, v[i].linked);
		}
		args_release(&a);
	}
}

static void
what_is_not_a_compile_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"-vV",
		"--version",
		"- --crate-name a --print=file-names",
		"--print cfg",
		UNIT "--print=link-args",
		UNIT "--emit=dep-info,obj",
		UNIT "--emit=link=/x",
		UNIT "-o /x/out",
		UNIT "second.rs",
		UNIT "-",
		UNIT "-C save-temps",
		UNIT "-C save_temps",
		UNIT "-Csave-temps=yes",
		UNIT "--codegen save-temps",
		UNIT "-Z self-profile",
		UNIT "-Zunpretty=expanded",
		UNIT "-Ztime_passes",
		UNIT "-Z print_type_sizes",
		UNIT "--sysroot /x",
		UNIT "--out-dir",
		"--crate-name a a.rs --emit=dep-info,link --out-dir /t",
		"--crate-name a a.rs --json=artifacts --emit=link --out-dir /t",
	};
	struct args a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (read_line(&a, bad[i]) != ERR_REFUSED)
			fail_msg("accepted: %s", bad[i]);
		if (!a.reason[0])
			fail_msg("no reason: %s", bad[i]);
		args_release(&a);
	}
}

/* Their outputs are of use where they were made only. */
static void
what_names_its_place_is_keyed_by_it(void **state)
{
	static const struct {
		const char *line;
		bool by_path;
	} v[] = {
		{ UNIT "-C instrument-coverage", true },
		{ UNIT "-Cinstrument_coverage=all", true },
		{ UNIT "-C instrument-coverage=off", false },
		{ UNIT "-C rpath", true },
		{ UNIT "-C rpath=yes", true },
		{ UNIT "-C rpath=n", false },
		{ UNIT "-C profile-use=/p", false },
		{ UNIT "-C split-debuginfo=unpacked", true },
		{ UNIT "-C split-debuginfo=packed", false },
		{ UNIT "-C split-debuginfo=unpacked "
		       "-C split-debuginfo=off",
		  false },
		{ CHECK "-C split-debuginfo=unpacked", false },
		{ CHECK "-C instrument-coverage", true },
		{ UNIT "-C opt-level=3", false },
	};
	struct args a;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(read_line(&a, v[i].line), 0);
		if (a.by_path != v[i].by_path)
			fail_msg("%s", v[i].line);
		args_release(&a);
	}
}

/* What of the words reaches the key, by the canonical spelling. */
static int
in_key(const struct args *a, const char *opt, const char *val)
{
	for (size_t i = 0; i < a->nitems; i++) {
		const struct args_item *it = &a->items[i];

		if (it->role == ARGS_DROP || strcmp(it->opt, opt) != 0)
			continue;
		if (!val || (it->val && strcmp(it->val, val) == 0))
			return it->role + 1;
	}
	return 0;
}

/* What it means depends on the machine. */
static void
a_native_cpu_is_noted(void **state)
{
	static const struct {
		const char *line;
		bool native;
	} v[] = {
		{ UNIT "-C target-cpu=native", true },
		{ UNIT "-Z tune-cpu=native", true },
		{ UNIT "-Ztune_cpu=native", true },
		{ UNIT "-Ztune-cpu=haswell -C target-cpu=haswell", false },
		{ UNIT "-Ztune-cpu=native -C target-cpu=haswell", true },
	};
	struct args a;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(read_line(&a, v[i].line), 0);
		if (a.native_cpu != v[i].native)
			fail_msg("%s", v[i].line);
		args_release(&a);
	}
}

static void
unknown_options_stay_in_the_key(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(read_line(&a, UNIT "--crate-type lib --brand-new=1 "
					    "-Cfuture=x -Zfuture -Dwarnings "
					    "--cfg feature=\"x\""),
			 0);
	assert_true(in_key(&a, "", "--brand-new=1"));
	assert_true(in_key(&a, "-C", "future=x"));
	assert_true(in_key(&a, "-Z", "future"));
	assert_true(in_key(&a, "-D", "warnings"));
	assert_true(in_key(&a, "--cfg", "feature=\"x\""));
	args_release(&a);
}

static void
exceptions_are_what_the_table_says(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(read_line(&a,
				   UNIT "--crate-type lib "
					"--diagnostic-width=120 --color always "
					"-C incremental=/x/y"),
			 0);
	assert_false(in_key(&a, "--out-dir", NULL));
	assert_false(in_key(&a, "--diagnostic-width", NULL));
	assert_false(in_key(&a, "-C", "incremental=/x/y"));
	assert_int_equal(in_key(&a, "-C", "incremental"), ARGS_ON + 1);
	assert_int_equal(in_key(&a, "--color", "always"), ARGS_TAG + 1);
	assert_int_equal(in_key(&a, "", "src/lib.rs"), ARGS_PATH + 1);
	args_release(&a);
}

static void
build_scripts_are_known_by_their_crate(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(read_line(&a,
				   "--crate-name build_script_build build.rs "
				   "--crate-type bin --json=artifacts "
				   "--emit=dep-info,link --out-dir /t/build/x"),
			 0);
	assert_int_equal(a.kind, ARGS_BUILD_SCRIPT);
	args_release(&a);
}

static void
check_makes_metadata_only(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(read_line(&a, "--crate-name a a.rs --crate-type bin "
				       "--json=artifacts --out-dir /t "
				       "--emit=dep-info,metadata"),
			 0);
	assert_int_equal(a.kind, ARGS_CHECK);
	assert_false(a.linked);
	args_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_of_cargo_is_read),
		cmocka_unit_test(kinds),
		cmocka_unit_test(what_is_not_a_compile_is_refused),
		cmocka_unit_test(what_names_its_place_is_keyed_by_it),
		cmocka_unit_test(a_native_cpu_is_noted),
		cmocka_unit_test(unknown_options_stay_in_the_key),
		cmocka_unit_test(exceptions_are_what_the_table_says),
		cmocka_unit_test(build_scripts_are_known_by_their_crate),
		cmocka_unit_test(check_makes_metadata_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
