/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/* What a lookup serves, what it says, and what it learns at a miss. */
#include "tests/unit/shim/workbed.h"

#include "shim/path_bound.h"

static struct digest k1;
static struct entry entry;

static void
fill_entry(void)
{
	memset(&entry, 0, sizeof(entry));
	entry.compile_us = 700;
	buf_str(&entry.crate, "a");
	buf_str(&entry.depinfo, "\n");
	add_blob(&entry, "liba-1.rlib", ENTRY_LINK, "the library");
	add_blob(&entry, "liba-1.rmeta", ENTRY_METADATA, "its metadata");
}

static void
save(const struct digest *where)
{
	assert_int_equal(entry_save(&job.store, where, &entry), 0);
	entry_release(&entry);
}

static void
know_unit(void)
{
	k1 = learn(&job.k0, "fw/a.rs", 900);
	fill_entry();
}

static void
nothing_known_is_a_miss(void **state)
{
	struct lookup l = look_and_listen();

	(void)state;
	assert_false(l.served);
	assert_false(l.k1_known);
	assert_int_equal(l.newest_us, 0);
	assert_string_equal(file_text("said.err"), "");
}

static void
a_hit_restores_and_announces(void **state)
{
	struct lookup l;

	(void)state;
	know_unit();
	save(&k1);
	l = look_and_listen();
	assert_true(l.served);
	assert_false(l.prefetched);
	assert_string_equal(file_text("w/target/debug/deps/liba-1.rlib"),
			    "the library");
	assert_int_equal(job.event.saved_us, 700);
	assert_true(digest_eq(&job.event.at, &k1));
	/* Metadata comes first: cargo starts dependents on that line. */
	assert_non_null(strstr(file_text("said.err"),
			       "/liba-1.rmeta\",\"emit\":\"metadata\"}\n{"));
	assert_non_null(strstr(file_text("said.err"),
			       "/liba-1.rlib\",\"emit\":\"link\"}\n"));
	assert_string_equal(file_text("said.out"), "");
}

static void
diagnostics_of_our_form_are_said(void **state)
{
	struct digest tagged;

	(void)state;
	know_unit();
	buf_str(&entry.stderr_text, "warning: \xe2\x80\x98x\n");
	path_bound_tagged(&k1, &job.tag, &tagged);
	save(&tagged);
	assert_true(look_and_listen().served);
	assert_non_null(strstr(file_text("said.err"), "warning: "));
	job.tag = key_of(9);
	assert_false(look_and_listen().served);
}

static void
a_redirect_leads_to_the_result_of_these_roots(void **state)
{
	struct entry redirect = { 0 };
	struct digest to;

	(void)state;
	know_unit();
	redirect.roots[0] = 't';
	buf_str(&redirect.crate, "a");
	assert_int_equal(path_bound_key(&k1, "t", &job.roots, &to), 0);
	assert_int_equal(entry_save(&job.store, &k1, &redirect), 0);
	assert_false(look_and_listen().served);
	entry.roots[0] = 't';
	save(&to);
	assert_true(look_and_listen().served);
	assert_true(digest_eq(&job.event.at, &to));
	entry_release(&redirect);
}

static void
a_remote_names_only_the_unit_s_own_files(void **state)
{
	(void)state;
	know_unit();
	add_blob(&entry, "libserde-2.rlib", ENTRY_LINK, "another's");
	entry.origin = ENTRY_ASKED;
	save(&k1);
	assert_false(look_and_listen().served);
	assert_int_not_equal(
		access(at("w/target/debug/deps/libserde-2.rlib"), F_OK), 0);
}

static void
a_lost_blob_is_a_miss(void **state)
{
	char name[STORE_NAME];

	(void)state;
	know_unit();
	store_name("blobs", &entry.out[0].blob, name);
	save(&k1);
	assert_int_equal(unlinkat(job.store.dir, name, 0), 0);
	assert_false(look_and_listen().served);
}

static void
what_cannot_be_said_is_lost(void **state)
{
	struct lookup l;

	(void)state;
	know_unit();
	save(&k1);
	listen_to(at("said.out"), "/dev/full");
	l = lookup(&job);
	listen_no_more();
	assert_false(l.served);
	assert_true(l.lost);
}

static void
a_miss_tells_the_newest_list_s_key_and_times(void **state)
{
	struct lookup l;

	(void)state;
	know_unit();
	entry_release(&entry);
	put_file("w/a.rs", "fn main() { }");
	l = look_and_listen();
	assert_false(l.served);
	assert_true(l.k1_known);
	assert_false(digest_eq(&l.k1, &k1));
	assert_int_equal(l.newest_us, 900);
	assert_int_equal(l.newest_ms, 901);
	/* A name that is gone has no key. */
	assert_int_equal(unlink(at("w/a.rs")), 0);
	l = look_and_listen();
	assert_false(l.k1_known);
	assert_int_equal(l.newest_us, 900);
}

static void
the_unit_without_incremental_state_serves(void **state)
{
	struct lookup l;

	(void)state;
	job.args.incremental = at("w/target/inc");
	job.k0_plain = key_of(2);
	k1 = learn(&job.k0_plain, "fw/a.rs", 900);
	fill_entry();
	save(&k1);
	l = look_and_listen();
	assert_true(l.served);
	/* Its list says nothing of the unit that was asked for. */
	assert_int_equal(l.newest_us, 0);
	assert_false(l.k1_known);
}

static void
prefetched_counts_once(void **state)
{
	(void)state;
	know_unit();
	entry.origin = ENTRY_PREFETCHED;
	save(&k1);
	entry_mark_fresh(&job.store, &k1);
	assert_true(look_and_listen().prefetched);
	assert_false(look_and_listen().prefetched);
}

static void
an_unreadable_extern_is_never_looked_up(void **state)
{
	(void)state;
	know_unit();
	save(&k1);
	job.readable = false;
	assert_false(look_and_listen().served);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, workbed, workbed_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_known_is_a_miss),
		TEST(a_hit_restores_and_announces),
		TEST(diagnostics_of_our_form_are_said),
		TEST(a_redirect_leads_to_the_result_of_these_roots),
		TEST(a_remote_names_only_the_unit_s_own_files),
		TEST(a_lost_blob_is_a_miss),
		TEST(what_cannot_be_said_is_lost),
		TEST(a_miss_tells_the_newest_list_s_key_and_times),
		TEST(the_unit_without_incremental_state_serves),
		TEST(prefetched_counts_once),
		TEST(an_unreadable_extern_is_never_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
