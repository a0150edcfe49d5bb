/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/record.h"

#include "base/buf.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const char *content;
static size_t len;

static void
what_was_sealed_opens(void **state)
{
	struct buf b = { 0 };

	(void)state;
	record_seal(&b, 'm', 3, "hello", 5);
	assert_int_equal(b.len, RECORD_HEAD + 5);
	assert_int_equal(record_open(b.p, b.len, 'm', 3, &content, &len), 0);
	assert_int_equal(len, 5);
	assert_memory_equal(content, "hello", 5);
	assert_int_equal(record_open(b.p, b.len, 'e', 3, &content, &len),
			 ERR_CORRUPT);
	assert_int_equal(record_open(b.p, b.len, 'm', 2, &content, &len),
			 ERR_NEWER);
	buf_free(&b);
}

static void
every_flipped_bit_is_seen(void **state)
{
	struct buf b = { 0 };
	size_t i;
	int bit;

	(void)state;
	record_seal(&b, 'e', 1, "some content", 12);
	for (i = 0; i < b.len; i++) {
		for (bit = 0; bit < 8; bit++) {
			b.p[i] ^= (char)(1 << bit);
			assert_true(record_open(b.p, b.len, 'e', 1, &content,
						&len) < 0);
			b.p[i] ^= (char)(1 << bit);
		}
	}
	assert_int_equal(record_open(b.p, b.len, 'e', 1, &content, &len), 0);
	buf_free(&b);
}

static void
every_cut_is_seen(void **state)
{
	struct buf b = { 0 };
	size_t i;

	(void)state;
	record_seal(&b, 'e', 1, "some content", 12);
	for (i = 0; i < b.len; i++) {
		char *cut = malloc(i ? i : 1);

		memcpy(cut, b.p, i);
		assert_int_equal(record_open(cut, i, 'e', 1, &content, &len),
				 ERR_CORRUPT);
		free(cut);
	}
	buf_char(&b, 'x');
	assert_int_equal(record_open(b.p, b.len, 'e', 1, &content, &len),
			 ERR_CORRUPT);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sealed_opens),
		cmocka_unit_test(every_flipped_bit_is_seen),
		cmocka_unit_test(every_cut_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
