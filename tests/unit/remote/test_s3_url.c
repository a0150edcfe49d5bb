/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/s3_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

struct place {
	const char *url, *endpoint, *region;
	enum s3_url_style style;
	const char *host, *path;
	bool tls;
};

static const struct place places[] = {
	{ "s3://cache", "", "", S3_URL_AUTO, "cache.s3.us-east-1.amazonaws.com",
	  "/v1/x", true },
	{ "s3://cache/", "", "eu-west-1", S3_URL_AUTO,
	  "cache.s3.eu-west-1.amazonaws.com", "/v1/x", true },
	{ "s3://cache/a/b//", "", "cn-north-1", S3_URL_AUTO,
	  "cache.s3.cn-north-1.amazonaws.com.cn", "/a/b/v1/x", true },
	{ "s3://my.cache", "", "eu-west-1", S3_URL_AUTO,
	  "s3.eu-west-1.amazonaws.com", "/my.cache/v1/x", true },
	{ "s3://Cache/p", "", "", S3_URL_AUTO, "s3.us-east-1.amazonaws.com",
	  "/Cache/p/v1/x", true },
	{ "s3://cache", "http://127.0.0.1:9000", "", S3_URL_AUTO,
	  "127.0.0.1:9000", "/cache/v1/x", false },
	{ "s3://cache", "http://[::1]:9000/", "", S3_URL_AUTO, "[::1]:9000",
	  "/cache/v1/x", false },
	{ "s3://cache", "http://localhost:9000", "", S3_URL_AUTO,
	  "localhost:9000", "/cache/v1/x", false },
	{ "s3://cache", "http://localhost:9000", "", S3_URL_VIRTUAL,
	  "cache.localhost:9000", "/v1/x", false },
	{ "s3://cache", "https://s3.example.com:443", "", S3_URL_AUTO,
	  "cache.s3.example.com", "/v1/x", true },
	{ "s3://cache", "s3.example.com", "", S3_URL_PATH, "s3.example.com",
	  "/cache/v1/x", true },
	{ "s3://cache", "http://s3.example.com:80", "", S3_URL_PATH,
	  "s3.example.com", "/cache/v1/x", false },
};

static void
each_place_has_its_address(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct place *p = &places[i];
		char host[S3_URL_HOST + S3_URL_BUCKET];
		struct buf path = { 0 };
		struct s3_url u;
		char why[100];

		assert_int_equal(s3_url_parse(p->url, p->endpoint, p->region,
					      p->style, &u, why, sizeof(why)),
				 0);
		s3_url_host(&u, host, sizeof(host));
		s3_url_path(&u, "v1/x", &path);
		assert_string_equal(host, p->host);
		assert_string_equal(path.p, p->path);
		assert_int_equal(u.tls, p->tls);
		buf_free(&path);
	}
}

static void
nonsense_is_refused_with_a_reason(void **state)
{
	static const char *const odd[][3] = {
		{ "", "", "" },
		{ "s3:/x", "", "" },
		{ "s3://", "", "" },
		{ "s3:///prefix", "", "" },
		{ "s3://a b", "", "" },
		{ "s3://a@b", "", "" },
		{ "s3://cache/a\nb", "", "" },
		{ "s3://cache", "http://", "" },
		{ "s3://cache", "http://host/path", "" },
		{ "s3://cache", "http://user@host", "" },
		{ "s3://cache", "ftp://host", "" },
		{ "s3://cache", "", "eu west" },
		{ "s3://cache", "", "x/../y" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		char why[100] = "";
		struct s3_url u;

		if (s3_url_parse(odd[i][0], odd[i][1], odd[i][2], S3_URL_AUTO,
				 &u, why, sizeof(why)) != -EINVAL)
			fail_msg("taken: %s %s %s", odd[i][0], odd[i][1],
				 odd[i][2]);
		assert_true(strlen(why) > 0);
	}
}

static void
a_server_cannot_name_a_region_that_is_none(void **state)
{
	struct s3_url u = { .region = "a" };

	(void)state;
	assert_false(s3_url_set_region(&u, ""));
	assert_false(s3_url_set_region(&u, "evil.example.com/"));
	assert_string_equal(u.region, "a");
	assert_true(s3_url_set_region(&u, "eu-north-1"));
	assert_string_equal(u.region, "eu-north-1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_place_has_its_address),
		cmocka_unit_test(nonsense_is_refused_with_a_reason),
		cmocka_unit_test(a_server_cannot_name_a_region_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
