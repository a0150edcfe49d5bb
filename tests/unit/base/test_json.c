/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/buf.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static int
parse(const char *text, struct json **out)
{
	return json_parse(text, strlen(text), 1000, out);
}

static void
values_are_found_by_name(void **state)
{
	struct json *d = NULL;
	int64_t n = 7;

	(void)state;
	assert_int_equal(
		parse("{\"a\":\"x\\\"y\",\"n\":-5,\"l\":[1,\"z\"]}", &d), 0);
	assert_string_equal(json_text(d, "a"), "x\"y");
	assert_true(json_int(d, "n", &n));
	assert_int_equal(n, -5);
	assert_int_equal(json_len(json_get(d, "l")), 2);
	assert_string_equal(json_str(json_at(json_get(d, "l"), 1)), "z");
	json_release(d);
}

static void
another_type_is_not_there(void **state)
{
	struct json *d = NULL;
	int64_t n = 7;

	(void)state;
	assert_int_equal(parse("{\"a\":1,\"n\":1.5,\"o\":{}}", &d), 0);
	assert_null(json_text(d, "a"));
	assert_null(json_text(d, "none"));
	assert_null(json_text(json_get(d, "a"), "a"));
	assert_null(json_at(d, 0));
	assert_null(json_str(NULL));
	assert_int_equal(json_len(json_get(d, "o")), 0);
	assert_false(json_int(d, "n", &n));
	assert_int_equal(n, 7);
	json_release(d);
}

static void
what_is_no_json_is_refused(void **state)
{
	static const char *const bad[] = {
		"",           "{",        "{\"a\":1}x",  "nul",
		"{\"a\":1,}", "{'a':1}",  "\"\\u0000\"", "{\"a\":1,\"a\":2}",
		"[\"\xff\"]", "[1e9999]", "[}",
	};
	struct json *d = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &d), ERR_CORRUPT);
	assert_null(d);
}

static void
size_and_depth_are_bounded(void **state)
{
	static char deep[2001];
	struct json *d = NULL;

	(void)state;
	assert_int_equal(json_parse("[1,2]", 5, 4, &d), ERR_TOOBIG);
	memset(deep, '[', JSON_DEPTH);
	memset(deep + JSON_DEPTH, ']', JSON_DEPTH);
	assert_int_equal(json_parse(deep, 2 * JSON_DEPTH, 1000, &d), 0);
	json_release(d);
	memset(deep, '[', 2000);
	assert_int_equal(json_parse(deep, 2000, 2000, &d), ERR_TOOBIG);
	/* Brackets in a text do not nest. */
	memset(deep, '{', 502);
	memcpy(deep, "[\"\\\"", 4);
	memcpy(deep + 500, "\"]", 2);
	assert_int_equal(json_parse(deep, 502, 1000, &d), 0);
	json_release(d);
}

static void
quoted_text_is_read_back(void **state)
{
	static const char text[] = "a\"b\\c\n\001\303\251";
	struct buf b = { 0 };
	struct json *d = NULL;

	(void)state;
	buf_char(&b, '[');
	json_quote(&b, text);
	buf_char(&b, ']');
	assert_int_equal(parse(b.p, &d), 0);
	assert_string_equal(json_str(json_at(d, 0)), text);
	json_release(d);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_by_name),
		cmocka_unit_test(another_type_is_not_there),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(size_and_depth_are_bounded),
		cmocka_unit_test(quoted_text_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
