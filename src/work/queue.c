/* SPDX-License-Identifier: Apache-2.0 */
#include "work/queue.h"

#include "base/err.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum state {
	OUTSIDE, /* not admitted, or done */
	FRESH,   /* in the lane's list `fresh`: has not begun */
	READY,   /* in the lane's list `ready`: has begun */
	PARKED,  /* waits for a post */
	RUNNING, /* in a step */
	AGAIN    /* in a step, and posted meanwhile */
};

struct list {
	struct queue_job *head;
	struct queue_job *tail;
	unsigned count;
};

struct lane {
	struct list fresh;
	struct list ready;
	unsigned admitted;
	unsigned bound;
	unsigned running;
	unsigned running_max;
	bool closed;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t takeable; /* a worker may take a job, or all is over */
	pthread_cond_t empty;    /* no job is admitted */
	struct lane lanes[QUEUE_LANES];
	unsigned workers;
};

static void
append(struct list *l, struct queue_job *job)
{
	job->next = NULL;
	job->prev = l->tail;
	if (l->tail)
		l->tail->next = job;
	else
		l->head = job;
	l->tail = job;
	l->count++;
}

static void
take_out(struct list *l, struct queue_job *job)
{
	if (job->prev)
		job->prev->next = job->next;
	else
		l->head = job->next;
	if (job->next)
		job->next->prev = job->prev;
	else
		l->tail = job->prev;
	job->prev = NULL;
	job->next = NULL;
	l->count--;
}

/* The list a job in STATE is in, or NULL. */
static struct list *
list_of(struct queue *q, const struct queue_job *job)
{
	struct lane *lane = &q->lanes[job->lane];

	if (job->state == FRESH)
		return &lane->fresh;
	return job->state == READY ? &lane->ready : NULL;
}

static void
enqueue(struct queue *q, struct queue_job *job, enum state state)
{
	job->state = state;
	append(list_of(q, job), job);
	pthread_cond_broadcast(&q->takeable);
}

int
queue_open(const struct queue_opts *opts, struct queue **out)
{
	struct queue *q = calloc(1, sizeof(*q));
	pthread_condattr_t attr;

	if (!q)
		return -ENOMEM;
	q->workers = opts->workers < 2 ? 2 : opts->workers;
	for (int i = 0; i < QUEUE_LANES; i++)
		q->lanes[i].bound = opts->bound[i] ? opts->bound[i] : 1;
	q->lanes[QUEUE_DEMAND].running_max = q->workers;
	q->lanes[QUEUE_BACKGROUND].running_max = q->workers / 2;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->takeable, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->empty, &attr);
	pthread_condattr_destroy(&attr);
	*out = q;
	return 0;
}

void
queue_free(struct queue *q)
{
	if (!q)
		return;
	pthread_cond_destroy(&q->empty);
	pthread_cond_destroy(&q->takeable);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

unsigned
queue_workers(const struct queue *q)
{
	return q->workers;
}

int
queue_admit(struct queue *q, struct queue_job *job, enum queue_lane lane)
{
	struct lane *l = &q->lanes[lane];
	int r = 0;

	pthread_mutex_lock(&q->lock);
	if (l->closed) {
		r = -ECANCELED;
	} else if (l->admitted >= l->bound) {
		r = ERR_BUSY;
	} else {
		l->admitted++;
		job->lane = lane;
		enqueue(q, job, FRESH);
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

void
queue_post(struct queue *q, struct queue_job *job)
{
	pthread_mutex_lock(&q->lock);
	if (job->state == PARKED)
		enqueue(q, job, READY);
	else if (job->state == RUNNING)
		job->state = AGAIN;
	pthread_mutex_unlock(&q->lock);
}

void
queue_move(struct queue *q, struct queue_job *job, enum queue_lane lane)
{
	pthread_mutex_lock(&q->lock);
	if (job->state != OUTSIDE && job->lane != lane) {
		struct list *l = list_of(q, job);

		if (l)
			take_out(l, job);
		q->lanes[job->lane].admitted--;
		q->lanes[lane].admitted++;
		job->lane = lane;
		if (l)
			enqueue(q, job, job->state);
	}
	pthread_mutex_unlock(&q->lock);
}

static bool
over(const struct queue *q)
{
	return q->lanes[QUEUE_DEMAND].closed &&
	       q->lanes[QUEUE_BACKGROUND].closed &&
	       q->lanes[QUEUE_DEMAND].admitted == 0 &&
	       q->lanes[QUEUE_BACKGROUND].admitted == 0;
}

/* Called with the lock held when a job has left or a lane was closed. */
static void
tell_waiters(struct queue *q)
{
	if (q->lanes[QUEUE_DEMAND].admitted == 0 &&
	    q->lanes[QUEUE_BACKGROUND].admitted == 0)
		pthread_cond_broadcast(&q->empty);
	if (over(q))
		pthread_cond_broadcast(&q->takeable);
}

/*
 * Lets JOB go.  Called with the lock held, which it drops around the call of
 * `done`: the slot is given back only after that, so an empty queue means
 * that every `done` has returned.
 */
static void
retire(struct queue *q, struct queue_job *job, int result)
{
	struct lane *lane = &q->lanes[job->lane];

	job->state = OUTSIDE;
	pthread_mutex_unlock(&q->lock);
	job->done(job, result);
	pthread_mutex_lock(&q->lock);
	lane->admitted--;
	tell_waiters(q);
}

bool
queue_withdraw(struct queue *q, struct queue_job *job)
{
	bool fresh;

	pthread_mutex_lock(&q->lock);
	fresh = job->state == FRESH;
	if (fresh) {
		take_out(list_of(q, job), job);
		retire(q, job, -ECANCELED);
	}
	pthread_mutex_unlock(&q->lock);
	return fresh;
}

void
queue_drop(struct queue *q, enum queue_lane lane)
{
	struct list *l = &q->lanes[lane].fresh;

	pthread_mutex_lock(&q->lock);
	while (l->head) {
		struct queue_job *job = l->head;

		take_out(l, job);
		retire(q, job, -ECANCELED);
	}
	pthread_mutex_unlock(&q->lock);
}

void
queue_close(struct queue *q, enum queue_lane lane)
{
	pthread_mutex_lock(&q->lock);
	q->lanes[lane].closed = true;
	tell_waiters(q);
	pthread_mutex_unlock(&q->lock);
}

static struct timespec
after(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000L;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

int
queue_drain(struct queue *q, int timeout_ms)
{
	struct timespec end = after(timeout_ms < 0 ? 0 : timeout_ms);
	bool busy;
	int r = 0;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		busy = q->lanes[QUEUE_DEMAND].admitted != 0 ||
		       q->lanes[QUEUE_BACKGROUND].admitted != 0;
		if (!busy || r == ETIMEDOUT)
			break;
		if (timeout_ms < 0)
			pthread_cond_wait(&q->empty, &q->lock);
		else
			r = pthread_cond_timedwait(&q->empty, &q->lock, &end);
	}
	pthread_mutex_unlock(&q->lock);
	return busy ? ERR_TIMEOUT : 0;
}

struct queue_depth
queue_depth(struct queue *q, enum queue_lane lane)
{
	struct queue_depth d;

	pthread_mutex_lock(&q->lock);
	d.admitted = q->lanes[lane].admitted;
	d.waiting = q->lanes[lane].fresh.count;
	pthread_mutex_unlock(&q->lock);
	return d;
}

/* The next job by rank, of a lane in LANES (bits), taken out of its list, or
 * NULL. */
static struct queue_job *
pick(struct queue *q, unsigned lanes)
{
	for (int i = 0; i < QUEUE_LANES; i++) {
		struct lane *lane = &q->lanes[i];
		struct list *l = lane->ready.head ? &lane->ready : &lane->fresh;
		struct queue_job *job = l->head;

		if (job && (lanes & 1u << i) &&
		    lane->running < lane->running_max) {
			take_out(l, job);
			return job;
		}
	}
	return NULL;
}

/* After a step: called and left with the lock held. */
static void
settle(struct queue *q, struct queue_job *job, enum queue_step step)
{
	if (step == QUEUE_DONE)
		retire(q, job, 0);
	else if (job->state == AGAIN)
		enqueue(q, job, READY);
	else
		job->state = PARKED;
}

static bool
turn(struct queue *q, unsigned lanes)
{
	struct queue_job *job;
	struct lane *lane;
	enum queue_step step;

	pthread_mutex_lock(&q->lock);
	job = pick(q, lanes);
	while (!job && !over(q)) {
		pthread_cond_wait(&q->takeable, &q->lock);
		job = pick(q, lanes);
	}
	if (job) {
		lane = &q->lanes[job->lane];
		lane->running++;
		job->state = RUNNING;
		pthread_mutex_unlock(&q->lock);
		step = job->run(job);
		pthread_mutex_lock(&q->lock);
		settle(q, job, step);
		lane->running--;
		/* Workers may be asleep over jobs this lane had no right to
		 * run a moment ago, and the caller may take another lane's. */
		if (lane->ready.head || lane->fresh.head)
			pthread_cond_broadcast(&q->takeable);
	}
	pthread_mutex_unlock(&q->lock);
	return job != NULL;
}

bool
queue_turn(struct queue *q)
{
	return turn(q, 1u << QUEUE_DEMAND | 1u << QUEUE_BACKGROUND);
}

bool
queue_turn_lane(struct queue *q, enum queue_lane lane)
{
	return turn(q, 1u << lane);
}
