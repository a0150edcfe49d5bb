/* SPDX-License-Identifier: Apache-2.0 */
#include "key/secret_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
secrets_by_name(void **state)
{
	(void)state;
	assert_true(secret_name_is("NPM_TOKEN", NULL));
	assert_true(secret_name_is("my_token_x", NULL));
	assert_true(secret_name_is("DB_PASSWD", NULL));
	assert_true(secret_name_is("DB_PASSWORD", NULL));
	assert_true(secret_name_is("CLIENT_SECRET_2", NULL));
	assert_true(secret_name_is("Credentials", NULL));
	assert_true(secret_name_is("API_KEY", NULL));
	assert_true(secret_name_is("AWS_REGION", NULL));
	assert_true(secret_name_is("ACTIONS_RUNTIME_URL", NULL));
	assert_true(secret_name_is("CARGO_REGISTRIES_MINE_INDEX", NULL));
	assert_true(secret_name_is("CARGO_REGISTRY_TOKEN", NULL));
	assert_false(secret_name_is("CARGO_PKG_NAME", NULL));
	assert_false(secret_name_is("OUT_DIR", NULL));
	assert_false(secret_name_is("API_KEYS", NULL));
	assert_false(secret_name_is("KEY", NULL));
	assert_false(secret_name_is("", NULL));
}

static void
secrets_of_the_user(void **state)
{
	(void)state;
	assert_true(secret_name_is("LICENSE", "FOO_*, license"));
	assert_true(secret_name_is("FOO_BAR", "FOO_*, license"));
	assert_true(secret_name_is("A_FOO_B_BAR_C", "*FOO*BAR*C"));
	assert_false(secret_name_is("A_FOO_B_BAR_D", "*FOO*BAR*C"));
	assert_false(secret_name_is("FOO", "FOO_*,,  ,LICENSE"));
	assert_false(secret_name_is("", " , "));
	assert_true(secret_name_is("X", "*"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_by_name),
		cmocka_unit_test(secrets_of_the_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
