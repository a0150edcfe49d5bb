/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/s3_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

struct answer {
	int status;
	const char *code;
	bool conditional;
	enum s3_verdict want;
};

/* Codes of AWS, Ceph (reader of this table: grep for the code), R2 and
 * Garage; "" is an answer without a document. */
static const struct answer answers[] = {
	{ 200, "", false, S3_OK },
	{ 204, "", true, S3_OK },
	{ 404, "NoSuchKey", false, S3_MISS },
	{ 404, "", false, S3_MISS },
	{ 404, "NoSuchBucket", false, S3_REFUSED },
	{ 403, "AccessDenied", false, S3_DENIED },
	{ 403, "", false, S3_DENIED },
	{ 403, "SignatureDoesNotMatch", false, S3_REFUSED },
	{ 403, "InvalidAccessKeyId", false, S3_CREDS },
	{ 400, "ExpiredToken", false, S3_CREDS },
	{ 403, "RequestTimeTooSkewed", false, S3_CLOCK },
	{ 301, "PermanentRedirect", false, S3_REGION },
	{ 307, "TemporaryRedirect", false, S3_REGION },
	{ 301, "", false, S3_REGION },
	{ 400, "AuthorizationHeaderMalformed", true, S3_REGION },
	{ 412, "PreconditionFailed", true, S3_EXISTED },
	{ 412, "", true, S3_EXISTED },
	{ 409, "ConditionalRequestConflict", true, S3_RETRY },
	{ 409, "", true, S3_RETRY },
	{ 501, "NotImplemented", true, S3_NO_CONDITION },
	{ 501, "NotImplemented", false, S3_REFUSED },
	{ 400, "InvalidArgument", true, S3_NO_CONDITION },
	{ 400, "InvalidArgument", false, S3_REFUSED },
	{ 400, "RequestTimeout", true, S3_RETRY },
	{ 500, "InternalError", false, S3_RETRY },
	{ 502, "", false, S3_RETRY },
	{ 503, "SlowDown", false, S3_THROTTLED },
	{ 503, "", false, S3_RETRY },
	{ 429, "", false, S3_THROTTLED },
	{ 405, "MethodNotAllowed", false, S3_REFUSED },
	/* A gateway's page is no proof that an object is missing. */
	{ 502, "NoSuchKey", false, S3_RETRY },
};

static void
each_answer_has_its_meaning(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct answer *a = &answers[i];
		char xml[200];
		struct s3_error e;

		snprintf(xml, sizeof(xml), "<Error><Code>%s</Code></Error>",
			 a->code);
		s3_error_parse(xml, *a->code ? strlen(xml) : 0, &e);
		assert_string_equal(e.code, a->code);
		if (s3_error_judge(a->status, &e, a->conditional) != a->want)
			fail_msg("%d %s", a->status, a->code);
	}
}

static void
parts_of_the_document_are_found(void **state)
{
	static const char xml[] =
		"<?xml version=\"1.0\"?>\n<Error><Code>AuthorizationHeader"
		"Malformed</Code><Message>the region 'x' is\nwrong</Message>"
		"<Region>eu-central-1</Region></Error>";
	struct s3_error e;

	(void)state;
	s3_error_parse(xml, sizeof(xml) - 1, &e);
	assert_string_equal(e.code, "AuthorizationHeaderMalformed");
	assert_string_equal(e.message, "the region 'x' is wrong");
	assert_string_equal(e.region, "eu-central-1");
}

static void
no_document_harms(void **state)
{
	static const char *const odd[] = { "",
					   "<Code>",
					   "<Code>abc",
					   "<html>hello</html>",
					   "<Code></Code>",
					   "<Message>\x01\x7f</Message>" };
	char text[64];
	struct s3_error e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		s3_error_parse(odd[i], strlen(odd[i]), &e);
		assert_string_equal(e.code, "");
		s3_error_explain(500, &e, "b", text, sizeof(text));
		assert_non_null(strstr(text, "HTTP 500"));
	}
	assert_string_equal(e.message, "  ");
}

static void
long_codes_are_cut(void **state)
{
	char xml[4096] = "<Code>";
	struct s3_error e;

	(void)state;
	memset(xml + 6, 'x', 4000);
	memcpy(xml + 4006, "</Code>", 7);
	s3_error_parse(xml, 4013, &e);
	assert_int_equal(strlen(e.code), sizeof(e.code) - 1);
}

static void
people_are_told_what_to_do(void **state)
{
	static const char bare[] = "<Error><Code>InvalidArgument</Code>"
				   "<Message></Message></Error>";
	struct s3_error e = { .code = "NoSuchBucket" };
	char text[400];

	(void)state;
	s3_error_explain(404, &e, "stuff", text, sizeof(text));
	assert_string_equal(text,
			    "there is no bucket 'stuff' at this endpoint; "
			    "check url, endpoint and region "
			    "(HTTP 404 NoSuchBucket)");
	s3_error_parse(bare, sizeof(bare) - 1, &e);
	s3_error_explain(400, &e, "stuff", text, sizeof(text));
	assert_non_null(strstr(text, "session token"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_has_its_meaning),
		cmocka_unit_test(parts_of_the_document_are_found),
		cmocka_unit_test(no_document_harms),
		cmocka_unit_test(long_codes_are_cut),
		cmocka_unit_test(people_are_told_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
