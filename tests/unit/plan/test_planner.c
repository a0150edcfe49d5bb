/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "plan/planner.h"

#include "base/buf.h"
#include "base/err.h"
#include "plan/packages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define KEY1 \
	"00112233445566778899aabbccddeeff" \
	"00112233445566778899aabbccddeeff"
#define KEY2 \
	"10112233445566778899aabbccddeeff" \
	"00112233445566778899aabbccddeeff"
#define KEY3 \
	"20112233445566778899aabbccddeeff" \
	"00112233445566778899aabbccddeeff"

static int
parse(const char *text, struct planner_plan *p)
{
	memset(p, 0, sizeof(*p));
	return planner_parse(text, strlen(text), p);
}

static void
a_request_is_what_the_service_reads(void **state)
{
	struct digest chain = { { 0x12, 0x34 } };
	struct packages p = { 0 };
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(packages_add(&p, "app", "0.1.0", NULL), 0);
	assert_int_equal(packages_add(&p, "serde-json", "1.0.0", "r"), 0);
	assert_int_equal(packages_add(&p, "serde-json", "2.0.0", "r"), 0);
	assert_int_equal(packages_add(&p, "a\"b", "1", "r"), 0);
	assert_int_equal(packages_need(&p, 0, 1), 0);
	assert_int_equal(packages_need(&p, 0, 2), 0);
	assert_int_equal(planner_request(&p, &chain, "default", &b), 0);
	assert_non_null(
		strstr(b.p, "\"crate_names\":[\"serde_json\",\"app\"]"));
	assert_non_null(
		strstr(b.p, "\"namespace\":\"1234000000000000/default\""));
	assert_non_null(strstr(b.p, "\"cargo_lock_deps\":[[\"app\",\"0.1.0\"],"
				    "[\"serde-json\",\"1.0.0\"],"));
	assert_non_null(strstr(b.p, "[\"a\\\"b\",\"1\"]]}"));
	buf_reset(&b);
	assert_int_equal(planner_request(&p, NULL, "default", &b), 0);
	assert_non_null(strstr(b.p, "\"namespace\":null"));
	buf_free(&b);
	packages_release(&p);
}

static void
candidates_come_in_order_of_demand(void **state)
{
	struct planner_plan p;

	(void)state;
	assert_int_equal(
		parse("{\"plan_id\":\"x\",\"disposition\":\"execute\","
		      "\"candidates\":["
		      "{\"cache_key\":\"" KEY1 "\",\"crate_name\":\"a\"},"
		      "{\"cache_key\":\"" KEY2 "\",\"crate_name\":\"b_c\","
		      "\"demand_index\":17,\"source\":\"shard\"},"
		      "{\"cache_key\":\"" KEY3 "\",\"crate_name\":\"c\","
		      "\"demand_index\":2,\"compile_time_ms\":812,"
		      "\"size_bytes\":190233},"
		      "{\"cache_key\":\"" KEY1 "\",\"crate_name\":\"d\","
		      "\"demand_index\":2,\"compile_time_ms\":null}]}",
		      &p),
		0);
	assert_int_equal(p.disposition, PLANNER_EXECUTE);
	assert_int_equal(p.count, 4);
	assert_string_equal(p.list[0].crate, "c");
	assert_int_equal(p.list[0].key.b[0], 0x20);
	assert_int_equal(p.list[0].compile_ms, 812);
	assert_int_equal(p.list[0].bytes, 190233);
	assert_string_equal(p.list[1].crate, "d");
	assert_string_equal(p.list[2].crate, "b_c");
	assert_string_equal(p.list[3].crate, "a");
	planner_release(&p);
}

static void
dispositions(void **state)
{
	struct planner_plan p;

	(void)state;
	assert_int_equal(parse("{\"disposition\":\"do_nothing\"}", &p), 0);
	assert_int_equal(p.disposition, PLANNER_NOTHING);
	assert_int_equal(parse("{\"disposition\":\"use_fallback\","
			       "\"candidates\":[]}",
			       &p),
			 0);
	assert_int_equal(p.disposition, PLANNER_FALLBACK);
	/* Nothing to do is not the same as nothing known. */
	assert_int_equal(
		parse("{\"disposition\":\"execute\",\"candidates\":[]}", &p),
		0);
	assert_int_equal(p.disposition, PLANNER_FALLBACK);
	planner_release(&p);
}

static void
anything_wrong_is_no_plan(void **state)
{
	static const char *const bad[] = {
		"",
		"<html>",
		"[]",
		"{}",
		"{\"disposition\":1}",
		"{\"disposition\":\"Execute\",\"candidates\":[]}",
		"{\"disposition\":\"execute\"}",
		"{\"disposition\":\"execute\",\"candidates\":{}}",
		"{\"disposition\":\"execute\",\"candidates\":[1]}",
	};
	/* A candidate each. */
	static const char *const wrong[] = {
		"{}",
		"{\"cache_key\":\"" KEY1 "\"}",
		"{\"cache_key\":\"\",\"crate_name\":\"a\"}",
		"{\"cache_key\":\"" KEY1 "0\",\"crate_name\":\"a\"}",
		"{\"cache_key\":\"../" KEY1 "\",\"crate_name\":\"a\"}",
		"{\"cache_key\":\"A0112233445566778899aabbccddeeff"
		"00112233445566778899aabbccddeeff\",\"crate_name\":\"a\"}",
		"{\"cache_key\":\"" KEY1 "\",\"crate_name\":\"a-b\"}",
		"{\"cache_key\":\"" KEY1 "\",\"crate_name\":\"../a\"}",
		"{\"cache_key\":\"" KEY1 "\",\"crate_name\":\"\"}",
		"{\"cache_key\":\"" KEY1 "\",\"crate_name\":\"a\","
		"\"demand_index\":-1}",
		"{\"cache_key\":\"" KEY1 "\",\"crate_name\":\"a\","
		"\"size_bytes\":1e30}",
		"{\"cache_key\":\"" KEY1 "\",\"crate_name\":\"a\","
		"\"compile_time_ms\":\"1\"}",
	};
	struct planner_plan p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &p), ERR_CORRUPT);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct buf b = { 0 };

		buf_fmt(&b,
			"{\"disposition\":\"execute\",\"candidates\":["
			"{\"cache_key\":\"" KEY1 "\",\"crate_name\":\"a\"},"
			"%s]}",
			wrong[i]);
		assert_int_equal(parse(b.p, &p), ERR_CORRUPT);
		assert_null(p.list);
		buf_free(&b);
	}
}

static void
long_lists_and_answers_are_refused(void **state)
{
	struct planner_plan p = { 0 };
	struct buf b = { 0 };

	(void)state;
	buf_str(&b, "{\"disposition\":\"execute\",\"candidates\":[");
	for (int i = 0; i <= PLANNER_MAX; i++)
		buf_fmt(&b,
			"%s{\"cache_key\":\"" KEY1 "\",\"crate_name\":\"a\"}",
			i ? "," : "");
	buf_str(&b, "]}");
	assert_int_equal(planner_parse(b.p, b.len, &p), ERR_TOOBIG);
	buf_reset(&b);
	for (int i = 0; i <= PLANNER_ANSWER_MAX / 8; i++)
		buf_str(&b, "        ");
	assert_int_equal(planner_parse(b.p, b.len, &p), ERR_TOOBIG);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_what_the_service_reads),
		cmocka_unit_test(candidates_come_in_order_of_demand),
		cmocka_unit_test(dispositions),
		cmocka_unit_test(anything_wrong_is_no_plan),
		cmocka_unit_test(long_lists_and_answers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
