/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "config/config.h"

#include "config/config_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/kache-test-XXXXXX";

/* The environment of one test: `NAME=value` list. */
static const char *
lookup(void *ctx, const char *name)
{
	char *const *e;
	size_t n = strlen(name);

	for (e = ctx; *e; e++) {
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	}
	return NULL;
}

static void
load(struct config *c, char **env)
{
	struct config_source src = {
		.get = lookup, .ctx = env, .names = env, .sysconfdir = dir
	};

	memset(c, 0xa5, sizeof(*c));
	config_load(c, &src);
}

static void
write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void
remove_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static struct config c;

static void
nothing_set_gives_defaults(void **state)
{
	char *env[] = { "HOME=/home/u", NULL };

	(void)state;
	load(&c, env);
	assert_int_equal(c.problem_count, 0);
	assert_string_equal(c.v[CONFIG_STORE_DIR].text, "/home/u/.cache/kache");
	assert_int_equal(c.v[CONFIG_STORE_MAX_SIZE].num, 50LL << 30);
	assert_int_equal(c.v[CONFIG_STORE_MIN_FREE].num, 5);
	assert_true(c.v[CONFIG_STORE_MIN_FREE].percent);
	assert_int_equal(c.v[CONFIG_STORE_PORTABLE].num, CONFIG_PORTABLE_AUTO);
	assert_int_equal(c.v[CONFIG_SHIM_TIMEOUT].num, 3000);
	assert_int_equal(c.v[CONFIG_DAEMON_WORKERS].num, -1);
	assert_false(c.disabled);
}

static void
every_default_parses(void **state)
{
	char *env[] = { "HOME=/h", NULL };
	int i;

	(void)state;
	load(&c, env);
	for (i = 0; i < CONFIG_KEYS; i++) {
		assert_non_null(config_keys[i].section);
		assert_non_null(config_keys[i].help);
		assert_non_null(c.v[i].text);
		assert_int_equal(c.v[i].origin, CONFIG_FROM_DEFAULT);
		if (config_keys[i].type == CONFIG_CHOICE)
			assert_non_null(config_keys[i].choices);
	}
}

static void
later_layers_win(void **state)
{
	char xdg[64], own[64];
	char *env[] = { "HOME=/h",
			xdg,
			own,
			"KACHE_STORE_MIN_FREE=1G",
			"KACHE_SHIM_LOG=info",
			"KACHE_LOG=debug",
			NULL };

	(void)state;
	snprintf(xdg, sizeof(xdg), "XDG_CONFIG_HOME=%s/xdg", dir);
	snprintf(own, sizeof(own), "KACHE_CONFIG=%s/own.ini", dir);
	write_file("kache/kache.ini", "[store]\nmax_size = 1G\ndir = /a\n"
				      "min_free = 7%\nportable = no\n");
	write_file("xdg/kache/kache.ini",
		   "[store]\nmax_size = 2G\ndir = ~/b\n");
	write_file("own.ini", "# mine\n[store]\n\n  max_size = 3G ; note\n");
	load(&c, env);
	assert_int_equal(c.problem_count, 0);
	assert_int_equal(c.v[CONFIG_STORE_MAX_SIZE].num, 3LL << 30);
	assert_int_equal(c.v[CONFIG_STORE_MAX_SIZE].line, 4);
	assert_int_equal(c.v[CONFIG_STORE_MAX_SIZE].origin, CONFIG_FROM_FILE);
	assert_string_equal(c.v[CONFIG_STORE_MAX_SIZE].where, own + 13);
	assert_string_equal(c.v[CONFIG_STORE_DIR].text, "/h/b");
	assert_int_equal(c.v[CONFIG_STORE_PORTABLE].num, CONFIG_PORTABLE_NO);
	assert_int_equal(c.v[CONFIG_STORE_MIN_FREE].num, 1 << 30);
	assert_false(c.v[CONFIG_STORE_MIN_FREE].percent);
	assert_string_equal(c.v[CONFIG_STORE_MIN_FREE].where,
			    "KACHE_STORE_MIN_FREE");
	assert_int_equal(c.v[CONFIG_SHIM_LOG].num, 3);
	remove_file("kache/kache.ini");
	remove_file("xdg/kache/kache.ini");
	remove_file("own.ini");
}

static void
bad_values_are_named_and_keep_the_default(void **state)
{
	char *env[] = { "HOME=/h", "KACHE_STORE_MIN_FREE=lots", NULL };
	char want[128];

	(void)state;
	write_file("kache/kache.ini", "[store]\nmax_size = big\nsize = 1\n"
				      "[stores]\ndir = /x\n"
				      "[store]\ndir = relative\n"
				      "portable = maybe\nnonsense\n");
	load(&c, env);
	assert_int_equal(c.problem_count, 7);
	assert_int_equal(c.v[CONFIG_STORE_MAX_SIZE].num, 50LL << 30);
	assert_string_equal(c.v[CONFIG_STORE_DIR].text, "/h/.cache/kache");
	snprintf(want, sizeof(want),
		 "%s/kache/kache.ini:2: [store] max_size: 'big' is not a size "
		 "such as 500M or 50G",
		 dir);
	assert_string_equal(config_problem(&c, 0), want);
	assert_non_null(strstr(config_problem(&c, 1), ":3: [store] size: no"));
	assert_non_null(strstr(config_problem(&c, 2), "no such section"));
	assert_non_null(strstr(config_problem(&c, 3), "absolute path"));
	assert_non_null(strstr(config_problem(&c, 4), "auto|yes|no"));
	assert_non_null(strstr(config_problem(&c, 5), ":9: neither"));
	assert_non_null(strstr(config_problem(&c, 6), "KACHE_STORE_MIN_FREE"));
	remove_file("kache/kache.ini");
}

static void
long_lines_are_problems_not_short_values(void **state)
{
	char *env[] = { "HOME=/h", NULL };
	char text[400];

	(void)state;
	snprintf(text, sizeof(text), "[store]\ndir = /%0250d\nmax_size = 9M\n",
		 0);
	write_file("kache/kache.ini", text);
	load(&c, env);
	assert_int_equal(c.problem_count, 1);
	assert_non_null(strstr(config_problem(&c, 0), ".ini:2: line is too"));
	assert_string_equal(c.v[CONFIG_STORE_DIR].text, "/h/.cache/kache");
	assert_int_equal(c.v[CONFIG_STORE_MAX_SIZE].num, 9 << 20);
	remove_file("kache/kache.ini");
}

static void
a_named_file_must_be_there(void **state)
{
	char *env[] = { "HOME=/h", "KACHE_CONFIG=/nonexistent/k.ini", NULL };

	(void)state;
	load(&c, env);
	assert_int_equal(c.problem_count, 1);
	assert_non_null(strstr(config_problem(&c, 0), "/nonexistent/k.ini"));
	env[1] = "KACHE_CONFIG=k.ini";
	load(&c, env);
	assert_int_equal(c.problem_count, 1);
	assert_non_null(strstr(config_problem(&c, 0), "absolute"));
}

static void
a_directory_or_fifo_is_not_read(void **state)
{
	char path[64], own[80];
	char *env[] = { "HOME=/h", own, NULL };

	(void)state;
	snprintf(path, sizeof(path), "%s/fifo", dir);
	snprintf(own, sizeof(own), "KACHE_CONFIG=%s", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	load(&c, env);
	assert_int_equal(c.problem_count, 1);
	assert_non_null(strstr(config_problem(&c, 0), "not a regular file"));
	unlink(path);
	snprintf(own, sizeof(own), "KACHE_CONFIG=%s", dir);
	load(&c, env);
	assert_int_equal(c.problem_count, 1);
}

static void
problems_are_bounded(void **state)
{
	char *env[] = { "HOME=/h", NULL };
	char text[2000] = "[store]\n";
	size_t n = 8;
	int i;

	(void)state;
	for (i = 0; i < 50; i++, n += 9)
		memcpy(text + n, "nope = 1\n", 9);
	write_file("kache/kache.ini", text);
	load(&c, env);
	assert_int_equal(c.problem_count, 50);
	assert_non_null(config_problem(&c, CONFIG_PROBLEMS - 1));
	remove_file("kache/kache.ini");
}

static void
no_home_is_a_problem(void **state)
{
	char *env[] = { "HOME=relative", NULL };
	char *cache[] = { "KACHE_CACHE_DIR=/c", NULL };

	(void)state;
	load(&c, env);
	assert_string_equal(c.v[CONFIG_STORE_DIR].text, "");
	assert_int_equal(c.problem_count, 1);
	load(&c, cache);
	assert_string_equal(c.v[CONFIG_STORE_DIR].text, "/c");
	assert_int_equal(c.problem_count, 0);
}

static void
names_only_select_and_get_answers(void **state)
{
	char *names[] = { "KACHE_STORE_DIR=/evil", "HOME=/h",
			  "KACHE_CACHE_DIR=/evil", NULL };
	char *own[] = { "HOME=/h", NULL };
	struct config_source src = {
		.get = lookup, .ctx = own, .names = names, .sysconfdir = dir
	};

	(void)state;
	config_load(&c, &src);
	assert_string_equal(c.v[CONFIG_STORE_DIR].text, "/h/.cache/kache");
	assert_int_equal(c.problem_count, 0);
}

static void
guarded_names(void **state)
{
	(void)state;
	assert_true(config_guarded("KACHE_CACHE_DIR"));
	assert_true(config_guarded("KACHE_CONFIG"));
	assert_true(config_guarded("KACHE_STORE_DIR"));
	assert_true(config_guarded("KACHE_REMOTE_MAIN_URL"));
	assert_true(config_guarded("HOME"));
	assert_false(config_guarded("KACHE_LOG"));
	assert_false(config_guarded("KACHE_CONFIGURE"));
	assert_false(config_guarded("HOMER"));
}

static void
disabled_is_anything_but_0(void **state)
{
	char *env[] = { "HOME=/h", "KACHE_DISABLED=1", NULL };

	(void)state;
	load(&c, env);
	assert_true(c.disabled);
	env[1] = "KACHE_DISABLED=0";
	load(&c, env);
	assert_false(c.disabled);
	env[1] = "KACHE_DISABLED=";
	load(&c, env);
	assert_false(c.disabled);
}

static void
cache_home_by_system(void **state)
{
	char out[32];

	(void)state;
	assert_int_equal(config_cache_home("linux", "/x", "/h", out, 32), 0);
	assert_string_equal(out, "/x/kache");
	assert_int_equal(config_cache_home("darwin", NULL, "/h", out, 32), 0);
	assert_string_equal(out, "/h/Library/Caches/kache");
	assert_int_equal(config_cache_home("linux", "x", "/h", out, 32), 0);
	assert_string_equal(out, "/h/.cache/kache");
	assert_true(config_cache_home("linux", NULL, NULL, out, 32) < 0);
	assert_true(config_cache_home("linux", "/x", NULL, out, 8) < 0);
}

static void
a_remote_is_what_its_address_and_mode_say(void **state)
{
	static const struct {
		const char *url, *mode;
		bool any, reads, writes;
	} rows[] = {
		{ "", "rw", false, false, false },
		{ "s3://b/p", "rw", true, true, true },
		{ "file:///mnt/cache", "ro", true, true, false },
		{ "s3://b", "wo", true, false, true },
		{ "https://b", "rw", false, false, false },
	};
	char url[64], mode[64];
	char *env[] = { "HOME=/h", url, mode, NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(url, sizeof(url), "KACHE_REMOTE_MAIN_URL=%s",
			 rows[i].url);
		snprintf(mode, sizeof(mode), "KACHE_REMOTE_MAIN_MODE=%s",
			 rows[i].mode);
		load(&c, env);
		assert_int_equal(config_remote(&c), rows[i].any);
		assert_int_equal(config_remote_reads(&c), rows[i].reads);
		assert_int_equal(config_remote_writes(&c), rows[i].writes);
		assert_int_equal(c.problem_count, i == 4);
	}
}

static void
a_bad_address_names_file_and_line(void **state)
{
	char *env[] = { "HOME=/h", NULL };

	(void)state;
	write_file("kache/kache.ini", "[remote main]\n\nurl = s3:/oops\n");
	load(&c, env);
	remove_file("kache/kache.ini");
	assert_int_equal(c.problem_count, 1);
	assert_non_null(strstr(config_problem(&c, 0),
			       "kache.ini:3: [remote main] url: 's3:/oops' is "
			       "not s3://bucket/prefix or file:///directory"));
	assert_false(config_remote(&c));
}

static void
the_socket_lies_in_the_store_or_where_it_is_told(void **state)
{
	char *env[] = { "HOME=/h", "KACHE_DAEMON_SOCKET=~/d.sock", NULL };
	char out[32] = "untouched";

	(void)state;
	load(&c, env);
	assert_int_equal(config_socket(&c, "/cache", out, sizeof(out)), 0);
	assert_string_equal(out, "/h/d.sock");
	env[1] = NULL;
	load(&c, env);
	assert_int_equal(config_socket(&c, "/cache", out, sizeof(out)), 0);
	assert_string_equal(out, "/cache/daemon.sock");
	assert_true(config_socket(&c, "/cache", out, 18) < 0);
	assert_string_equal(out, "/cache/daemon.sock");
	assert_int_equal(config_socket(&c, "/cache", out, 19), 0);
}

static int
set_up(void **state)
{
	char path[64];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/kache", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/xdg", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/xdg/kache", dir);
	return mkdir(path, 0700);
}

static int64_t
in_ns(int64_t ms)
{
	struct config_value v = { .num = ms };

	return config_nanoseconds(&v);
}

/* Multiplied out, 999999d was less than nothing: all was past it. */
static void
no_time_is_too_long_to_count(void **state)
{
	int64_t ms;

	(void)state;
	assert_int_equal(in_ns(0), 0);
	assert_int_equal(in_ns(1500), INT64_C(1500000000));
	assert_int_equal(config_parse_duration("999999d", &ms), 0);
	assert_true(in_ns(ms) == INT64_MAX / 2);
	assert_true(in_ns(INT64_MAX) == INT64_MAX / 2);
	assert_true(in_ns(INT64_MAX / 2 / 1000000) > INT64_MAX / 2 - 1000000);
}

static int
tear_down(void **state)
{
	static const char *const sub[] = { "/kache", "/xdg/kache", "/xdg", "" };
	char path[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sub) / sizeof(sub[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, sub[i]);
		rmdir(path);
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_set_gives_defaults),
		cmocka_unit_test(every_default_parses),
		cmocka_unit_test(later_layers_win),
		cmocka_unit_test(bad_values_are_named_and_keep_the_default),
		cmocka_unit_test(long_lines_are_problems_not_short_values),
		cmocka_unit_test(a_named_file_must_be_there),
		cmocka_unit_test(a_directory_or_fifo_is_not_read),
		cmocka_unit_test(problems_are_bounded),
		cmocka_unit_test(no_home_is_a_problem),
		cmocka_unit_test(names_only_select_and_get_answers),
		cmocka_unit_test(guarded_names),
		cmocka_unit_test(disabled_is_anything_but_0),
		cmocka_unit_test(cache_home_by_system),
		cmocka_unit_test(no_time_is_too_long_to_count),
		cmocka_unit_test(a_remote_is_what_its_address_and_mode_say),
		cmocka_unit_test(a_bad_address_names_file_and_line),
		cmocka_unit_test(
			the_socket_lies_in_the_store_or_where_it_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
