/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/cred_parse.h"

#include "base/buf.h"
#include "base/err.h"
#include "remote/cred_process.h"
#include "remote/cred_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char why[300];

static void
times_are_read(void **state)
{
	(void)state;
	assert_int_equal(cred_parse_time("1970-01-01T00:00:10Z"), 10);
	assert_int_equal(cred_parse_time("2024-02-29T12:30:05Z"), 1709209805);
	assert_int_equal(cred_parse_time("2024-02-29T12:30:05.123456Z"),
			 1709209805);
	assert_int_equal(cred_parse_time("2024-02-29T14:30:05+02:00"),
			 1709209805);
	assert_int_equal(cred_parse_time("2024-02-29T09:00:05.1-0330"),
			 1709209805);
}

static void
what_is_no_time_is_not_one(void **state)
{
	static const char *const bad[] = {
		"",
		"never",
		"1709209805",
		"2024-02-29",
		"2024-02-29T12:30:05",
		"2024-02-29T12:30:05.Z",
		"2024-02-29T12:30:05Zx",
		"2024-13-29T12:30:05Z",
		"2024-02-29T12:30:05+9",
		"2024-02-29T12:30:05+99:00",
		"-024-02-29T12:30:05Z",
		"2024-2-9T12:30:05Z",
		" 2024-02-29T12:30:05Z",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cred_parse_time(bad[i]), -1);
}

static int
json(const char *text, struct cred_value *v)
{
	why[0] = '\0';
	return cred_parse_json(text, strlen(text), "Token", v, why,
			       sizeof(why));
}

static void
json_gives_a_key(void **state)
{
	struct cred_value v = { 0 };

	(void)state;
	assert_int_equal(json("{\"Version\":1,\"AccessKeyId\":\"A\","
			      "\"SecretAccessKey\":\"S\",\"Token\":\"T\","
			      "\"Expiration\":\"1970-01-01T00:01:00Z\"}",
			      &v),
			 0);
	assert_string_equal(v.key, "A");
	assert_string_equal(v.secret, "S");
	assert_string_equal(v.token, "T");
	assert_int_equal(v.expires, 60);
	cred_value_release(&v);
	assert_int_equal(json("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":"
			      "\"S\",\"Token\":null}",
			      &v),
			 0);
	assert_null(v.token);
	assert_int_equal(v.expires, 0);
	cred_value_release(&v);
}

static void
bad_json_is_refused_without_quoting_it(void **state)
{
	static const char *const bad[] = {
		"",
		"hush",
		"[\"hush\"]",
		"{\"AccessKeyId\":\"hush\"}",
		"{\"AccessKeyId\":1,\"SecretAccessKey\":\"hush\"}",
		("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hush\","
		 "\"Expiration\":\"hush\"}"),
		"{\"SecretAccessKey\":\"hush\"",
	};
	struct cred_value v = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(json(bad[i], &v), ERR_REFUSED);
		assert_true(*why != '\0');
		assert_null(strstr(why, "hush"));
		assert_null(v.key);
	}
}

/* TEXT with blanks behind it, N bytes in all, without a NUL. */
static char *
padded(const char *text, size_t n)
{
	char *p = malloc(n);

	memset(p, ' ', n);
	memcpy(p, text, strlen(text));
	return p;
}

static void
a_document_has_a_largest_size(void **state)
{
	size_t n = CRED_PARSE_MAX + 1;
	char *js =
		padded("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}", n);
	char *xml = padded("<Credentials><AccessKeyId>A</AccessKeyId>"
			   "<SecretAccessKey>S</SecretAccessKey>",
			   n);
	struct cred_value v = { 0 };

	(void)state;
	assert_int_equal(cred_parse_json(js, n - 1, "Token", &v, why, 300), 0);
	cred_value_release(&v);
	assert_int_equal(cred_parse_json(js, n, "Token", &v, why, 300),
			 ERR_REFUSED);
	assert_int_equal(cred_parse_sts(xml, n - 1, &v, why, 300), 0);
	cred_value_release(&v);
	assert_int_equal(cred_parse_sts(xml, n, &v, why, 300), ERR_REFUSED);
	free(js);
	free(xml);
}

#define STS_HEAD \
	"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>" \
	"<SubjectFromWebIdentityToken>x</SubjectFromWebIdentityToken>"

static int
sts(const char *text, struct cred_value *v)
{
	why[0] = '\0';
	return cred_parse_sts(text, strlen(text), v, why, sizeof(why));
}

static void
xml_gives_a_key(void **state)
{
	struct cred_value v = { 0 };

	(void)state;
	assert_int_equal(sts(STS_HEAD
			     "<Credentials>\n <SessionToken>T/+=</SessionToken>"
			     "\n <SecretAccessKey>S</SecretAccessKey>\n"
			     " <Expiration>1970-01-01T00:01:00Z</Expiration>\n"
			     " <AccessKeyId>A</AccessKeyId></Credentials>",
			     &v),
			 0);
	assert_string_equal(v.key, "A");
	assert_string_equal(v.secret, "S");
	assert_string_equal(v.token, "T/+=");
	assert_int_equal(v.expires, 60);
	cred_value_release(&v);
}

static void
bad_xml_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"<Credentials>",
		"<AccessKeyId>A</AccessKeyId><SecretAccessKey>S"
		"</SecretAccessKey>",
		"<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S",
		"<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S<",
		"<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S"
		"</SecretAccessKe",
		"<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>"
		"<b>S</b></SecretAccessKey>",
		"<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>"
		"&amp;</SecretAccessKey>",
		"<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S"
		"</SecretAccessKey><Expiration>soon</Expiration>",
	};
	struct cred_value v = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* Exactly as many bytes as there are, without a NUL. */
		size_t n = strlen(bad[i]);
		char *copy = malloc(n ? n : 1);

		memcpy(copy, bad[i], n);
		assert_int_equal(cred_parse_sts(copy, n, &v, why, sizeof(why)),
				 ERR_REFUSED);
		assert_null(v.key);
		free(copy);
	}
}

static void
an_error_code_is_a_word(void **state)
{
	static const char xml[] = "<Error><Code>AccessDenied hush</Code>";
	char code[64];

	(void)state;
	cred_parse_code(xml, strlen(xml), code, sizeof(code));
	assert_string_equal(code, "AccessDenied");
	cred_parse_code("<Code>", 6, code, sizeof(code));
	assert_string_equal(code, "");
}

static bool
sound(const char *key, const char *secret, const char *token)
{
	struct cred_value v = { 0 };
	bool ok;

	assert_int_equal(cred_value_set(&v, key, secret, token, 0), 0);
	ok = cred_parse_sound(&v);
	cred_value_release(&v);
	return ok;
}

static void
what_cannot_be_in_a_header_is_not_sound(void **state)
{
	static char token[CRED_PARSE_TOKEN + 2];

	(void)state;
	assert_true(sound("AKIA", "s/+=", NULL));
	assert_false(sound("", "s", NULL));
	assert_false(sound("A", "", NULL));
	assert_false(sound("A\r\nX: y", "s", NULL));
	assert_false(sound("A B", "s", NULL));
	assert_false(sound("A", "s", "t\n"));
	assert_false(sound("A", "s", "\303\251"));
	memset(token, 't', CRED_PARSE_TOKEN);
	assert_true(sound("A", "s", token));
	token[CRED_PARSE_TOKEN] = 't';
	assert_false(sound("A", "s", token));
}

static const char *
split(const char *command)
{
	static char text[1000];
	struct buf b = { 0 };
	size_t n, i;

	snprintf(text, sizeof(text), "-");
	if (cred_process_split(command, &b, &n)) {
		text[0] = '\0';
		for (i = 0; i + 1 < b.len; i++)
			if (!b.p[i])
				b.p[i] = '|';
		snprintf(text, sizeof(text), "%zu %s", n, b.p);
	}
	buf_free(&b);
	return text;
}

static void
a_command_is_split_as_by_a_shell(void **state)
{
	char many[1000] = "";
	int i;

	(void)state;
	assert_string_equal(split("a"), "1 a");
	assert_string_equal(split("  a\t b  "), "2 a|b");
	assert_string_equal(split("a 'b c' \"d 'e\" f\\ g"),
			    "4 a|b c|d 'e|f g");
	assert_string_equal(split("a'b'\"c\"d ''"), "2 abcd|");
	assert_string_equal(split("a \"\\\"\\\\\\n\" '\\'"), "3 a|\"\\\\n|\\");
	assert_string_equal(split("a;b $HOME `c` *"), "4 a;b|$HOME|`c`|*");
	assert_string_equal(split("a \\"), "2 a|\\");
	assert_string_equal(split(""), "-");
	assert_string_equal(split("  "), "-");
	assert_string_equal(split("a 'b"), "-");
	assert_string_equal(split("a \"b\\\""), "-");
	for (i = 0; i <= CRED_PROCESS_WORDS; i++)
		memcpy(many + 2 * i, "a ", 3);
	assert_string_equal(split(many), "-");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(what_is_no_time_is_not_one),
		cmocka_unit_test(json_gives_a_key),
		cmocka_unit_test(bad_json_is_refused_without_quoting_it),
		cmocka_unit_test(a_document_has_a_largest_size),
		cmocka_unit_test(xml_gives_a_key),
		cmocka_unit_test(bad_xml_is_refused),
		cmocka_unit_test(an_error_code_is_a_word),
		cmocka_unit_test(what_cannot_be_in_a_header_is_not_sound),
		cmocka_unit_test(a_command_is_split_as_by_a_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
