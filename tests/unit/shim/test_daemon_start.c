/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/daemon_start.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static bool
wants(const char *name)
{
	return daemon_start_wanted(name, strlen(name));
}

static void
the_daemon_gets_what_its_work_needs(void **state)
{
	static const char *const yes[] = {
		"HOME",
		"PATH",
		"LC_ALL",
		"TZ",
		"XDG_RUNTIME_DIR",
		"KACHE_REMOTE_MAIN_URL",
		"AWS_SESSION_TOKEN",
		"HTTPS_PROXY",
		"no_proxy",
		"SSL_CERT_FILE",
		"CURL_CA_BUNDLE",
		"ACTIONS_ID_TOKEN_REQUEST_URL",
	};
	static const char *const no[] = {
		"",
		"HOMEX",
		"XHOME",
		"LC",
		"LD_PRELOAD",
		"RUSTFLAGS",
		"CARGO_HOME",
		"MAKEFLAGS",
		"GITHUB_TOKEN",
		"PROXY",
		"HTTPS_PROXYX",
		"XAWS_KEY",
		"SSL_CERT",
		"LD_AUDIT",
		"kache_x",
		"CARGO_MAKEFLAGS",
		"RUSTC_WRAPPER",
		"NOTIFY_SOCKET",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!wants(yes[i]))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (wants(no[i]))
			fail_msg("%s", no[i]);
	/* Only the name counts, whatever follows. */
	assert_true(daemon_start_wanted("HOME=/h", 4));
	assert_false(daemon_start_wanted("HOME=/h", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_daemon_gets_what_its_work_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
