/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/memfind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every length and place, against the C library, in memory of exactly that
 * size (a sanitizer sees a read past its end). */
static void
agrees_with_memmem(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)random() % 80, m = (size_t)random() % 20;
		char *p = malloc(n ? n : 1), *needle = malloc(m ? m : 1);

		for (size_t i = 0; i < n; i++)
			p[i] = (char)('a' + random() % 2);
		for (size_t i = 0; i < m; i++)
			needle[i] = (char)('a' + random() % 2);
		assert_ptr_equal(memfind(p, n, needle, m),
				 m ? memmem(p, n, needle, m) : NULL);
		free(p);
		free(needle);
	}
}

static void
finds_the_last_place(void **state)
{
	char text[1000];

	(void)state;
	memset(text, '/', sizeof(text));
	memcpy(text + sizeof(text) - 5, "/root", 5);
	assert_ptr_equal(memfind(text, sizeof(text), "/root", 5),
			 text + sizeof(text) - 5);
	assert_null(memfind(text, sizeof(text) - 1, "/root", 5));
}

static void
words(void **state)
{
	(void)state;
	assert_true(memfind_word("A", "A"));
	assert_true(memfind_word("A, B\tC", "B"));
	assert_true(memfind_word(" ,A B", "B"));
	assert_false(memfind_word("AB,CD", "A"));
	assert_false(memfind_word("A", "AB"));
	assert_false(memfind_word("A,,B", ""));
	assert_false(memfind_word("", "A"));
	assert_false(memfind_word(NULL, "A"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(agrees_with_memmem),
		cmocka_unit_test(finds_the_last_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
