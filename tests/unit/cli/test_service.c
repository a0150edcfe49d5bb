/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/service.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static bool
has(const struct buf *b, const char *line)
{
	const char *at = strstr(b->p, line);

	return at && (at == b->p || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static void
odd_paths_are_quoted(void **state)
{
	char *env[] = { NULL };
	struct buf b = { 0 };

	(void)state;
	service_unit("/opt/a b/100%/$x/\"q\"\\kached", env, &b);
	assert_true(has(&b, "ExecStart=\"/opt/a b/100%%/$$x/"
			    "\\\"q\\\"\\\\kached\""));
	buf_reset(&b);
	service_socket("/a b/50%/daemon.sock", &b);
	assert_true(has(&b, "ListenStream=/a b/50%%/daemon.sock"));
	assert_true(has(&b, "SocketMode=0600"));
	buf_free(&b);
}

static void
only_our_variables_travel(void **state)
{
	char *env[] = { (char *)"PATH=/bin",
			(char *)"KACHE_CACHE_DIR=/c/$d",
			(char *)"AWS_SECRET_ACCESS_KEY=secret",
			(char *)"KACHE_X=a\nExecStart=/evil",
			(char *)"XKACHE_Y=1",
			NULL };
	struct buf b = { 0 };

	(void)state;
	service_unit("/k", env, &b);
	assert_true(has(&b, "Environment=\"KACHE_CACHE_DIR=/c/$d\""));
	assert_null(strstr(b.p, "secret"));
	assert_null(strstr(b.p, "evil"));
	assert_null(strstr(b.p, "PATH"));
	assert_null(strstr(b.p, "XKACHE"));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_paths_are_quoted),
		cmocka_unit_test(only_our_variables_travel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
