/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "work/pool.h"

#include "base/thread_background.h"
#include "work/queue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct pool {
	struct queue *queue;
	pthread_mutex_t lock;
	pthread_cond_t decided; /* gate is no longer SHUT */
	enum { SHUT, OPEN, ABANDONED } gate;
	unsigned count;
	pthread_t threads[];
};

/* Workers wait until all are there: a queue cannot be taken back from some
 * of them while it is still open. */
static bool
pass_gate(struct pool *p)
{
	bool open;

	pthread_mutex_lock(&p->lock);
	while (p->gate == SHUT)
		pthread_cond_wait(&p->decided, &p->lock);
	open = p->gate == OPEN;
	pthread_mutex_unlock(&p->lock);
	return open;
}

static void *
demand_worker(void *arg)
{
	struct pool *p = arg;

	if (pass_gate(p))
		while (queue_turn_lane(p->queue, QUEUE_DEMAND))
			;
	return NULL;
}

static void *
background_worker(void *arg)
{
	struct pool *p = arg;

	thread_background();
	if (pass_gate(p))
		while (queue_turn_lane(p->queue, QUEUE_BACKGROUND))
			;
	return NULL;
}

static int
start_threads(struct pool *p, unsigned demand, unsigned background)
{
	sigset_t all, old;
	int r = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (r == 0 && p->count < demand + background) {
		r = pthread_create(&p->threads[p->count], NULL,
				   p->count < demand ? demand_worker
						     : background_worker,
				   p);
		if (r != 0)
			break;
		pthread_setname_np(p->threads[p->count], "kache-work");
		p->count++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_mutex_lock(&p->lock);
	p->gate = r == 0 ? OPEN : ABANDONED;
	pthread_cond_broadcast(&p->decided);
	pthread_mutex_unlock(&p->lock);
	return -r;
}

static void
join_and_free(struct pool *p)
{
	for (unsigned i = 0; i < p->count; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->decided);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int
pool_start(struct queue *q, struct pool **out)
{
	unsigned n = queue_workers(q), low = n / 2;
	struct pool *p =
		calloc(1, sizeof(*p) + (n + low) * sizeof(p->threads[0]));
	int r;

	if (!p)
		return -ENOMEM;
	p->queue = q;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->decided, NULL);
	r = start_threads(p, n, low);
	if (r < 0)
		join_and_free(p);
	else
		*out = p;
	return r;
}

void
pool_stop(struct pool *p)
{
	queue_close(p->queue, QUEUE_DEMAND);
	queue_close(p->queue, QUEUE_BACKGROUND);
	queue_drop(p->queue, QUEUE_BACKGROUND);
	join_and_free(p);
}
