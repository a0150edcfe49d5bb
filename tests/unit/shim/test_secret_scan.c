/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/secret_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
found_in(const struct secret_scan_set *from, const char *text)
{
	struct secret_scan_set s = *from;

	secret_set_scan(&s, text, strlen(text));
	return s.found;
}

static void
values_of_secret_names_are_found(void **state)
{
	char *env[] = { (char *)"PATH=/usr/bin:/bin",
			(char *)"DEPLOY_TOKEN=hunter2hunter2",
			(char *)"SHORT_TOKEN=abc",
			(char *)"MY_THING=quite-long-value",
			(char *)"no equals sign",
			NULL };
	struct secret_scan_set s;

	(void)state;
	secret_set_collect(&s, env, NULL);
	assert_int_equal(s.count, 1);
	assert_true(found_in(&s, "x hunter2hunter2 y"));
	assert_false(found_in(&s, "x hunter2hunter y"));
	assert_false(found_in(&s, "/usr/bin:/bin abc quite-long-value"));
	secret_set_collect(&s, env, "MY_*");
	assert_int_equal(s.count, 2);
	assert_true(found_in(&s, "quite-long-value"));
}

static void
nothing_set_finds_nothing(void **state)
{
	char *env[] = { NULL };
	struct secret_scan_set s;

	(void)state;
	secret_set_collect(&s, env, "A");
	assert_int_equal(s.count, 0);
	assert_false(found_in(&s, "anything"));
}

static void
more_than_there_is_room_for(void **state)
{
	char *env[SECRET_SCAN_MAX + 9];
	struct secret_scan_set s;

	(void)state;
	for (int i = 0; i < SECRET_SCAN_MAX + 8; i++) {
		char line[64];

		snprintf(line, sizeof(line), "N%d_TOKEN=value-number-%d", i, i);
		env[i] = strdup(line);
	}
	env[SECRET_SCAN_MAX + 8] = NULL;
	secret_set_collect(&s, env, NULL);
	assert_int_equal(s.count, SECRET_SCAN_MAX);
	for (int i = 0; i < SECRET_SCAN_MAX + 8; i++)
		free(env[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_secret_names_are_found),
		cmocka_unit_test(nothing_set_finds_nothing),
		cmocka_unit_test(more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
