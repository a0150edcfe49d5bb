/* SPDX-License-Identifier: Apache-2.0 */
#include "key/input_kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void
kinds_are_told_by_their_letter(void **state)
{
	static const char letters[] = {
#define INPUT_KIND(name, letter, evaluator, flags, text) letter,
#define INPUT_WORD(kind, word, text)
#include "key/input_kinds.def"
		'\0'
	};

	(void)state;
	for (const char *p = letters; *p; p++) {
		assert_null(strchr(p + 1, *p));
		assert_non_null(input_kind_text(p));
	}
	assert_true(input_kind_is("fw/a", INPUT_PATH));
	assert_false(input_kind_is("fw/a", INPUT_VARIABLE | INPUT_WORDS));
	assert_true(input_kind_is("vA", INPUT_RELOCATABLE));
	assert_true(input_kind_is("eA", INPUT_VARIABLE));
	assert_false(input_kind_is("eA", INPUT_RELOCATABLE));
	assert_false(input_kind_is("", INPUT_PATH | INPUT_VARIABLE));
	assert_false(input_kind_knows(""));
	assert_false(input_kind_knows("?x"));
	assert_true(input_kind_knows("pcc"));
	assert_null(input_kind_text("?x"));
}

static void
words_are_few(void **state)
{
	(void)state;
	assert_true(input_kind_knows("Eall"));
	assert_true(input_kind_knows("xcpus"));
	assert_false(input_kind_knows("Ecpus"));
	assert_false(input_kind_knows("xgpu"));
	assert_false(input_kind_knows("x"));
	assert_string_equal(input_kind_text("xcpu"), "the CPU's features");
	assert_string_equal(input_kind_text("xgpu"), "the machine");
	assert_non_null(strstr(input_kind_text("Ecc"), "environment"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_told_by_their_letter),
		cmocka_unit_test(words_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
