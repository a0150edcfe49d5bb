/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_RING_H
#define REMOTE_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The bytes of one GET on their way from a remote's thread (puts) to the
 * operation's owner (peeks, consumes).  Memory is taken slot by slot as it is
 * needed: a small object costs one.  Threads: one on each side.
 */
enum { RING_SLOTS = 4, RING_SLOT = 256 << 10 };

struct ring {
	pthread_mutex_t lock; /* a leaf */
	char *slot[RING_SLOTS];
	size_t head; /* the oldest byte */
	size_t used;
	bool refused; /* the putting side waits for room */
};

void ring_init(struct ring *r);
void ring_free(struct ring *r);

/* Puts all of P or nothing.  0; -EAGAIN: there is no room, and ring_consume
 * will say when there is; -ENOMEM; or ERR_TOOBIG: N is more than the ring can
 * ever hold. */
int ring_put(struct ring *r, const void *p, size_t n);

/* Gives at *P the next bytes that lie in one piece, and their number, 0 if
 * there are none now.  They stay until they are consumed. */
size_t ring_peek(struct ring *r, const void **p);

/* Gives N of the peeked bytes back.  True: there is room again for the side
 * that was refused; said once for each refusal. */
bool ring_consume(struct ring *r, size_t n);

#endif
