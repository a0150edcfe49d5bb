/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/unpack_slots.h"

#include "work/queue.h"

#include <stddef.h>

enum { PLACES_MIN = 16 };

void
unpack_slots_init(struct unpack_slots *d, struct queue *q)
{
	unsigned n = 2 * queue_workers(q);

	d->queue = q;
	d->places = n > PLACES_MIN ? n : PLACES_MIN;
	d->first = NULL;
	d->last = &d->first;
	pthread_mutex_init(&d->lock, NULL);
}

void
unpack_slots_release(struct unpack_slots *d)
{
	pthread_mutex_destroy(&d->lock);
}

bool
unpack_slots_try(struct unpack_slots *d)
{
	bool got;

	pthread_mutex_lock(&d->lock);
	got = d->places > 0;
	d->places -= got;
	pthread_mutex_unlock(&d->lock);
	return got;
}

bool
unpack_slots_wait(struct unpack_slots *d, struct unpack_turn *t)
{
	bool got;

	pthread_mutex_lock(&d->lock);
	if (!t->given && !t->waiting && d->places > 0) {
		d->places--;
		t->given = true;
	}
	got = t->given;
	if (!got && !t->waiting) {
		t->waiting = true;
		t->next = NULL;
		*d->last = t;
		d->last = &t->next;
	}
	pthread_mutex_unlock(&d->lock);
	return got;
}

bool
unpack_slots_leave(struct unpack_slots *d, struct unpack_turn *t)
{
	struct unpack_turn **at = &d->first;
	bool given;

	pthread_mutex_lock(&d->lock);
	if (t->waiting) {
		while (*at != t)
			at = &(*at)->next;
		*at = t->next;
		if (d->last == &t->next)
			d->last = at;
		t->waiting = false;
	}
	given = t->given;
	t->given = false;
	pthread_mutex_unlock(&d->lock);
	return given;
}

void
unpack_slots_give(struct unpack_slots *d)
{
	struct unpack_turn *t;

	pthread_mutex_lock(&d->lock);
	t = d->first;
	if (t) {
		d->first = t->next;
		if (!d->first)
			d->last = &d->first;
		t->waiting = false;
		t->given = true;
		/* With the lock: T may not go before it is posted. */
		queue_post(d->queue, t->job);
	} else {
		d->places++;
	}
	pthread_mutex_unlock(&d->lock);
}
