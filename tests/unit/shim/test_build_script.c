/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/* What a build script's run leaves in the store, and what a replay gives. */
#include "tests/unit/shim/tracebed.h"

#include "key/witness.h"
#include "shim/build_script.h"
#include "shim/build_script_store.h"
#include "store/outdir_archive.h"

#define OUT "w/target/debug/build/a-1/out"

static char out_dir[160];

static void
choose_roots(void)
{
	struct roots_in in = { .cwd = job.cwd,
			       .target = job.target,
			       .out_dir_env = out_dir,
			       .workspace = job.cwd };

	roots_init_run(&job.roots, &in);
}

/* A run in an empty OUT_DIR that said one line and wrote one file. */
static int
ran(void **state)
{
	static char *argv[] = { "build-script-build", NULL };
	static char program[200];

	if (tracebed(state) < 0)
		return -1;
	mkdir(at("w/target/debug/build"), 0700);
	mkdir(at("w/target/debug/build/a-1"), 0700);
	mkdir(at(OUT), 0755);
	snprintf(out_dir, sizeof(out_dir), "%s", at(OUT));
	snprintf(program, sizeof(program), "%s", at("libexec/program"));
	kind = kind_build_script;
	kind_store = build_script_store;
	kind_store.changed = changed_now;
	kind.store = &kind_store;
	job.compiler = NULL;
	job.args = (struct args){ .kind = ARGS_RUN,
				  .crate_name = "a-sys",
				  .extra_filename = "",
				  .out_dir = out_dir };
	job.event.crate = "a-sys";
	job.mode = ROOTS_MACHINE;
	job.argv[1] = program;
	choose_roots();
	compile.command = (struct command){ .program = program, .argv = argv };
	kind.before(&compile);
	put_file(OUT "/gen.rs", "// generated\n");
	name_event(OBS_WRITE, at(OUT "/gen.rs"));
	buf_str(&compile.run->out_text, "cargo:rustc-cfg=fast\n");
	read_file(at("w/a.rs"));
	return 0;
}

static int
ran_end(void **state)
{
	job.argv[1] = (char *)"rustc";
	return tracebed_end(state);
}

static void
empty_out_dir(void)
{
	unlink(at(OUT "/gen.rs"));
}

static void
before_it_ran_the_place_was_noted(void **state)
{
	(void)state;
	assert_true(compile.was_empty);
	assert_int_equal(compile.out_mode & 0777, 0755);
}

static void
a_replay_fills_out_dir_and_says_the_same(void **state)
{
	struct result *r;

	(void)state;
	stored(&r);
	assert_string_equal(r->entry.crate.p, "a_sys");
	/* Its own place, and the first witness. */
	assert_int_equal(r->nlies, 2);
	assert_true(digest_eq(&r->lies[1], &r->k1));
	result_free(r);
	empty_out_dir();
	assert_true(look_and_listen().served);
	assert_string_equal(file_text(OUT "/gen.rs"), "// generated\n");
	assert_string_equal(file_text("said.out"), "cargo:rustc-cfg=fast\n");
	assert_string_equal(file_text("said.err"), "");
}

static void
a_changed_input_is_no_replay(void **state)
{
	(void)state;
	stored(NULL);
	empty_out_dir();
	put_file("w/a.rs", "other");
	assert_false(look_and_listen().served);
	assert_int_not_equal(access(at(OUT "/gen.rs"), F_OK), 0);
}

static void
another_place_has_no_result_without_a_witness(void **state)
{
	(void)state;
	stored(NULL);
	empty_out_dir();
	mkdir(at("elsewhere"), 0700);
	snprintf(job.target, sizeof(job.target), "%s", at("elsewhere"));
	choose_roots();
	assert_false(look_and_listen().served);
}

/* The same inputs in another place gave another file: neither result holds
 * anywhere else, and whoever asks can see that. */
static void
a_contradiction_is_published(void **state)
{
	struct digest contradicted;
	struct result *r;

	(void)state;
	stored(NULL);
	snprintf(job.target, sizeof(job.target), "%s/w/target/debug/build",
		 testdir);
	choose_roots();
	put_file(OUT "/gen.rs", "// another result\n");
	stored(&r);
	witness_key(&r->k1, &job.roots, r->entry.roots, WITNESS_REACHES,
		    &contradicted);
	assert_int_equal(r->nlies, 2);
	assert_true(digest_eq(&r->lies[1], &contradicted));
	result_free(r);
}

static void
a_removed_out_dir_refuses(void **state)
{
	(void)state;
	assert_int_equal(chmod(at(OUT), 0700), 0);
	refused(ERR_BUSY, "out-dir");
}

static void
what_is_not_text_refuses(void **state)
{
	(void)state;
	buf_add(&compile.run->err_text, "\xff\x00", 2);
	refused(ERR_REFUSED, "output-not-text");
}

static void
a_secret_that_is_said_refuses(void **state)
{
	(void)state;
	setenv("MY_PASSWORD", "0123456789abcdef", 1);
	buf_str(&compile.run->err_text, "pw: 0123456789abcdef\n");
	refused(ERR_REFUSED, "secret");
	unsetenv("MY_PASSWORD");
}

/* PATH is no input of its own, unless the result spells it. */
static void
a_result_that_spells_path_depends_on_it(void **state)
{
	const char *path = getenv("PATH");
	struct result *r;
	bool has = false;
	char line[4096];
	int code;

	(void)state;
	snprintf(line, sizeof(line), "cargo:rustc-env=P=%s\n", path);
	buf_str(&compile.run->out_text, line);
	r = store_now(NULL, &code);
	assert_int_equal(code, 0);
	result_free(r);
	empty_out_dir();
	setenv("PATH", "/another/path", 1);
	has = look_and_listen().served;
	setenv("PATH", path, 1);
	assert_false(has);
	assert_true(look_and_listen().served);
}

static void
scripts_are_known_by_their_suffix(void **state)
{
	struct invocation j = { .argc = 3 };

	(void)state;
	j.argv = (char *[]){ "kache-shim", "/t/build_script_build-1.kache-real",
			     "/t/build-script-build", NULL };
	assert_true(build_script_is(&j));
	j.argv = (char *[]){ "kache-shim", "rustc", "a.rs", NULL };
	assert_false(build_script_is(&j));
	j.argv = (char *[]){ "kache-shim", ".kache-real", NULL };
	j.argc = 2;
	assert_false(build_script_is(&j));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, ran, ran_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(before_it_ran_the_place_was_noted),
		TEST(a_replay_fills_out_dir_and_says_the_same),
		TEST(a_changed_input_is_no_replay),
		TEST(another_place_has_no_result_without_a_witness),
		TEST(a_contradiction_is_published),
		TEST(a_removed_out_dir_refuses),
		TEST(what_is_not_text_refuses),
		TEST(a_secret_that_is_said_refuses),
		TEST(a_result_that_spells_path_depends_on_it),
		cmocka_unit_test(scripts_are_known_by_their_suffix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
