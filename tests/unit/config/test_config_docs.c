/* SPDX-License-Identifier: Apache-2.0 */
/* conf/kache.ini.example and kache.ini.5 say what the table says. */
#define _GNU_SOURCE
#include "base/ini.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[1 << 16];

static void
read_source(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", srcdir ? srcdir : ".", name);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
}

static int seen[CONFIG_KEYS];

static void
value(void *ctx, int line, const char *section, const char *key, const char *v)
{
	int i;

	(void)ctx;
	for (i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *k = &config_keys[i];

		if (strcmp(k->section, section) || strcmp(k->name, key))
			continue;
		seen[i]++;
		assert_string_equal(v, k->def);
		return;
	}
	fail_msg("line %d: no key [%s] %s", line, section, key);
}

static void
problem(void *ctx, int line, const char *what)
{
	(void)ctx;
	fail_msg("line %d: %s", line, what);
}

/* Takes the # off in front of `#key = value`. */
static void
uncomment(void)
{
	char *line;

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] == '#' && line[1] >= 'a' && line[1] <= 'z')
			line[0] = ' ';
	}
}

static void
the_example_holds_every_default(void **state)
{
	struct ini_sink sink = { .value = value, .problem = problem };
	int i;

	(void)state;
	read_source("conf/kache.ini.example");
	uncomment();
	ini_text(text, strlen(text), &sink);
	for (i = 0; i < CONFIG_KEYS; i++) {
		if (seen[i] != 1)
			fail_msg("[%s] %s: %d times", config_keys[i].section,
				 config_keys[i].name, seen[i]);
	}
}

static void
the_manual_holds_every_key(void **state)
{
	char item[128];
	int i;

	(void)state;
	read_source("src/config/kache.ini.5");
	for (i = 0; i < CONFIG_KEYS; i++) {
		snprintf(item, sizeof(item), ".It Cm %s", config_keys[i].name);
		if (!strstr(text, item))
			fail_msg("no %s", item);
		snprintf(item, sizeof(item), ".Ss %s", config_keys[i].section);
		if (!strstr(text, item))
			fail_msg("no %s", item);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_holds_every_default),
		cmocka_unit_test(the_manual_holds_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
