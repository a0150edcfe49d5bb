/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/upload_policy.h"

#include <string.h>

static const char *
look_up(void *ctx, const char *name)
{
	const char *const *env = ctx;

	for (; *env; env += 2)
		if (!strcmp(env[0], name))
			return env[1];
	return NULL;
}

static bool
writes(const char *const *env)
{
	return upload_policy_auto(look_up, (void *)env);
}

#define ENV(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
at_home_it_writes(void **state)
{
	(void)state;
	assert_true(writes(ENV("HOME", "/home/u")));
	assert_true(writes(ENV("CI", "")));
	assert_true(writes(ENV("CI", "false")));
	assert_true(writes(ENV("GITHUB_REF_PROTECTED", "false")));
}

static void
github_writes_from_protected_pushes_only(void **state)
{
	(void)state;
	assert_true(writes(ENV("CI", "true", "GITHUB_ACTIONS", "true",
			       "GITHUB_REF_PROTECTED", "true",
			       "GITHUB_EVENT_NAME", "push")));
	assert_false(writes(ENV("CI", "true", "GITHUB_ACTIONS", "true",
				"GITHUB_REF_PROTECTED", "false",
				"GITHUB_EVENT_NAME", "push")));
	assert_false(writes(ENV("CI", "true", "GITHUB_ACTIONS", "true",
				"GITHUB_EVENT_NAME", "push")));
	assert_false(writes(ENV("CI", "true", "GITHUB_ACTIONS", "true",
				"GITHUB_REF_PROTECTED", "true",
				"GITHUB_EVENT_NAME", "pull_request")));
	assert_false(writes(ENV("CI", "true", "GITHUB_ACTIONS", "true",
				"GITHUB_REF_PROTECTED", "true",
				"GITHUB_EVENT_NAME", "pull_request_target")));
}

static void
gitlab_likewise(void **state)
{
	(void)state;
	assert_true(writes(ENV("CI", "true", "GITLAB_CI", "true",
			       "CI_COMMIT_REF_PROTECTED", "true",
			       "CI_PIPELINE_SOURCE", "push")));
	assert_false(writes(ENV("CI", "true", "GITLAB_CI", "true",
				"CI_COMMIT_REF_PROTECTED", "false")));
	assert_false(writes(ENV("CI", "true", "GITLAB_CI", "true",
				"CI_COMMIT_REF_PROTECTED", "true",
				"CI_PIPELINE_SOURCE", "merge_request_event")));
}

static void
other_ci_does_not_write(void **state)
{
	(void)state;
	assert_false(writes(ENV("CI", "true")));
	assert_false(writes(ENV("CI", "1")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_home_it_writes),
		cmocka_unit_test(github_writes_from_protected_pushes_only),
		cmocka_unit_test(gitlab_likewise),
		cmocka_unit_test(other_ci_does_not_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
