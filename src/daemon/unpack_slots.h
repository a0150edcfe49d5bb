/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_UNPACK_SLOTS_H
#define DAEMON_UNPACK_SLOTS_H

#include <pthread.h>
#include <stdbool.h>

struct queue;
struct queue_job;

/* Limits how many packs are decoded at once, since each needs a window of 2
 * MiB: twice the number of workers, at least 16. A fetch without a slot keeps
 * what arrives in a file until it gets one. Threads: any. */
struct unpack_turn {
	struct unpack_turn *next;
	struct queue_job *job; /* posted when it has a place */
	bool waiting;          /* the lock's */
	bool given;
};

struct unpack_slots {
	struct queue *queue;
	pthread_mutex_t lock; /* a leaf but for the queue's */
	unsigned places;
	struct unpack_turn *first, **last;
};

void unpack_slots_init(struct unpack_slots *d, struct queue *q);
void unpack_slots_release(struct unpack_slots *d);

/* A place at once, or none. */
bool unpack_slots_try(struct unpack_slots *d);

/* True: T has a slot, now or since it was posted. False: T's job will be posted
 * when it has one. */
bool unpack_slots_wait(struct unpack_slots *d, struct unpack_turn *t);

/*
 * T no longer waits. True: it had already got a slot, which must be given back.
 */
bool unpack_slots_leave(struct unpack_slots *d, struct unpack_turn *t);

/* Gives a place back. */
void unpack_slots_give(struct unpack_slots *d);

#endif
