/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/* What of a compile is stored, where, and why it is not. */
#include "tests/unit/shim/tracebed.h"

#include "shim/path_bound.h"
#include "store/upload_intent.h"

#include <sys/wait.h>

#define DEPS "w/target/debug/deps/"

static void
announce(const char *name, const char *emit)
{
	struct run *run = compile.run;
	struct announcement *a = &run->out[run->nout++];
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", job_out_dir, name);
	a->path = strdup(path);
	snprintf(a->emit, sizeof(a->emit), "%s", emit);
}

static void
make_output(const char *name, const char *emit, const char *text)
{
	char path[100];

	snprintf(path, sizeof(path), DEPS "%s", name);
	put_file(path, text);
	announce(name, emit);
}

/* A compile of the crate that read its source and made three files. */
static int
compiled(void **state)
{
	char depinfo[600];

	if (tracebed(state) < 0)
		return -1;
	snprintf(depinfo, sizeof(depinfo), "%s/a-1.d: a.rs\n\na.rs:\n",
		 job_out_dir);
	make_output("a-1.d", "dep-info", depinfo);
	make_output("liba-1.rmeta", "metadata", "its metadata");
	make_output("liba-1.rlib", "link", "the library");
	read_file(at("w/a.rs"));
	return 0;
}

static void
what_is_stored_is_found(void **state)
{
	struct result *r;

	(void)state;
	stored(&r);
	assert_int_equal(r->nlies, 1);
	assert_true(digest_eq(&r->lies[0], &r->k1));
	assert_false(r->duplicate);
	assert_int_equal(r->entry.nout, 3);
	result_free(r);
	assert_int_equal(unlink(at(DEPS "liba-1.rlib")), 0);
	assert_true(look_and_listen().served);
	assert_string_equal(file_text(DEPS "liba-1.rlib"), "the library");
	assert_int_equal(job.event.saved_us, 1234);
	/* Another source is another result. */
	put_file("w/a.rs", "fn main() { changed() }");
	assert_false(look_and_listen().served);
}

static void
equal_outputs_are_a_duplicate(void **state)
{
	struct result *r;

	(void)state;
	stored(NULL);
	job.k0 = job.k0_plain = key_of(8);
	stored(&r);
	assert_true(r->duplicate);
	result_free(r);
}

static void
diagnostics_lie_at_the_key_of_their_form(void **state)
{
	struct digest tagged;
	struct result *r;

	(void)state;
	buf_str(&compile.run->err_text, "warning: unused\n");
	stored(&r);
	path_bound_tagged(&r->k1, &job.tag, &tagged);
	assert_true(digest_eq(&r->lies[0], &tagged));
	assert_ptr_equal(r->tag, &job.tag);
	result_free(r);
	assert_true(look_and_listen().served);
	assert_non_null(strstr(file_text("said.err"), "warning: unused\n"));
}

static void
what_names_a_root_is_bound_to_it(void **state)
{
	struct result *r;
	char text[300];

	(void)state;
	snprintf(text, sizeof(text), "debug: %s/debug", job.target);
	put_file(DEPS "liba-1.rlib", text);
	stored(&r);
	assert_true(r->bound);
	assert_int_equal(r->nlies, 2);
	assert_true(digest_eq(&r->lies[1], &r->k1));
	result_free(r);
	assert_true(look_and_listen().served);
}

static void
what_failed_is_not_stored(void **state)
{
	(void)state;
	compile.run->status = W_EXITCODE(1, 0);
	refused(ERR_BUSY, "exit");
}

static void
reasons_of_this_time_are_no_verdict(void **state)
{
	(void)state;
	job.readable = false;
	refused(ERR_BUSY, "extern");
	job.readable = true;
	compile.watched.stepped = true;
	refused(ERR_BUSY, "clock-stepped");
}

static void
in_an_edit_loop_nothing_is_copied(void **state)
{
	struct lookup last = { .newest_ms = (uint64_t)file_now() / 1000000 };
	struct result *r;
	int code;

	(void)state;
	job.args.incremental = at("w/target/inc");
	r = store_now(&last, &code);
	assert_string_equal(r->reason, "edit-loop");
	result_free(r);
	/* What ran again under other names has another history. */
	compile.runs[1] = compile.runs[0];
	compile.run = &compile.runs[1];
	r = store_now(&last, &code);
	assert_int_equal(code, 0);
	result_free(r);
}

static void
ten_minutes_end_an_edit_loop(void **state)
{
	(void)state;
	assert_true(result_is_too_soon(true, 1000, 600999));
	assert_false(result_is_too_soon(true, 1000, 601000));
	assert_false(result_is_too_soon(false, 1000, 1001));
	assert_false(result_is_too_soon(true, 0, 1001));
}

static void
too_much_output_is_not_kept(void **state)
{
	(void)state;
	compile.run->overflow = true;
	refused(ERR_TOOBIG, "too-much-output");
}

static void
outputs_are_named_by_the_compiler(void **state)
{
	(void)state;
	compile.run->nout = 1;
	refused(ERR_REFUSED, "outputs-not-announced");
	compile.run->nout = 3;
	snprintf(compile.run->out[2].emit, sizeof(compile.run->out[2].emit),
		 "asm");
	refused(ERR_REFUSED, "emit:asm");
}

static void
outputs_lie_in_out_dir(void **state)
{
	char want[200];

	(void)state;
	free(compile.run->out[2].path);
	compile.run->out[2].path = strdup(at("w/liba-1.rlib"));
	snprintf(want, sizeof(want), "output:%s", at("w/liba-1.rlib"));
	want[sizeof(((struct result *)0)->reason) - 1] = '\0';
	refused(ERR_REFUSED, want);
}

static void
an_output_in_a_directory_below_is_none(void **state)
{
	(void)state;
	announce("sub/x", "link");
	refused(ERR_REFUSED, "output:sub/x");
}

static void
a_source_nobody_saw_refuses(void **state)
{
	char depinfo[600];

	(void)state;
	snprintf(depinfo, sizeof(depinfo), "%s/a-1.d: a.rs b.rs\n",
		 job_out_dir);
	put_file("w/b.rs", "");
	put_file(DEPS "a-1.d", depinfo);
	refused(ERR_REFUSED, "unseen-source:b.rs");
}

static void
an_input_that_changed_since_refuses(void **state)
{
	int code;
	struct result *r;

	(void)state;
	put_file("w/a.rs", "fn main() { later() }");
	r = store_now(NULL, &code);
	assert_int_equal(code, ERR_CHANGED);
	assert_int_equal(strncmp(r->reason, "raced", 5), 0);
	result_free(r);
}

static void
a_changed_compiler_refuses(void **state)
{
	(void)state;
	changed_word = "clippy.toml";
	refused(ERR_CHANGED, "raced:clippy.toml");
	assert_false(look_and_listen().served);
}

static void
sockets_refuse(void **state)
{
	int code;
	struct result *r;

	(void)state;
	record((struct obs_head){ .type = OBS_SOCKET, .aux = 2 }, NULL, "", 0);
	r = store_now(NULL, &code);
	assert_int_equal(code, ERR_REFUSED);
	result_free(r);
}

static void
no_records_prove_nothing(void **state)
{
	(void)state;
	trace_len = OBS_PAGE;
	memset(trace_bytes + OBS_PAGE, 0, 4096);
	refused(ERR_REFUSED, "unseen:no-records");
}

static void
offer_to(const char *url)
{
	int lock;

	job.config.v[CONFIG_REMOTE_URL].text = (char *)url;
	job.config.v[CONFIG_REMOTE_WRITE].num = 1;
	/* Who has this lock is about to start the daemon. */
	lock = openat(job.store.dir, "daemon.lock", O_RDWR | O_CREAT, 0600);
	assert_int_equal(file_lock(lock, 1, true, 0), 0);
}

static void
what_may_travel_is_spooled(void **state)
{
	struct result *r;

	(void)state;
	offer_to("file:///nowhere");
	stored(&r);
	assert_true(r->offered);
	assert_string_equal(r->stays ? r->stays : "", "");
	result_free(r);
	assert_int_equal(access(at("store/spool"), F_OK), 0);
}

static void
a_secret_in_an_output_stays(void **state)
{
	struct result *r;

	(void)state;
	offer_to("file:///nowhere");
	setenv("MY_TOKEN", "0123456789abcdef", 1);
	put_file(DEPS "liba-1.rlib", "text 0123456789abcdef text");
	stored(&r);
	assert_string_equal(r->stays, "private");
	result_free(r);
	unsetenv("MY_TOKEN");
}

static void
a_full_disk_stores_nothing(void **state)
{
	(void)state;
	job.config.v[CONFIG_STORE_MIN_FREE].percent = 0;
	job.config.v[CONFIG_STORE_MIN_FREE].num = INT64_MAX;
	refused(ERR_REFUSED, "min_free");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, compiled, tracebed_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_stored_is_found),
		TEST(equal_outputs_are_a_duplicate),
		TEST(diagnostics_lie_at_the_key_of_their_form),
		TEST(what_names_a_root_is_bound_to_it),
		TEST(what_failed_is_not_stored),
		TEST(reasons_of_this_time_are_no_verdict),
		TEST(in_an_edit_loop_nothing_is_copied),
		cmocka_unit_test(ten_minutes_end_an_edit_loop),
		TEST(too_much_output_is_not_kept),
		TEST(outputs_are_named_by_the_compiler),
		TEST(outputs_lie_in_out_dir),
		TEST(an_output_in_a_directory_below_is_none),
		TEST(a_source_nobody_saw_refuses),
		TEST(an_input_that_changed_since_refuses),
		TEST(a_changed_compiler_refuses),
		TEST(sockets_refuse),
		TEST(no_records_prove_nothing),
		TEST(what_may_travel_is_spooled),
		TEST(a_secret_in_an_output_stays),
		TEST(a_full_disk_stores_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
