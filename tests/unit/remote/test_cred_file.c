/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/cred_file.h"

#include "base/err.h"
#include "remote/cred_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char seen[8192];

static void
note(void *ctx, const char *key, const char *v)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof(seen) - n, "%s=%s\n", key, v);
}

static bool
parse(const char *text, const char *profile, bool config)
{
	seen[0] = '\0';
	return cred_file_text(text, strlen(text), profile, config, note, NULL);
}

static void
one_section_is_told(void **state)
{
	static const char text[] = "# comment\n[default]\na = 1\n; no\n\n"
				   "[ other ]\nb=2 ;x #y\r\nc\n = \n"
				   "s3 =\n  d = 4\n[default]\ne = f=g";

	(void)state;
	assert_true(parse(text, "default", false));
	assert_string_equal(seen, "a=1\ne=f=g\n");
	assert_true(parse(text, "other", false));
	assert_string_equal(seen, "b=2 ;x #y\ns3=\n");
	assert_false(parse(text, "none", false));
	assert_string_equal(seen, "");
}

static void
config_names_profiles_otherwise(void **state)
{
	static const char text[] = "[x]\na=1\n[profile x]\na=2\n[default]\n"
				   "a=3\n[profilex]\na=4\n[sso-session x]\na=5";

	(void)state;
	assert_true(parse(text, "x", true));
	assert_string_equal(seen, "a=2\n");
	assert_true(parse(text, "default", true));
	assert_string_equal(seen, "a=3\n");
}

static void
long_tokens_are_whole_longer_lines_left_out(void **state)
{
	size_t room = CRED_FILE_LINE + 200;
	char *text = calloc(1, room);

	(void)state;
	snprintf(text, room, "[p]\nt=%05000d\nu=1\n", 7);
	assert_true(parse(text, "p", false));
	assert_int_equal(strlen(seen), 5007);
	snprintf(text, room, "[p]\nt=%0*d\nu=1\n", CRED_FILE_LINE, 7);
	assert_true(parse(text, "p", false));
	assert_string_equal(seen, "u=1\n");
	free(text);
}

static char dir[] = "/tmp/kache-credfile-XXXXXX";
static const char *asked;

static const char *
get(const char *name)
{
	static char file[64];

	if (strcmp(name, "AWS_PROFILE") == 0)
		return asked;
	if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") != 0)
		return NULL;
	snprintf(file, sizeof(file), "%s/credentials", dir);
	return file;
}

static int
load(const char *text, const char *profile, struct cred_value *v, char *why)
{
	struct cred_opts o = { .get = get, .profile = profile };
	const char *path = get("AWS_SHARED_CREDENTIALS_FILE");
	FILE *f = fopen(path, "w");
	int rc;

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	rc = cred_file_load(&o, v, why, 200);
	unlink(path);
	return rc;
}

static void
a_profile_gives_its_keys(void **state)
{
	static const char text[] =
		"[default]\naws_access_key_id=A\naws_secret_access_key=S\n"
		"[b]\naws_access_key_id=B\naws_secret_access_key=T\n"
		"aws_session_token=U\n[half]\naws_access_key_id=H\n[none]\n";
	struct cred_value v = { 0 };
	char why[200] = "";

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(load(text, "", &v, why), 0);
	assert_string_equal(v.key, "A");
	assert_null(v.token);
	cred_value_release(&v);
	asked = "b";
	assert_int_equal(load(text, "", &v, why), 0);
	assert_string_equal(v.secret, "T");
	assert_string_equal(v.token, "U");
	cred_value_release(&v);
	assert_int_equal(load(text, "half", &v, why), ERR_REFUSED);
	assert_non_null(strstr(why, "half a key"));
	assert_int_equal(load(text, "zz", &v, why), ERR_REFUSED);
	assert_non_null(strstr(why, "no profile 'zz'"));
	assert_int_equal(load(text, "none", &v, why), ERR_MISS);
	assert_null(v.key);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_section_is_told),
		cmocka_unit_test(config_names_profiles_otherwise),
		cmocka_unit_test(long_tokens_are_whole_longer_lines_left_out),
		cmocka_unit_test(a_profile_gives_its_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
