/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/digest.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
hex_is(const void *p, size_t n, const char *want)
{
	struct digest d, back;
	char hex[DIGEST_HEX + 1];

	digest_bytes(p, n, &d);
	digest_hex(&d, hex);
	assert_string_equal(hex, want);
	assert_int_equal(digest_parse(hex, DIGEST_HEX, &back), 0);
	assert_true(digest_eq(&d, &back));
}

static void
published_vectors(void **state)
{
	(void)state;
	hex_is("", 0,
	       "e3b0c44298fc1c149afbf4c8996fb924"
	       "27ae41e4649b934ca495991b7852b855");
	hex_is("abc", 3,
	       "ba7816bf8f01cfea414140de5dae2223"
	       "b00361a396177a9cb410ff61f20015ad");
	hex_is("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
	       "248d6a61d20638b8e5c026930c3e6039"
	       "a33ce45964ff2167f6ecedd419db06c1");
}

static void
fields_cannot_imitate_boundaries(void **state)
{
	struct digest_ctx c;
	struct digest a, b;

	(void)state;
	digest_init(&c);
	digest_str(&c, "ab");
	digest_str(&c, "c");
	digest_end(&c, &a);
	digest_init(&c);
	digest_str(&c, "a");
	digest_str(&c, "bc");
	digest_end(&c, &b);
	assert_false(digest_eq(&a, &b));
	digest_init(&c);
	digest_field(&c, "ab", 2);
	digest_field(&c, "c", 1);
	digest_end(&c, &b);
	assert_true(digest_eq(&a, &b));
}

static void
only_exact_hex_is_parsed(void **state)
{
	char hex[DIGEST_HEX + 2];
	struct digest d;
	int i;

	(void)state;
	memset(hex, 'a', sizeof(hex));
	assert_int_equal(digest_parse(hex, DIGEST_HEX, &d), 0);
	assert_int_equal(digest_parse(hex, DIGEST_HEX - 1, &d), ERR_CORRUPT);
	assert_int_equal(digest_parse(hex, DIGEST_HEX + 1, &d), ERR_CORRUPT);
	for (i = 0; i < 256; i++) {
		int fine = strchr("0123456789abcdef", i) && i;

		hex[17] = (char)i;
		assert_int_equal(digest_parse(hex, DIGEST_HEX, &d),
				 fine ? 0 : ERR_CORRUPT);
	}
}

static void
descriptors_are_read_from_where_they_are(void **state)
{
	struct digest d, want;
	FILE *f = tmpfile();
	int i;

	(void)state;
	for (i = 0; i < 300000; i++)
		putc(i % 251, f);
	fflush(f);
	lseek(fileno(f), 0, SEEK_SET);
	assert_int_equal(digest_fd(fileno(f), &d), 0);
	digest_bytes("", 0, &want);
	assert_false(digest_eq(&d, &want));
	assert_int_equal(digest_fd(fileno(f), &d), 0);
	assert_true(digest_eq(&d, &want));
	fclose(f);
	assert_true(digest_fd(-1, &d) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(fields_cannot_imitate_boundaries),
		cmocka_unit_test(only_exact_hex_is_parsed),
		cmocka_unit_test(descriptors_are_read_from_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
