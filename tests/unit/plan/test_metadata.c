/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "plan/metadata.h"

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

static int
parse(const char *text, struct packages *p)
{
	memset(p, 0, sizeof(*p));
	return metadata_parse(text, strlen(text), p);
}

/* Two ways a dependency can be written; the third package is not resolved. */
static const char good[] =
	"{\"packages\":["
	"{\"name\":\"app\",\"version\":\"0.1.0\",\"id\":\"path+file:///w#app\","
	"\"source\":null,\"targets\":[{\"kind\":[\"bin\"]}]},"
	"{\"name\":\"serde-json\",\"version\":\"1.0.0\",\"id\":\"r#json\","
	"\"source\":\"registry+x\"},"
	"{\"name\":\"winapi\",\"version\":\"0.3.0\",\"id\":\"r#win\","
	"\"source\":\"registry+x\"}],"
	"\"resolve\":{\"nodes\":["
	"{\"id\":\"path+file:///w#app\","
	"\"dependencies\":[\"r#json\",\"r#win\",\"r#none\"]},"
	"{\"id\":\"r#json\",\"dependencies\":[]}],\"root\":null},"
	"\"version\":1}";

static void
what_is_resolved_is_read(void **state)
{
	struct packages p;
	uint32_t *order;

	(void)state;
	assert_int_equal(parse(good, &p), 0);
	assert_int_equal(p.count, 2);
	assert_string_equal(p.p[0].name, "app");
	assert_null(p.p[0].source);
	assert_int_equal(p.p[0].ndeps, 1);
	assert_string_equal(p.p[1].name, "serde-json");
	assert_string_equal(p.p[1].version, "1.0.0");
	assert_string_equal(p.p[1].source, "registry+x");
	assert_int_equal(packages_order(&p, &order), 0);
	assert_int_equal(order[0], 1);
	free(order);
	packages_release(&p);
}

static void
anything_else_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"error: no Cargo.toml",
		"[]",
		"{\"packages\":[],\"resolve\":null}",
		"{\"packages\":[],\"resolve\":{}}",
		"{\"packages\":[],\"resolve\":{\"nodes\":[{\"id\":\"x\"}]}}",
		"{\"packages\":[{}],\"resolve\":{\"nodes\":[]}}",
		"{\"packages\":[{\"id\":\"x\"}],"
		"\"resolve\":{\"nodes\":[{\"id\":\"x\"}]}}",
		"{\"packages\":[{\"id\":\"x\",\"name\":\"a\","
		"\"version\":\"1\"}],"
		"\"resolve\":{\"nodes\":[{\"id\":\"x\"},{\"id\":\"x\"}]}}",
	};
	struct packages p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i], &p), ERR_CORRUPT);
		assert_int_equal(p.count, 0);
	}
}

static void
half_an_answer_is_refused(void **state)
{
	struct packages p = { 0 };

	(void)state;
	for (size_t n = 0; n < sizeof(good) - 1; n++) {
		char *text = malloc(n + 1);

		assert_non_null(text);
		memcpy(text, good, n);
		assert_int_equal(metadata_parse(text, n, &p), ERR_CORRUPT);
		free(text);
	}
}

static void
depth_is_bounded(void **state)
{
	struct packages p = { 0 };
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_str(&b, "{\"a\":");
	assert_int_equal(metadata_parse(b.p, b.len, &p), ERR_TOOBIG);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_resolved_is_read),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(half_an_answer_is_refused),
		cmocka_unit_test(depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
