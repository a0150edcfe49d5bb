/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORK_POOL_H
#define WORK_POOL_H

/*
 * The threads that run a queue's jobs: as many for demand as the queue was
 * told, and half as many for the background, at nice 19 and idle I/O priority,
 * so that a build on the same machine does not notice them. They are separate
 * threads because only root can raise a priority again. All signals are blocked
 * in all of them. Threads: owner.
 */
struct pool;
struct queue;

/* Starts all workers or none.  Q is borrowed until pool_stop.  0 or -errno
 * (-EAGAIN: no more threads); on failure Q is as it was. */
int pool_start(struct queue *q, struct pool **out);

/*
 * The orderly end: closes both lanes, ends background jobs that have not
 * begun with -ECANCELED, waits for the rest and joins the threads.  A parked
 * job must be posted for this to end, so whoever owes posts (transfers) is
 * told to stop first; queue_drain waits with a limit.  Q is left empty, P
 * freed.  Never on a worker.
 */
void pool_stop(struct pool *p);

#endif
