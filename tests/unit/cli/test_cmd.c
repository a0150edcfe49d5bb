/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cmd cmd = { .name = "test", .args = "" };

static int
take_number(const char *text, void *ctx)
{
	*(int *)ctx = atoi(text);
	return *(int *)ctx ? CMD_OK : CMD_USAGE;
}

/* Reads the words of LINE; up to WORDS may be no options. */
static int
reads(const char *line, bool *flag, int *number, int words)
{
	const struct cmd_option options[] = {
		{ .name = "flag", .flag = flag },
		{ .name = "number", .letter = 'n', .take = take_number },
		{ 0 },
	};
	char text[64], *argv[8] = { text }, *rest = text;
	int argc = 0;

	*flag = false;
	*number = 0;
	optind = 0;
	snprintf(text, sizeof(text), "%s", line);
	while (rest && argc < 7)
		argv[argc++] = strsep(&rest, " ");
	argv[argc] = NULL;
	return cmd_options(&cmd, argc, argv, options, number, words);
}

static void
options_are_read(void **state)
{
	bool flag;
	int number;

	(void)state;
	assert_int_equal(reads("test", &flag, &number, 0), CMD_OK);
	assert_false(flag);
	assert_int_equal(reads("test --flag -n 3", &flag, &number, 0), CMD_OK);
	assert_true(flag);
	assert_int_equal(number, 3);
	assert_int_equal(reads("test --number=4 a", &flag, &number, 1), CMD_OK);
	assert_int_equal(number, 4);
	assert_false(flag);
}

static void
others_are_refused(void **state)
{
	bool flag;
	int number;

	(void)state;
	assert_int_equal(reads("test a", &flag, &number, 0), CMD_USAGE);
	assert_int_equal(reads("test --other", &flag, &number, 0), CMD_USAGE);
	assert_int_equal(reads("test -f", &flag, &number, 0), CMD_USAGE);
	assert_int_equal(reads("test -n", &flag, &number, 0), CMD_USAGE);
	assert_int_equal(reads("test -n x", &flag, &number, 0), CMD_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(others_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
