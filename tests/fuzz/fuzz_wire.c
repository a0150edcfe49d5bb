/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a stream of frames, and as one body of each direction.  What
 * is taken as a message must encode to a body that is taken as well.
 */
#include "base/buf.h"
#include "wire/frame.h"
#include "wire/message.h"

#include <assert.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
as_body(const void *p, size_t n, enum message_way way)
{
	struct buf lists = { 0 }, lists2 = { 0 }, out = { 0 };
	struct message m, again;

	if (message_decode(p, n, way, &lists, &m) == 0) {
		assert(message_encode(&m, &out) == 0);
		assert(message_decode(out.p, out.len, way, &lists2, &again) ==
		       0);
		assert(again.type == m.type);
		assert(lists2.len == lists.len);
	}
	buf_free(&lists);
	buf_free(&lists2);
	buf_free(&out);
}

static void
as_stream(const uint8_t *data, size_t size)
{
	struct frame_in in = { .max = FRAME_REQUEST_MAX };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return;
	if (send(fds[1], data, size, MSG_DONTWAIT) >= 0) {
		close(fds[1]);
		fds[1] = -1;
		while (frame_read(&in, fds[0]) == 0) {
			assert(in.body.len > 0 && in.body.len <= in.max);
			as_body(in.body.p, in.body.len, MESSAGE_TO_DAEMON);
			frame_next(&in);
		}
	}
	frame_in_free(&in);
	close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_body(data, size, MESSAGE_TO_DAEMON);
	as_body(data, size, MESSAGE_FROM_DAEMON);
	as_stream(data, size);
	return 0;
}
