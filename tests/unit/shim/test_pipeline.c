/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/* Whole pieces of work, with a script for a compiler: named, looked up,
 * compiled under the observer, stored, and found the next time. */
#include "tests/unit/shim/workbed.h"

#include "base/log.h"
#include "base/process.h"
#include "shim/build_script.h"
#include "shim/pipeline.h"
#include "shim/query.h"
#include "shim/run.h"

#include <sys/wait.h>

/* What the work allocates is left to the end of a process. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* Reads its source, makes three files and announces them.  It counts its
 * compiles, and fails where the source says so. */
static const char rustc[] =
	"#!/bin/sh\n"
	"case $1 in\n"
	"-vV) printf 'rustc 1.95.0\\nhost: x86_64-unknown-linux-gnu\\n'\n"
	"	exit ;;\n"
	"-) echo probed; echo x >>PROBES; exit ;;\n"
	"esac\n"
	"for w; do\n"
	"	case $w in\n"
	"	--out-dir=*) out=${w#*=} ;;\n"
	"	*.rs) source=$w ;;\n"
	"	esac\n"
	"done\n"
	"read -r text <$source\n"
	"case $text in fails) echo 'error: no' >&2; exit 1 ;; esac\n"
	"put() {\n"
	"	printf '%s' \"$2\" >$out/$1\n"
	"	printf '{\"artifact\":\"%s\",\"emit\":\"%s\"}\\n' $out/$1 $3 "
	">&2\n"
	"}\n"
	"put a-1.d \"$out/a-1.d: $source\n\n$source:\n\" dep-info\n"
	"put liba-1.rmeta \"meta $text\" metadata\n"
	"put liba-1.rlib \"lib $text\" link\n";

static char *words[24];
static char compiler[200], out_dir_word[200];

static void
put_program(const char *name, const char *text)
{
	put_file(name, text);
	assert_int_equal(chmod(at(name), 0755), 0);
}

/* What is written in the clock tick in which it is read is no proof. */
static void
put_source(const char *text)
{
	int64_t written = file_now();

	put_file("w/a.rs", text);
	while (file_now_coarse() <= written + 10000000)
		usleep(1000);
}

static void
make_sysroot(void)
{
	static const char *const dirs[] = {
		"sysroot",
		"sysroot/bin",
		"sysroot/lib",
		"sysroot/lib/rustlib",
		"sysroot/lib/rustlib/x86_64-unknown-linux-gnu",
		"sysroot/lib/rustlib/x86_64-unknown-linux-gnu/lib",
	};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		assert_int_equal(mkdir(at(dirs[i]), 0755), 0);
	put_program("sysroot/bin/rustc", rustc);
	put_file("sysroot/lib/librustc_driver-1.so", "");
	put_file("sysroot/lib/libstd-1.so", "");
	put_file("sysroot/lib/rustlib/x86_64-unknown-linux-gnu/lib/libcore"
		 ".rlib",
		 "core");
	snprintf(compiler, sizeof(compiler), "%s", at("sysroot/bin/rustc"));
}

static int
place(void **state)
{
	if (workbed(state) < 0)
		return -1;
	store_close(&job.store);
	make_sysroot();
	put_file("w/target/CACHEDIR.TAG", "");
	put_file("w/Cargo.lock", "");
	put_source("fn main() {}\n");
	setenv("HOME", testdir, 1);
	setenv("KACHE_CACHE_DIR", at("store"), 1);
	setenv("CARGO_MANIFEST_DIR", at("w"), 1);
	return chdir(at("w"));
}

static int
leave(void **state)
{
	return chdir("/") < 0 ? -1 : testdir_remove(state);
}

/* A new process's state, as main makes it. */
static void
start(const struct kind *kind, int argc)
{
	memset(&job, 0, sizeof(job));
	job.argc = argc;
	job.argv = words;
	job.first = 2;
	job.kind = kind;
	job.t0 = file_monotonic();
	job.memo.fd = -1;
	job.event.kind = "other";
	invocation_open(&job);
	assert_true(job.store_ok);
	job.compiler =
		kind == &kind_unit ? compiler_find(argc - 1, words + 1) : NULL;
}

static void
unit_words(void)
{
	int n = 0;

	snprintf(out_dir_word, sizeof(out_dir_word), "--out-dir=%s",
		 job_out_dir);
	words[n++] = (char *)"kache-shim";
	words[n++] = compiler;
	words[n++] = (char *)"--crate-name";
	words[n++] = (char *)"a";
	words[n++] = (char *)"--edition=2021";
	words[n++] = (char *)"a.rs";
	words[n++] = (char *)"--error-format=json";
	words[n++] = (char *)"--json=diagnostic-rendered-ansi,artifacts";
	words[n++] = (char *)"--crate-type";
	words[n++] = (char *)"lib";
	words[n++] = (char *)"--emit=dep-info,metadata,link";
	words[n++] = (char *)"-C";
	words[n++] = (char *)"metadata=1";
	words[n++] = (char *)"-Cextra-filename=-1";
	words[n++] = out_dir_word;
	words[n] = NULL;
	start(&kind_unit, n);
}

static struct ending
work(void)
{
	struct ending e;

	listen_to(at("said.out"), at("said.err"));
	e = pipeline_run(&job);
	listen_no_more();
	return e;
}

static struct ending
compile_unit(void)
{
	unit_words();
	return work();
}

static void
ended(struct ending e, enum ending_how how, const char *outcome)
{
	if (!e.outcome || strcmp(e.outcome, outcome))
		fail_msg("%s (%s), not %s", e.outcome ? e.outcome : "nothing",
			 e.reason ? e.reason : "", outcome);
	assert_int_equal(e.how, how);
}

static void
a_miss_is_stored_and_the_next_one_is_a_hit(void **state)
{
	struct ending e = compile_unit();

	(void)state;
	ended(e, ENDING_RAN, "miss");
	if (e.reason)
		fail_msg("%s", e.reason);
	assert_int_equal(unlink(at("w/target/debug/deps/liba-1.rlib")), 0);
	ended(compile_unit(), ENDING_SERVED, "local_hit");
	assert_string_equal(file_text("w/target/debug/deps/liba-1.rlib"),
			    "lib fn main() {}");
	assert_non_null(strstr(file_text("said.err"), "liba-1.rmeta"));
}

static void
a_changed_source_misses_and_is_named(void **state)
{
	struct ending e;

	(void)state;
	compile_unit();
	put_source("fn other() {}\n");
	e = compile_unit();
	ended(e, ENDING_RAN, "miss");
	assert_non_null(e.reason);
	assert_non_null(strstr(e.reason, "changed:fw/a.rs"));
}

static void
a_failure_ends_as_the_compiler_did(void **state)
{
	struct ending e;

	(void)state;
	put_source("fails\n");
	e = compile_unit();
	ended(e, ENDING_RAN, "miss");
	assert_null(e.reason);
	assert_int_equal(run_code(e.status), 1);
	assert_string_equal(file_text("said.err"), "error: no\n");
	e = compile_unit();
	ended(e, ENDING_RAN, "miss");
}

static void
what_is_not_understood_passes(void **state)
{
	struct ending e;

	(void)state;
	unit_words();
	words[9] = (char *)"bogus";
	e = work();
	ended(e, ENDING_PASS, "passthrough");
	assert_string_equal(e.reason, "crate-type:bogus");
	unit_words();
	words[1] = (char *)"/no/such/rustc";
	ended(work(), ENDING_PASS, "passthrough");
}

static void
an_argument_file_is_read(void **state)
{
	int n;

	(void)state;
	compile_unit();
	unit_words();
	put_file("w/words", "--error-format=json\r\n"
			    "--json=diagnostic-rendered-ansi,artifacts\n");
	words[6] = (char *)"@words";
	for (n = 7; words[n + 1]; n++)
		words[n] = words[n + 1];
	words[n] = NULL;
	start(&kind_unit, n);
	ended(work(), ENDING_SERVED, "local_hit");
	words[6] = (char *)"@missing";
	start(&kind_unit, n);
	ended(work(), ENDING_PASS, "passthrough");
}

static void
what_has_no_room_is_not_stored(void **state)
{
	struct ending e;

	(void)state;
	unit_words();
	job.config.v[CONFIG_STORE_MIN_FREE].percent = 0;
	job.config.v[CONFIG_STORE_MIN_FREE].num = INT64_MAX;
	e = work();
	ended(e, ENDING_RAN, "miss");
	assert_string_equal(e.reason, "not_stored:min_free");
	ended(compile_unit(), ENDING_RAN, "miss");
}

/* A build script is found by cargo behind a launcher. */
static void
a_build_script_gets_a_launcher(void **state)
{
	static const char text[] =
		"#!/bin/sh\n"
		"for w; do case $w in --out-dir=*) out=${w#*=} ;; esac; done\n"
		"read -r text <a.rs\n"
		"case $1 in -vV)\n"
		"	printf 'rustc 1.95.0\\nhost: "
		"x86_64-unknown-linux-gnu\\n'\n"
		"	exit ;;\n"
		"esac\n"
		"put() {\n"
		"	echo \"$2\" >$out/$1\n"
		"	echo \"{\\\"artifact\\\":\\\"$out/$1\\\","
		"\\\"emit\\\":\\\"$3\\\"}\" >&2\n"
		"}\n"
		"put build_script_build-1.d \"$out/b: a.rs\" dep-info\n"
		"put build_script_build-1 \"$text\" link\n"
		"chmod 755 $out/build_script_build-1\n";
	struct ending e;

	(void)state;
	put_program("sysroot/bin/rustc", text);
	for (int i = 0; i < 2; i++) {
		unit_words();
		words[3] = (char *)"build_script_build";
		words[9] = (char *)"bin";
		words[10] = (char *)"--emit=dep-info,link";
		snprintf(out_dir_word, sizeof(out_dir_word), "--out-dir=%s",
			 at("w/target/debug"));
		e = work();
		ended(e, i ? ENDING_SERVED : ENDING_RAN,
		      i ? "local_hit" : "miss");
		assert_string_equal(
			file_text("w/target/debug/build_script_build-1"
				  ".kache-real"),
			"fn main() {}\n");
	}
}

static void
incremental_state_has_its_own_key(void **state)
{
	struct ending e;

	(void)state;
	compile_unit();
	for (int i = 0; i < 2; i++) {
		unit_words();
		words[job.argc] = (char *)"-Cincremental=target/inc";
		words[job.argc + 1] = NULL;
		start(&kind_unit, job.argc + 1);
		e = work();
		/* The unit built without is the same result. */
		ended(e, ENDING_SERVED, "local_hit");
	}
	assert_false(digest_eq(&job.k0, &job.k0_plain));
}

static struct ending
ask(const char *word)
{
	struct ending e;
	int n = 3;

	words[0] = (char *)"kache-shim";
	words[1] = compiler;
	words[2] = (char *)word;
	if (!strcmp(word, "-")) {
		words[n++] = (char *)"--crate-name";
		words[n++] = (char *)"___";
		words[n++] = (char *)"--print=file-names";
	}
	words[n] = NULL;
	start(&kind_unit, n);
	assert_true(query_is(&job));
	listen_to(at("said.out"), at("said.err"));
	e = query_run(&job);
	listen_no_more();
	return e;
}

static void
queries_are_answered_once(void **state)
{
	(void)state;
	ended(ask("-"), ENDING_RAN, "miss");
	assert_string_equal(file_text("said.out"), "probed\n");
	assert_string_equal(file_text("w/PROBES"), "x\n");
	ended(ask("-"), ENDING_SERVED, "local_hit");
	assert_string_equal(file_text("said.out"), "probed\n");
	assert_string_equal(file_text("w/PROBES"), "x\n");
	/* Another compiler is asked again. */
	put_file("sysroot/lib/librustc_driver-1.so", "another");
	ended(ask("-"), ENDING_RAN, "miss");
	ended(ask("-vV"), ENDING_RAN, "miss");
	ended(ask("-vV"), ENDING_SERVED, "local_hit");
}

static void
words_that_read_files_are_no_query(void **state)
{
	(void)state;
	ask("-");
	words[5] = (char *)"--print=cfg";
	assert_true(query_is(&job));
	words[5] = (char *)"--target=x.json";
	assert_false(query_is(&job));
	words[5] = (char *)"@file";
	assert_false(query_is(&job));
	words[4] = (char *)"a";
	assert_false(query_is(&job));
}

/* The run of a build script: reads a.rs, writes OUT_DIR. */
static const char script[] = "#!/bin/sh\n"
			     "read -r l <a.rs\n"
			     "echo \"$l\" >$OUT_DIR/gen.rs\n"
			     "echo cargo:rustc-cfg=fast\n"
			     "case $l in fails) exit 3 ;; esac\n";

static struct ending
run_script(void)
{
	static char program[200], name[200], out[200];
	int n = 0;

	snprintf(program, sizeof(program), "%s",
		 at("w/target/debug/build/a-1/build_script_build-1.kache-"
		    "real"));
	snprintf(name, sizeof(name), "%s",
		 at("w/target/debug/build/a-1/build-script-build"));
	snprintf(out, sizeof(out), "%s", at("w/target/debug/build/a-2/out"));
	mkdir(at("w/target/debug/build"), 0755);
	mkdir(at("w/target/debug/build/a-1"), 0755);
	mkdir(at("w/target/debug/build/a-2"), 0755);
	mkdir(out, 0755);
	put_program("w/target/debug/build/a-1/build_script_build-1.kache-real",
		    script);
	setenv("OUT_DIR", out, 1);
	setenv("RUSTC", compiler, 1);
	setenv("CARGO_PKG_NAME", "a", 1);
	words[n++] = (char *)"kache-shim";
	words[n++] = program;
	words[n++] = name;
	words[n] = NULL;
	start(&kind_build_script, n);
	assert_true(build_script_is(&job));
	return work();
}

static void
a_run_is_stored_and_replayed(void **state)
{
	struct ending e = run_script();

	(void)state;
	ended(e, ENDING_RAN, "miss");
	if (e.reason)
		fail_msg("%s", e.reason);
	assert_int_equal(unlink(at("w/target/debug/build/a-2/out/gen.rs")), 0);
	ended(run_script(), ENDING_SERVED, "local_hit");
	assert_string_equal(file_text("w/target/debug/build/a-2/out/gen.rs"),
			    "fn main() {}\n");
	assert_string_equal(file_text("said.out"), "cargo:rustc-cfg=fast\n");
	put_source("fails\n");
	e = run_script();
	ended(e, ENDING_RAN, "miss");
	assert_int_equal(run_code(e.status), 3);
}

static void
a_run_that_cargo_did_not_start_passes(void **state)
{
	struct ending e;

	(void)state;
	run_script();
	unsetenv("OUT_DIR");
	start(&kind_build_script, 3);
	e = work();
	ended(e, ENDING_PASS, "passthrough");
	assert_string_equal(e.reason, "not-by-cargo");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place, leave)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_miss_is_stored_and_the_next_one_is_a_hit),
		TEST(a_changed_source_misses_and_is_named),
		TEST(a_failure_ends_as_the_compiler_did),
		TEST(what_is_not_understood_passes),
		TEST(an_argument_file_is_read),
		TEST(what_has_no_room_is_not_stored),
		TEST(a_build_script_gets_a_launcher),
		TEST(incremental_state_has_its_own_key),
		TEST(queries_are_answered_once),
		TEST(words_that_read_files_are_no_query),
		TEST(a_run_is_stored_and_replayed),
		TEST(a_run_that_cargo_did_not_start_passes),
	};

	process_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
