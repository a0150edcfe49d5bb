/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/mp.h"

#include "base/buf.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void
documents_come_back(void **state)
{
	struct buf b = { 0 };
	struct mp_doc doc;
	struct mp_list l, sub;
	const char *p;
	uint64_t v;
	size_t n;

	(void)state;
	mp_put_list(&b, 4);
	mp_put_uint(&b, UINT64_MAX);
	mp_put_str(&b, "text");
	mp_put_bin(&b, "b\0n", 3);
	mp_put_list(&b, 1);
	mp_put_uint(&b, 0);
	assert_int_equal(mp_open(&doc, b.p, b.len), 0);
	l = mp_root(&doc);
	assert_int_equal(mp_next_uint(&l, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(mp_next_uint(&l, &v), ERR_CORRUPT);
	mp_close(&doc);

	assert_int_equal(mp_open(&doc, b.p, b.len), 0);
	l = mp_root(&doc);
	assert_int_equal(mp_next_uint(&l, &v), 0);
	assert_int_equal(mp_next_bin(&l, &p, &n), 0);
	assert_int_equal(n, 4);
	assert_memory_equal(p, "text", 4);
	assert_int_equal(mp_next_bin(&l, &p, &n), 0);
	assert_memory_equal(p, "b\0n", 3);
	assert_int_equal(mp_next_list(&l, &sub), 0);
	assert_int_equal(mp_next_uint(&sub, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(mp_next_uint(&sub, &v), ERR_CORRUPT);
	assert_int_equal(mp_next_uint(&l, &v), ERR_CORRUPT);
	mp_close(&doc);
	buf_free(&b);
}

struct bytes {
	const char *p;
	size_t n;
};

#define BYTES(s) \
	{ \
		s, sizeof(s) - 1 \
	}

static void
hostile_documents_are_refused(void **state)
{
	static const struct bytes bad[] = {
		BYTES(""),                         /* nothing */
		BYTES("\x01"),                     /* no array */
		BYTES("\x92\x01"),                 /* an element is missing */
		BYTES("\x90\x90"),                 /* more than one */
		BYTES("\xdd\x04\x00\x00\x00"),     /* 64 M elements */
		BYTES("\xdd\xff\xff\xff\xff"),     /* 4 G elements */
		BYTES("\x91\xdf\xff\xff\xff\xff"), /* a map of 4 G */
		BYTES("\x91\xdb\xff\xff\xff\xff"), /* 4 GB of text */
		BYTES("\x91\xc6\xff\xff\xff\xffx"),
		BYTES("\x91\xc1"), /* never used */
		BYTES("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x90"),
	};
	struct mp_doc doc;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (mp_open(&doc, bad[i].p, bad[i].n) == 0)
			fail_msg("document %zu was accepted", i);
	}
}

static void
every_cut_is_refused(void **state)
{
	struct buf b = { 0 };
	struct mp_doc doc;
	size_t i;

	(void)state;
	mp_put_list(&b, 3);
	mp_put_str(&b, "a string of more than thirty-one bytes in all");
	mp_put_bin(&b, "xyz", 3);
	mp_put_uint(&b, 70000);
	for (i = 0; i < b.len; i++) {
		char *cut = malloc(i ? i : 1);

		memcpy(cut, b.p, i);
		assert_int_equal(mp_open(&doc, cut, i), ERR_CORRUPT);
		free(cut);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_come_back),
		cmocka_unit_test(hostile_documents_are_refused),
		cmocka_unit_test(every_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
