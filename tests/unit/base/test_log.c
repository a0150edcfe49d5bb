/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/log.h"

#include "base/buf.h"
#include "base/file.h"

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

static void
lines_pass_by_level_and_are_one_line(void **state)
{
	char dir[] = "/tmp/kache-test-XXXXXX";
	struct buf b = { 0 };
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	log_open(path, LOG_WARN);
	log_msg(LOG_INFO, "too quiet");
	assert_int_equal(access(path, F_OK), -1);
	log_msg(LOG_WARN, "two\nlines %d", 7);
	log_msg(LOG_ERROR, "second");
	assert_int_equal(file_read(AT_FDCWD, path, 4096, &b), 0);
	assert_null(strstr(b.p, "quiet"));
	assert_non_null(strstr(b.p, "two"));
	assert_non_null(strstr(b.p, "lines 7\n"));
	assert_null(strstr(b.p, "two\n"));
	assert_non_null(strstr(b.p, "second\n"));
	buf_free(&b);
	log_open(NULL, LOG_DEBUG);
	log_msg(LOG_ERROR, "nowhere");
	unlink(path);
	rmdir(dir);
}

static void
no_log_is_no_trouble(void **state)
{
	(void)state;
	log_open("/nonexistent/log", LOG_DEBUG);
	log_msg(LOG_ERROR, "lost");
	log_open("/dev/full", LOG_DEBUG);
	log_msg(LOG_ERROR, "lost too");
	log_open(NULL, LOG_ERROR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_pass_by_level_and_are_one_line),
		cmocka_unit_test(no_log_is_no_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
