/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORK_QUEUE_H
#define WORK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The bounded queue between those who want work done and the pool. It does not
 * know what the work is and starts no thread.
 *
 * A job is admitted once, runs in one or more steps, and is done once. Between
 * two steps it is parked: it holds no thread, and whoever it waits for posts
 * it. The bound of a lane counts admitted jobs, so work is refused only at the
 * door. A job contains its links, so posting never allocates, waits for room or
 * fails. No two workers run one job: posts that arrive while it runs or waits
 * for a worker merge into one further step. Demand goes before background,
 * started jobs before new ones, otherwise first come, first served. The
 * background never gets more than half of the workers.
 *
 * Threads: any, except where a worker is named. One lock; it is a leaf, and
 * callbacks are called without it.
 */
enum queue_lane { QUEUE_DEMAND, QUEUE_BACKGROUND, QUEUE_LANES };

/* What a step says about its job.  After QUEUE_PARK it may already be
 * running again elsewhere: the step touches nothing of it once it has told
 * anybody who may post. */
enum queue_step { QUEUE_PARK, QUEUE_DONE };

struct queue_job {
	/* One step, on a worker.  Never waits for socket, transfer or lock. */
	enum queue_step (*run)(struct queue_job *job);
	/* The end, exactly once for an admitted job; may free it.  RESULT is
	 * 0 on a worker after QUEUE_DONE, or -ECANCELED, on the thread that
	 * dropped or withdrew it, for a job that never ran.  Nobody may post
	 * or move the job from here on. */
	void (*done)(struct queue_job *job, int result);

	/* The queue's own; zero when the job is admitted. */
	struct queue_job *prev;
	struct queue_job *next;
	unsigned lane;
	unsigned state;
};

struct queue_opts {
	unsigned bound[QUEUE_LANES]; /* admitted jobs, at least 1 each */
	unsigned workers;            /* threads that take; below 2 means 2 */
};

struct queue;

/* 0 or -errno; on success the caller owns *OUT. */
int queue_open(const struct queue_opts *opts, struct queue **out);

/* Frees Q, in which no job may be left and no worker take any more. */
void queue_free(struct queue *q);
unsigned queue_workers(const struct queue *q);

/* Takes JOB in, which the caller keeps allocated until `done`.  0, ERR_BUSY
 * at once if the lane is full, -ECANCELED if it is closed. */
int queue_admit(struct queue *q, struct queue_job *job, enum queue_lane lane);

/* One more step for a job that is admitted and not done. */
void queue_post(struct queue *q, struct queue_job *job);

/* Puts an admitted job into the other lane, bound or not: it is in already.
 * A step that is running still counts for the lane it began in. */
void queue_move(struct queue *q, struct queue_job *job, enum queue_lane lane);

/* Ends JOB with -ECANCELED if it has not begun; says whether it did. */
bool queue_withdraw(struct queue *q, struct queue_job *job);

/* The same for all of LANE that have not begun. */
void queue_drop(struct queue *q, enum queue_lane lane);

/* Admits no more to LANE.  What is in goes on to its end. */
void queue_close(struct queue *q, enum queue_lane lane);

/* Waits until no job is admitted and every `done` has returned.  0 or
 * ERR_TIMEOUT; a negative TIMEOUT_MS waits for ever.  Never on a worker. */
int queue_drain(struct queue *q, int timeout_ms);

/* Admitted and not yet begun jobs of LANE, for the curious. */
struct queue_depth {
	unsigned admitted;
	unsigned waiting;
};

struct queue_depth queue_depth(struct queue *q, enum queue_lane lane);

/* One turn of a worker: waits for a job and runs one step.  False when both
 * lanes are closed and the last job is done: the thread may end. */
bool queue_turn(struct queue *q);

/* The same for one lane only.  Once any worker takes from one lane, each lane
 * must have one. */
bool queue_turn_lane(struct queue *q, enum queue_lane lane);

#endif
