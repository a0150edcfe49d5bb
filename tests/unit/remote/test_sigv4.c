/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/sigv4.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The key of "aws-sig-v4-test-suite", and that of the S3 documentation. */
static const struct sigv4_creds suite = {
	"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL
};
static const struct sigv4_creds s3doc = {
	"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL
};

enum { SUITE_TIME = 1440938160, S3_TIME = 1369353600 };

struct vector {
	const char *name, *method, *path;
	struct sigv4_pair query[5];
	struct sigv4_pair headers[5];
	const char *names; /* SignedHeaders */
	const char *want;
};

static size_t
count(const struct sigv4_pair *p)
{
	size_t n = 0;

	while (p[n].name)
		n++;
	return n;
}

static const struct vector vectors[] = {
	{ .name = "get-vanilla",
	  .method = "GET",
	  .path = "/",
	  .names = "host;x-amz-date",
	  .want = "5fa00fa31553b73ebf1942676e86291e"
		  "8372ff2a2260956d9b8aae1d763fbf31" },
	{ .name = "post-vanilla",
	  .method = "POST",
	  .path = "/",
	  .names = "host;x-amz-date",
	  .want = "5da7c1a2acd57cee7505fc6676e4e544"
		  "621c30862966e37dddb68e92efbe5d6b" },
	{ .name = "get-vanilla-query-order-key-case",
	  .method = "GET",
	  .path = "/",
	  .query = { { "Param2", "value2" }, { "Param1", "value1" } },
	  .names = "host;x-amz-date",
	  .want = "b97d918cfa904a5beff61c982a1b6f45"
		  "8b799221646efd99d3219ec94cdf2500" },
	{ .name = "get-vanilla-query-order-value",
	  .method = "GET",
	  .path = "/",
	  .query = { { "Param1", "value2" }, { "Param1", "value1" } },
	  .names = "host;x-amz-date",
	  .want = "5772eed61e12b33fae39ee5e7012498b"
		  "51d56abc0abb7c60486157bd471c4694" },
	{ .name = "get-vanilla-empty-query-key",
	  .method = "GET",
	  .path = "/",
	  .query = { { "Param1", "value1" } },
	  .names = "host;x-amz-date",
	  .want = "a67d582fa61cc504c4bae71f336f98b9"
		  "7f1ea3c7a6bfe1b6e45aec72011b9aeb" },
	{ .name = "get-vanilla-utf8-query",
	  .method = "GET",
	  .path = "/",
	  .query = { { "\341\210\264", "bar" } },
	  .names = "host;x-amz-date",
	  .want = "2cdec8eed098649ff3a119c94853b13c"
		  "643bcf08f8b0a1d91e12c9027818dd04" },
	{ .name = "post-header-key-sort",
	  .method = "POST",
	  .path = "/",
	  .headers = { { "My-Header1", "value1" } },
	  .names = "host;my-header1;x-amz-date",
	  .want = "c5410059b04c1ee005303aed430f6e66"
		  "45f61f4dc9e1461ec8f8916fdf18852c" },
	{ .name = "post-header-value-case",
	  .method = "POST",
	  .path = "/",
	  .headers = { { "My-Header1", "VALUE1" } },
	  .names = "host;my-header1;x-amz-date",
	  .want = "cdbc9802e29d2942e5e10b5bccfdd67c"
		  "5f22c7c4e8ae67b53629efa58b974b7d" },
	{ .name = "get-header-value-trim",
	  .method = "GET",
	  .path = "/",
	  .headers = { { "My-Header1", " value1" },
		       { "My-Header2", " \"a   b   c\"" } },
	  .names = "host;my-header1;my-header2;x-amz-date",
	  .want = "acc3ed3afb60bb290fc8d2dd0098b991"
		  "1fcaa05412b367055dee359757a9c736" },
	{ .name = "get-header-key-duplicate",
	  .method = "GET",
	  .path = "/",
	  .headers = { { "My-Header1", "value2" },
		       { "My-Header1", "value2" },
		       { "My-Header1", "value1" } },
	  .names = "host;my-header1;x-amz-date",
	  .want = "c9d5ea9f3f72853aea855b47ea873832"
		  "890dbdd183b4468f858259531a5138ea" },
	{ .name = "get-header-value-order",
	  .method = "GET",
	  .path = "/",
	  .headers = { { "My-Header1", "value4" },
		       { "My-Header1", "value1" },
		       { "My-Header1", "value3" },
		       { "My-Header1", "value2" } },
	  .names = "host;my-header1;x-amz-date",
	  .want = "08c7e5a9acfcfeb3ab6b2185e75ce8b1"
		  "deb5e634ec47601a50643f830c755c01" },
	{ .name = "get-unreserved",
	  .method = "GET",
	  .path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		  "abcdefghijklmnopqrstuvwxyz",
	  .names = "host;x-amz-date",
	  .want = "07ef7494c76fa4850883e2b006601f94"
		  "0f8a34d404d0cfa977f52a65bbf5f24f" },
	{ .name = "get-relative",
	  .method = "GET",
	  .path = "/example/..",
	  .names = "host;x-amz-date",
	  .want = "5fa00fa31553b73ebf1942676e86291e"
		  "8372ff2a2260956d9b8aae1d763fbf31" },
	{ .name = "get-relative-relative",
	  .method = "GET",
	  .path = "/example1/example2/../..",
	  .names = "host;x-amz-date",
	  .want = "5fa00fa31553b73ebf1942676e86291e"
		  "8372ff2a2260956d9b8aae1d763fbf31" },
	{ .name = "get-slash",
	  .method = "GET",
	  .path = "//",
	  .names = "host;x-amz-date",
	  .want = "5fa00fa31553b73ebf1942676e86291e"
		  "8372ff2a2260956d9b8aae1d763fbf31" },
	{ .name = "get-slash-dot-slash",
	  .method = "GET",
	  .path = "/./",
	  .names = "host;x-amz-date",
	  .want = "5fa00fa31553b73ebf1942676e86291e"
		  "8372ff2a2260956d9b8aae1d763fbf31" },
	{ .name = "get-slash-pointless-dot",
	  .method = "GET",
	  .path = "/./example",
	  .names = "host;x-amz-date",
	  .want = "ef75d96142cf21edca26f06005da7988"
		  "e4f8dc83a165a80865db7089db637ec5" },
	{ .name = "get-slashes",
	  .method = "GET",
	  .path = "//example//",
	  .names = "host;x-amz-date",
	  .want = "9a624bd73a37c9a373b5312afbebe7a7"
		  "14a789de108f0bdfe846570885f57e84" },
};

/* The signature, and the list of signed headers, of the last header. */
static void
signed_as(const struct sigv4_request *rq, const struct sigv4_creds *c,
	  const char *names, const char *want)
{
	char tail[512];
	const char *last, *at;
	struct sigv4_signed s;
	size_t lines = 0;

	assert_int_equal(sigv4_sign(rq, c, &s), 0);
	last = s.headers.p;
	for (at = last; at < s.headers.p + s.headers.len; lines++) {
		last = at;
		at += strlen(at) + 1;
	}
	assert_int_equal(lines, s.nheaders);
	snprintf(tail, sizeof(tail), "SignedHeaders=%s, Signature=%s", names,
		 want);
	at = strstr(last, "SignedHeaders=");
	assert_non_null(at);
	assert_string_equal(at, tail);
	sigv4_release(&s);
}

static struct sigv4_request
suite_request(const struct vector *v)
{
	return (struct sigv4_request){
		.method = v->method,
		.host = "example.amazonaws.com",
		.path = v->path,
		.query = v->query,
		.nquery = count(v->query),
		.headers = v->headers,
		.nheaders = count(v->headers),
		.payload = SIGV4_EMPTY,
		.region = "us-east-1",
		.service = "service",
		.time = SUITE_TIME,
	};
}

static void
the_published_suite_passes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct sigv4_request rq = suite_request(&vectors[i]);

		print_message("# %s\n", vectors[i].name);
		signed_as(&rq, &suite, vectors[i].names, vectors[i].want);
	}
}

static struct sigv4_request
s3_request(const char *method, const char *path)
{
	return (struct sigv4_request){
		.method = method,
		.host = "examplebucket.s3.amazonaws.com",
		.path = path,
		.payload = SIGV4_EMPTY,
		.region = "us-east-1",
		.service = "s3",
		.time = S3_TIME,
		.s3 = true,
	};
}

static void
the_examples_of_s3_pass(void **state)
{
	const struct sigv4_pair range = { "Range", "bytes=0-9" };
	const struct sigv4_pair put[] = {
		{ "Date", "Fri, 24 May 2013 00:00:00 GMT" },
		{ "x-amz-storage-class", "REDUCED_REDUNDANCY" }
	};
	const struct sigv4_pair lifecycle = { "lifecycle", NULL };
	const struct sigv4_pair list[] = { { "prefix", "J" },
					   { "max-keys", "2" } };
	const char *plain = "host;x-amz-content-sha256;x-amz-date";
	struct sigv4_request rq = s3_request("GET", "/test.txt");

	(void)state;
	rq.headers = &range;
	rq.nheaders = 1;
	signed_as(&rq, &s3doc, "host;range;x-amz-content-sha256;x-amz-date",
		  "f0e8bdb87c964420e857bd35b5d6ed31"
		  "0bd44f0170aba48dd91039c6036bdb41");
	rq = s3_request("PUT", "/test$file.text");
	rq.headers = put;
	rq.nheaders = 2;
	rq.payload = "44ce7dd67c959e0d3524ffac1771dfbb"
		     "a87d2b6b4b4e99e42034a8b803f8b072";
	signed_as(&rq, &s3doc,
		  "date;host;x-amz-content-sha256;x-amz-date;"
		  "x-amz-storage-class",
		  "98ad721746da40c64f1a55b78f14c238"
		  "d841ea1380cd77a1b5971af0ece108bd");
	rq = s3_request("GET", "/");
	rq.query = &lifecycle;
	rq.nquery = 1;
	signed_as(&rq, &s3doc, plain,
		  "fea454ca298b7da1c68078a5d1bdbfbb"
		  "e0d65c699e0f91ac7a200a0136783543");
	rq.query = list;
	rq.nquery = 2;
	signed_as(&rq, &s3doc, plain,
		  "34b48302e7b5fa45bde8084f4b7868a8"
		  "6f0a534bc59db6670ed5711ef69dc6f7");
}

static void
is_hex(const uint8_t *p, const char *want)
{
	char hex[2 * SIGV4_KEY_LEN + 1];

	for (size_t i = 0; i < SIGV4_KEY_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", p[i]);
	assert_string_equal(hex, want);
}

static void
the_published_keys_are_derived(void **state)
{
	uint8_t key[SIGV4_KEY_LEN];

	(void)state;
	assert_int_equal(
		sigv4_key(suite.secret, "20150830", "us-east-1", "iam", key),
		0);
	is_hex(key, "c4afb1cc5771d871763a393e44b70357"
		    "1b55cc28424d1a5e86da6ed3c154a4b9");
	assert_int_equal(
		sigv4_key(suite.secret, "20120215", "us-east-1", "iam", key),
		0);
	is_hex(key, "f4780e2d9f65fa895f9c67b32ce1baf0"
		    "b0d8a43505a000a1a9e090d414db404d");
}

/* S3 takes a key as it is: what a path means elsewhere is a name there. */
static void
s3_paths_are_encoded_once(void **state)
{
	struct sigv4_request rq = s3_request("GET", "/a//b/../c d+e%20=@:\n");
	struct sigv4_signed s;

	(void)state;
	assert_int_equal(sigv4_sign(&rq, &s3doc, &s), 0);
	assert_string_equal(s.target.p, "/a//b/../c%20d%2Be%2520%3D%40%3A%0A");
	sigv4_release(&s);
}

static void
a_token_is_sent_and_signed(void **state)
{
	struct sigv4_creds c = s3doc;
	struct sigv4_request rq = s3_request("GET", "/k");
	struct buf b = { 0 };
	struct sigv4_signed s;

	(void)state;
	c.token = "tok/en+==";
	assert_int_equal(sigv4_canonical(&rq, &c, &b), 0);
	assert_non_null(strstr(b.p, "\nx-amz-security-token:tok/en+==\n"));
	assert_int_equal(sigv4_sign(&rq, &c, &s), 0);
	assert_non_null(memmem(s.headers.p, s.headers.len,
			       "\0X-Amz-Security-Token: tok/en+==", 33));
	assert_null(
		memmem(s.headers.p, s.headers.len, c.secret, strlen(c.secret)));
	sigv4_release(&s);
	buf_free(&b);
}

static void
refused(const struct sigv4_request *rq, const struct sigv4_creds *c, int code)
{
	struct sigv4_signed s = { .nheaders = 77 };

	assert_int_equal(sigv4_sign(rq, c, &s), code);
	assert_int_equal(s.nheaders, 77);
	assert_null(s.headers.p);
}

static void
nothing_can_add_a_line(void **state)
{
	static const char *const evil[] = { "a\r\nX: y", "a\nb", "a\rb",
					    "a\x7f", "\x01" };

	(void)state;
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		const struct sigv4_pair value = { "x-amz-meta-a", evil[i] };
		const struct sigv4_pair name = { evil[i], "v" };
		struct sigv4_request ok = s3_request("GET", "/"), rq = ok;
		struct sigv4_creds c = s3doc;

		rq.method = evil[i];
		refused(&rq, &c, -EINVAL);
		rq = ok;
		rq.host = evil[i];
		refused(&rq, &c, -EINVAL);
		rq = ok;
		rq.region = evil[i];
		refused(&rq, &c, -EINVAL);
		rq = ok;
		rq.service = evil[i];
		refused(&rq, &c, -EINVAL);
		rq = ok;
		rq.payload = evil[i];
		refused(&rq, &c, -EINVAL);
		rq = ok;
		rq.nheaders = 1;
		rq.headers = &value;
		refused(&rq, &c, -EINVAL);
		rq.headers = &name;
		refused(&rq, &c, -EINVAL);
		c.token = evil[i];
		refused(&ok, &c, -EINVAL);
		c = s3doc;
		c.key = evil[i];
		refused(&ok, &c, -EINVAL);
	}
}

static void
senseless_requests_are_refused(void **state)
{
	const struct sigv4_pair own = { "Authorization", "x" };
	const struct sigv4_pair nameless = { "", "x" };
	struct sigv4_request rq = s3_request("GET", "no-slash");

	(void)state;
	refused(&rq, &s3doc, -EINVAL);
	rq = s3_request("GET", "/");
	rq.time = -1;
	refused(&rq, &s3doc, -EINVAL);
	rq.time = (int64_t)1 << 60;
	refused(&rq, &s3doc, -EINVAL);
	rq = s3_request("GET", "/");
	rq.nheaders = 1;
	rq.headers = &own;
	refused(&rq, &s3doc, -EINVAL);
	rq.nheaders = SIGV4_PAIRS_MAX + 1;
	refused(&rq, &s3doc, ERR_TOOBIG);
	rq = s3_request("GET", "/");
	rq.nquery = 1;
	rq.query = &nameless;
	refused(&rq, &s3doc, -EINVAL);
	rq = s3_request("GET", "/a b");
	rq.s3 = false;
	refused(&rq, &s3doc, -EINVAL);
}

/* Whatever bytes a key and a query hold: one request line of printable
 * ASCII, in one order, the same when asked again. */
static void
targets_are_plain_and_stable(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < 2000; round++) {
		char text[5][9] = { { 0 } };
		struct sigv4_pair q[2], swapped[2];
		struct sigv4_request rq = s3_request("GET", text[4]);
		struct sigv4_signed a, b;

		for (int i = 0; i < 5; i++)
			for (int k = 0; k < 8; k++)
				text[i][k] = (char)(1 + random() % 255);
		text[4][0] = '/';
		for (int i = 0; i < 2; i++)
			q[i] = (struct sigv4_pair){ text[i], text[i + 2] };
		swapped[0] = q[1];
		swapped[1] = q[0];
		rq.nquery = 2;
		rq.query = q;
		assert_int_equal(sigv4_sign(&rq, &s3doc, &a), 0);
		rq.query = swapped;
		assert_int_equal(sigv4_sign(&rq, &s3doc, &b), 0);
		assert_string_equal(a.target.p, b.target.p);
		assert_int_equal(a.headers.len, b.headers.len);
		assert_memory_equal(a.headers.p, b.headers.p, a.headers.len);
		for (size_t i = 0; i < a.target.len; i++)
			assert_true(a.target.p[i] > 0x20 &&
				    a.target.p[i] < 0x7f);
		sigv4_release(&a);
		sigv4_release(&b);
	}
}

/* A normalised path is its own normal form. */
static void
normal_paths_stay(void **state)
{
	(void)state;
	srandom(2);
	for (int round = 0; round < 2000; round++) {
		struct vector v = { .method = "GET" };
		char path[12] = "/", once[64];
		struct buf a = { 0 }, b = { 0 };
		struct sigv4_request rq;

		for (size_t i = 1; i < sizeof(path) - 1; i++)
			path[i] = "/.a"[random() % 3];
		v.path = path;
		rq = suite_request(&v);
		assert_int_equal(sigv4_canonical(&rq, &suite, &a), 0);
		snprintf(once, sizeof(once), "%.*s",
			 (int)strcspn(a.p + 4, "\n"), a.p + 4);
		assert_int_equal(once[0], '/');
		assert_null(strstr(once, "//"));
		assert_null(strstr(once, "/../"));
		rq.path = once;
		assert_int_equal(sigv4_canonical(&rq, &suite, &b), 0);
		assert_string_equal(a.p, b.p);
		buf_free(&a);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_suite_passes),
		cmocka_unit_test(the_examples_of_s3_pass),
		cmocka_unit_test(the_published_keys_are_derived),
		cmocka_unit_test(s3_paths_are_encoded_once),
		cmocka_unit_test(a_token_is_sent_and_signed),
		cmocka_unit_test(nothing_can_add_a_line),
		cmocka_unit_test(senseless_requests_are_refused),
		cmocka_unit_test(targets_are_plain_and_stable),
		cmocka_unit_test(normal_paths_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
