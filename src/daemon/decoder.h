/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DECODER_H
#define DAEMON_DECODER_H

#include <pthread.h>
#include <stdbool.h>

struct queue;
struct queue_job;

/*
 * A pack that is being decoded costs a window of 2 MiB, so only so many are at
 * one time: twice the workers, at least 16.  Who gets no place keeps what
 * comes in a file, and waits for one with all of it.  Threads: any.
 */
struct decoder_turn {
	struct decoder_turn *next;
	struct queue_job *job; /* posted when it has a place */
	bool waiting;          /* the lock's */
	bool given;
};

struct decoders {
	struct queue *queue;
	pthread_mutex_t lock; /* a leaf but for the queue's */
	unsigned places;
	struct decoder_turn *first, **last;
};

void decoder_init(struct decoders *d, struct queue *q);
void decoder_release(struct decoders *d);

/* A place at once, or none. */
bool decoder_try(struct decoders *d);

/* True: T has a place, now or since it was posted.  False: T's job will be
 * posted when it has. */
bool decoder_wait(struct decoders *d, struct decoder_turn *t);

/* T waits no more.  True: it had got a place already, which is owed. */
bool decoder_leave(struct decoders *d, struct decoder_turn *t);

/* Gives a place back. */
void decoder_give(struct decoders *d);

#endif
