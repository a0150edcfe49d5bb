/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* What is asked for at once, so that an announcement alone costs little. */
enum { STEP = 64 << 10 };

/* At least one byte, 0 at the end, or -errno. */
static ssize_t
receive_bytes(int fd, void *p, size_t n)
{
	ssize_t r;

	do
		r = recv(fd, p, n, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static uint32_t
length(const struct frame_in *in)
{
	return (uint32_t)in->head[0] | (uint32_t)in->head[1] << 8 |
	       (uint32_t)in->head[2] << 16 | (uint32_t)in->head[3] << 24;
}

static int
read_head(struct frame_in *in, int fd)
{
	while (in->head_len < sizeof(in->head)) {
		ssize_t r = receive_bytes(fd, in->head + in->head_len,
					  sizeof(in->head) - in->head_len);

		if (r == 0)
			return in->head_len == 0 ? ERR_MISS : ERR_CORRUPT;
		if (r < 0)
			return (int)r;
		in->head_len += (unsigned)r;
	}
	if (length(in) == 0)
		return ERR_CORRUPT;
	return length(in) > in->max ? ERR_TOOBIG : 0;
}

int
frame_read(struct frame_in *in, int fd)
{
	int r = read_head(in, fd);
	ssize_t got;

	if (r < 0)
		return r;
	while (in->body.len < length(in)) {
		size_t n = length(in) - in->body.len;
		char *p;

		n = n < STEP ? n : STEP;
		p = buf_room(&in->body, n);
		if (!p)
			return -ENOMEM;
		got = receive_bytes(fd, p, n);
		if (got == 0)
			return ERR_CORRUPT;
		if (got < 0)
			return (int)got;
		in->body.len += (size_t)got;
	}
	return 0;
}

void
frame_next(struct frame_in *in)
{
	in->head_len = 0;
	/* One large frame must not stay with an idle connection. */
	if (in->body.cap > 2 * STEP)
		buf_free(&in->body);
	else
		buf_reset(&in->body);
}

void
frame_in_free(struct frame_in *in)
{
	in->head_len = 0;
	buf_free(&in->body);
}

int
frame_put(struct frame_out *out, const void *p, size_t n, uint32_t max)
{
	uint8_t head[4];
	char *room;

	if (n == 0 || n > max)
		return ERR_TOOBIG;
	room = buf_room(&out->bytes, sizeof(head) + n);
	if (!room)
		return -ENOMEM;
	for (unsigned i = 0; i < sizeof(head); i++)
		head[i] = (uint8_t)(n >> (8 * i));
	memcpy(room, head, sizeof(head));
	memcpy(room + sizeof(head), p, n);
	out->bytes.len += sizeof(head) + n;
	return 0;
}

int
frame_flush(struct frame_out *out, int fd)
{
	while (out->sent < out->bytes.len) {
		ssize_t r = send(fd, out->bytes.p + out->sent,
				 out->bytes.len - out->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		out->sent += (size_t)r;
	}
	out->sent = 0;
	buf_reset(&out->bytes);
	return 0;
}

void
frame_out_free(struct frame_out *out)
{
	out->sent = 0;
	buf_free(&out->bytes);
}
