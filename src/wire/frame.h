/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h" /* allow: value */

/*
 * Length-prefixed frames over a non-blocking stream socket (PROTOCOL).
 * Nothing here waits: -EAGAIN says to poll and call again.  Threads: owner.
 */
enum { FRAME_REQUEST_MAX = 1 << 20, FRAME_ANSWER_MAX = 16 << 20 };

/* One direction of reading.  Zero but for `max` to begin with. */
struct frame_in {
	uint32_t max;
	uint8_t head[4];
	unsigned head_len; /* bytes of it that are here */
	struct buf body;   /* the frame, once frame_read has said 0 */
};

/*
 * Goes on reading the frame; never reads beyond it.  0: it is whole, and
 * frame_next makes room for another.  -EAGAIN; ERR_MISS: the peer closed
 * between frames; ERR_CORRUPT: within one, or an empty frame; ERR_TOOBIG:
 * over max; or -errno.
 */
int frame_read(struct frame_in *in, int fd);
void frame_next(struct frame_in *in);
void frame_in_free(struct frame_in *in);

/* One direction of writing: frames that wait to be sent.  Zero is empty. */
struct frame_out {
	struct buf bytes;
	size_t sent;
};

/* Adds a frame of N bytes, at most MAX (else ERR_TOOBIG).  0 or -ENOMEM. */
int frame_put(struct frame_out *out, const void *p, size_t n, uint32_t max);

/* Sends what it can.  0: nothing is left; -EAGAIN; or -errno. */
int frame_flush(struct frame_out *out, int fd);
void frame_out_free(struct frame_out *out);

#endif
