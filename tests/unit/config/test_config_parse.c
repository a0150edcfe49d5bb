/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>

struct sample {
	const char *text;
	int64_t want; /* -1: refused */
};

static void
sizes(void **state)
{
	static const struct sample s[] = {
		{ "0", 0 },
		{ "1536", 1536 },
		{ "10B", 10 },
		{ "2K", 2048 },
		{ "50G", 50LL << 30 },
		{ "50 g", 50LL << 30 },
		{ "1.5M", 3 << 19 },
		{ "7T", 7LL << 40 },
		{ "8388606T", 8388606LL << 40 },
		{ "8388607T", -1 },
		{ "99999999999999999999", -1 },
		{ "-1", -1 },
		{ "", -1 },
		{ "G", -1 },
		{ "1.", -1 },
		{ ".5G", -1 },
		{ "5GB", -1 },
		{ "5%", -1 },
		{ "0x10", -1 },
		{ "1e3", -1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
		int64_t v = -1;
		int r = config_parse_size(s[i].text, &v);

		if (r != (s[i].want < 0 ? r : 0) || v != s[i].want)
			fail_msg("%s gives %d, %lld", s[i].text, r,
				 (long long)v);
	}
}

static void
durations(void **state)
{
	static const struct sample s[] = {
		{ "250ms", 250 },    { "3", 3000 },      { "3s", 3000 },
		{ "1.5s", 1500 },    { "5m", 300000 },   { "6h", 21600000 },
		{ "7d", 604800000 }, { "1 h", 3600000 }, { "h", -1 },
		{ "3 weeks", -1 },   { "-3s", -1 },      { "", -1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
		int64_t v = -1;
		int r = config_parse_duration(s[i].text, &v);

		if (r != (s[i].want < 0 ? r : 0) || v != s[i].want)
			fail_msg("%s gives %d, %lld", s[i].text, r,
				 (long long)v);
	}
}

static void
shares(void **state)
{
	bool percent = false;
	int64_t v;

	(void)state;
	assert_int_equal(config_parse_share("5%", &v, &percent), 0);
	assert_true(percent);
	assert_int_equal(v, 5);
	assert_int_equal(config_parse_share("2G", &v, &percent), 0);
	assert_false(percent);
	assert_int_equal(v, 2LL << 30);
	assert_true(config_parse_share("101%", &v, &percent) < 0);
	assert_true(config_parse_share("5.5%", &v, &percent) < 0);
	assert_true(config_parse_share("%", &v, &percent) < 0);
	assert_true(config_parse_share("5%%", &v, &percent) < 0);
}

static void
words(void **state)
{
	int64_t v;

	(void)state;
	assert_int_equal(config_parse_bool("Yes", &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(config_parse_bool("off", &v), 0);
	assert_int_equal(v, 0);
	assert_true(config_parse_bool("maybe", &v) < 0);
	assert_int_equal(config_parse_choice("no", "auto|yes|no", &v), 0);
	assert_int_equal(v, 2);
	assert_int_equal(config_parse_choice("AUTO", "auto|yes|no", &v), 0);
	assert_int_equal(v, 0);
	assert_true(config_parse_choice("n", "auto|yes|no", &v) < 0);
	assert_true(config_parse_choice("", "auto|yes|no", &v) < 0);
	assert_true(config_parse_choice("yes|no", "auto|yes|no", &v) < 0);
	assert_int_equal(config_parse_count("auto", &v), 0);
	assert_int_equal(v, -1);
	assert_int_equal(config_parse_count("64", &v), 0);
	assert_int_equal(v, 64);
	assert_true(config_parse_count("0", &v) < 0);
	assert_true(config_parse_count("1.5", &v) < 0);
}

static void
addresses_of_remotes(void **state)
{
	static const char *const good[] = {
		"",         "s3://b",
		"s3://b/",  "s3://b/p/q/",
		"file:///", "file:///mnt/a cache",
	};
	static const char *const bad[] = {
		"s3:",      "s3://",      "s3:///p",    "s3://b p",
		"s3://b\n", "file://mnt", "file:/mnt",  "/mnt",
		"S3://b",   "http://b/c", "s3://b\x7f", "file://",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(config_parse_url(good[i]), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(config_parse_url(bad[i]), -EINVAL);
}

static void
addresses_of_services(void **state)
{
	static const char *const good[] = { "", "http://h", "https://h/v2/x",
					    "http://127.0.0.1:80",
					    "https://[::1]:9/a" };
	static const char *const bad[] = {
		"h",           "http:/h",      "http://",      "http:///x",
		"ftp://h",     "http://u:p@h", "http://h?a=b", "http://h#f",
		"http://h/\n", "HTTP://h",     "http://:80",   "https://a b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(config_parse_http(good[i]), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(config_parse_http(bad[i]), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
		cmocka_unit_test(shares),
		cmocka_unit_test(words),
		cmocka_unit_test(addresses_of_remotes),
		cmocka_unit_test(addresses_of_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
