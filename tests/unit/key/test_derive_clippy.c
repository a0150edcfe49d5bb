/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
/* What is different where clippy-driver compiles. */
#include "tests/unit/key/learnbed.h"

static void
clippy_world(void)
{
	world();
	l.rules = &derive_clippy_rules;
}

/* Above the working directory they are in the unit key. */
static void
absent_configuration_counts_below_cwd_only(void **state)
{
	(void)state;
	clippy_world();
	event(TRACE_ABSENT, at("w/clippy.toml"));
	event(TRACE_ABSENT, at("clippy.toml"));
	event(TRACE_ABSENT, at("w/.clippy.toml"));
	ITEMS("aw/clippy.toml", "aw/.clippy.toml");
	world();
	event(TRACE_ABSENT, at("clippy.toml"));
	ITEMS(plain('a', "clippy.toml"));
}

static void
a_cargo_that_it_starts_is_refused(void **state)
{
	(void)state;
	clippy_world();
	trace.nprocesses = 2;
	processes[1].exe = at("sysroot/bin/cargo");
	refused(ERR_REFUSED, "starts:cargo");
}

/* It calls Cargo.toml a source without reading it. */
static void
a_manifest_need_not_be_read(void **state)
{
	(void)state;
	put("w/Cargo.toml", "");
	clippy_world();
	dep_files[0] = (char *)at("w/Cargo.toml");
	depinfo.nfiles = 1;
	refused(ERR_REFUSED, "unseen-source:");
	derive_release(&l);
	event(TRACE_PRESENT, at("w/Cargo.toml"))->how = OBS_BY_STAT;
	ITEMS("fw/Cargo.toml");
	world();
	dep_files[0] = (char *)at("w/Cargo.toml");
	depinfo.nfiles = 1;
	event(TRACE_PRESENT, at("w/Cargo.toml"))->how = OBS_BY_STAT;
	refused(ERR_REFUSED, "unseen-source:");
}

static void
where_its_configuration_leads_counts(void **state)
{
	(void)state;
	assert_int_equal(symlink("lib.rs", at("w/clippy.toml")), 0);
	clippy_world();
	event(TRACE_PRESENT, at("w/clippy.toml"))->how = OBS_BY_REALPATH;
	ITEMS("kw/clippy.toml", "fw/clippy.toml");
	world();
	event(TRACE_PRESENT, at("w/clippy.toml"))->how = OBS_BY_REALPATH;
	ITEMS("fw/clippy.toml");
	assert_int_equal(unlink(at("w/clippy.toml")), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_configuration_counts_below_cwd_only),
		cmocka_unit_test(a_cargo_that_it_starts_is_refused),
		cmocka_unit_test(a_manifest_need_not_be_read),
		cmocka_unit_test(where_its_configuration_leads_counts),
	};

	return cmocka_run_group_tests(tests, learnbed_make, learnbed_remove);
}
