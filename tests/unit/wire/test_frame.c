/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "wire/frame.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fds[2];

static int
connect_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}

static int
close_pair(void **state)
{
	(void)state;
	close(fds[0]);
	return close(fds[1]);
}

static void
frames_come_back_byte_by_byte(void **state)
{
	static const char bytes[] = "\3\0\0\0abc\1\0\0\0d";
	struct frame_in in = { .max = 3 };

	(void)state;
	for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
		assert_int_equal(frame_read(&in, fds[0]), -EAGAIN);
		assert_int_equal(write(fds[1], bytes + i, 1), 1);
		if (i != 6)
			continue;
		assert_int_equal(frame_read(&in, fds[0]), 0);
		assert_int_equal(in.body.len, 3);
		assert_memory_equal(in.body.p, "abc", 3);
		frame_next(&in);
	}
	assert_int_equal(frame_read(&in, fds[0]), 0);
	assert_int_equal(in.body.len, 1);
	frame_in_free(&in);
}

static void
a_large_frame_needs_many_turns(void **state)
{
	struct frame_in in = { .max = FRAME_REQUEST_MAX };
	struct frame_out out = { 0 };
	char *p = malloc(FRAME_REQUEST_MAX);
	int sent = -EAGAIN, got = -EAGAIN, turns = 0;

	(void)state;
	for (size_t i = 0; i < FRAME_REQUEST_MAX; i++)
		p[i] = (char)(i * 31 >> 7);
	assert_int_equal(
		frame_put(&out, p, FRAME_REQUEST_MAX, FRAME_REQUEST_MAX), 0);
	for (; got == -EAGAIN; turns++) {
		if (sent == -EAGAIN)
			sent = frame_flush(&out, fds[1]);
		got = frame_read(&in, fds[0]);
	}
	assert_int_equal(sent, 0);
	assert_int_equal(got, 0);
	assert_true(turns > 1);
	assert_int_equal(in.body.len, FRAME_REQUEST_MAX);
	assert_memory_equal(in.body.p, p, FRAME_REQUEST_MAX);
	frame_next(&in);
	assert_int_equal(in.body.cap, 0);
	frame_in_free(&in);
	frame_out_free(&out);
	free(p);
}

static void
an_announcement_takes_no_memory(void **state)
{
	struct frame_in in = { .max = FRAME_ANSWER_MAX };

	(void)state;
	assert_int_equal(write(fds[1], "\0\0\0\1", 4), 4);
	assert_int_equal(frame_read(&in, fds[0]), -EAGAIN);
	assert_true(in.body.cap < 1 << 18);
	close(fds[1]);
	fds[1] = dup(fds[0]);
	assert_int_equal(frame_read(&in, fds[0]), ERR_CORRUPT);
	frame_in_free(&in);
}

static void
bad_lengths_are_refused(void **state)
{
	struct frame_in in = { .max = 16 };
	struct frame_out out = { 0 };

	(void)state;
	assert_int_equal(write(fds[1], "\21\0\0\0", 4), 4);
	assert_int_equal(frame_read(&in, fds[0]), ERR_TOOBIG);
	frame_next(&in);
	assert_int_equal(write(fds[1], "\0\0\0\0", 4), 4);
	assert_int_equal(frame_read(&in, fds[0]), ERR_CORRUPT);
	frame_in_free(&in);
	assert_int_equal(frame_put(&out, "x", 0, 16), ERR_TOOBIG);
	assert_int_equal(frame_put(&out, "12345", 5, 4), ERR_TOOBIG);
	assert_int_equal(out.bytes.len, 0);
	frame_out_free(&out);
}

static void
a_closed_peer_is_told_apart(void **state)
{
	struct frame_in in = { .max = 16 };
	struct frame_out out = { 0 };

	(void)state;
	assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	assert_int_equal(frame_read(&in, fds[0]), ERR_MISS);
	assert_int_equal(frame_put(&out, "x", 1, 16), 0);
	/* No SIGPIPE. */
	assert_int_equal(frame_flush(&out, fds[1]), -EPIPE);
	frame_out_free(&out);
}

int
main(void)
{
#define PAIR(f) cmocka_unit_test_setup_teardown(f, connect_pair, close_pair)
	const struct CMUnitTest tests[] = {
		PAIR(frames_come_back_byte_by_byte),
		PAIR(a_large_frame_needs_many_turns),
		PAIR(an_announcement_takes_no_memory),
		PAIR(bad_lengths_are_refused),
		PAIR(a_closed_peer_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
