/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "work/pool.h"
#include "work/queue.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WORKERS = 4, PRODUCERS = 6, JOBS = 3000, BOUND = 32 };

static struct queue *queue;
static atomic_uint running[QUEUE_LANES];
static atomic_uint most[QUEUE_LANES];
static atomic_uint ended;
static atomic_uint cancelled;
static atomic_bool go;

struct load {
	struct queue_job job;
	unsigned parks;
	enum queue_lane lane;
	atomic_flag inside;
};

static void
queue_make(void)
{
	struct queue_opts opts = { { BOUND, BOUND }, WORKERS };

	assert_int_equal(queue_open(&opts, &queue), 0);
	for (int i = 0; i < QUEUE_LANES; i++) {
		atomic_store(&running[i], 0);
		atomic_store(&most[i], 0);
	}
	atomic_store(&ended, 0);
	atomic_store(&cancelled, 0);
	atomic_store(&go, false);
}

static void
ended_with(struct queue_job *job, int result)
{
	if (result == -ECANCELED)
		atomic_fetch_add(&cancelled, 1);
	else
		atomic_fetch_add(&ended, 1);
	free(job);
}

static enum queue_step
count_load(struct queue_job *job)
{
	struct load *l = (struct load *)job;
	unsigned now = atomic_fetch_add(&running[l->lane], 1) + 1;
	unsigned top = atomic_load(&most[l->lane]);
	bool last = l->parks == 0;

	assert_false(atomic_flag_test_and_set(&l->inside));
	while (now > top &&
	       !atomic_compare_exchange_weak(&most[l->lane], &top, now))
		;
	sched_yield();
	atomic_flag_clear(&l->inside);
	atomic_fetch_sub(&running[l->lane], 1);
	if (last)
		return QUEUE_DONE;
	l->parks--;
	queue_post(queue, job);
	return QUEUE_PARK;
}

static struct load *
load_of(enum queue_step (*run)(struct queue_job *), enum queue_lane lane)
{
	struct load *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->job.run = run;
	l->job.done = ended_with;
	l->lane = lane;
	return l;
}

static void *
produce(void *arg)
{
	unsigned *admitted = arg;

	for (unsigned i = 0; i < JOBS; i++) {
		struct load *l = load_of(count_load, i % QUEUE_LANES);
		int r;

		l->parks = i % 3;
		r = queue_admit(queue, &l->job, l->lane);
		assert_true(queue_depth(queue, i % QUEUE_LANES).admitted <=
			    BOUND);
		if (r == 0) {
			(*admitted)++;
			continue;
		}
		assert_true(r == ERR_BUSY || r == -ECANCELED);
		free(l);
		sched_yield();
	}
	return NULL;
}

static unsigned
run_producers(struct pool *stop_after_a_while)
{
	pthread_t threads[PRODUCERS];
	unsigned admitted[PRODUCERS] = { 0 };
	unsigned sum = 0;

	for (int i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, produce,
						&admitted[i]),
				 0);
	if (stop_after_a_while) {
		usleep(5000);
		pool_stop(stop_after_a_while);
	}
	for (int i = 0; i < PRODUCERS; i++) {
		pthread_join(threads[i], NULL);
		sum += admitted[i];
	}
	return sum;
}

static void
every_admitted_job_ends_once(void **state)
{
	struct pool *p;
	unsigned sum;

	(void)state;
	queue_make();
	assert_int_equal(pool_start(queue, &p), 0);
	sum = run_producers(NULL);
	assert_int_equal(queue_drain(queue, -1), 0);
	assert_int_equal(atomic_load(&ended), sum);
	assert_true(atomic_load(&most[QUEUE_BACKGROUND]) <= WORKERS / 2);
	assert_true(atomic_load(&most[QUEUE_DEMAND]) <= WORKERS);
	pool_stop(p);
	queue_free(queue);
}

static void
a_stop_amid_work_loses_nothing(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		struct pool *p;
		unsigned sum;

		queue_make();
		assert_int_equal(pool_start(queue, &p), 0);
		sum = run_producers(p);
		assert_int_equal(atomic_load(&ended) + atomic_load(&cancelled),
				 sum);
		queue_free(queue);
	}
}

static enum queue_step
wait_for_go(struct queue_job *job)
{
	struct load *l = (struct load *)job;

	atomic_fetch_add(&running[l->lane], 1);
	while (!atomic_load(&go))
		usleep(100);
	atomic_fetch_sub(&running[l->lane], 1);
	return QUEUE_DONE;
}

static void
wait_until(atomic_uint *what, unsigned value)
{
	for (int i = 0; i < 50000 && atomic_load(what) != value; i++)
		usleep(100);
	assert_int_equal(atomic_load(what), value);
}

static void
background_leaves_half_to_demand(void **state)
{
	struct pool *p;

	(void)state;
	queue_make();
	assert_int_equal(pool_start(queue, &p), 0);
	for (int i = 0; i < 2 * WORKERS; i++) {
		struct load *l = load_of(wait_for_go, QUEUE_BACKGROUND);

		assert_int_equal(queue_admit(queue, &l->job, l->lane), 0);
	}
	wait_until(&running[QUEUE_BACKGROUND], WORKERS / 2);
	for (int i = 0; i < 2 * WORKERS; i++) {
		struct load *l = load_of(count_load, QUEUE_DEMAND);

		assert_int_equal(queue_admit(queue, &l->job, l->lane), 0);
	}
	wait_until(&ended, 2 * WORKERS);
	assert_int_equal(atomic_load(&running[QUEUE_BACKGROUND]), WORKERS / 2);
	atomic_store(&go, true);
	assert_int_equal(queue_drain(queue, -1), 0);
	assert_int_equal(atomic_load(&ended), 4 * WORKERS);
	pool_stop(p);
	queue_free(queue);
}

static void *
post_until_done(void *arg)
{
	struct load *l = arg;

	while (!atomic_load(&go))
		queue_post(queue, &l->job);
	return NULL;
}

static enum queue_step
count_to_zero(struct queue_job *job)
{
	struct load *l = (struct load *)job;

	assert_false(atomic_flag_test_and_set(&l->inside));
	if (l->parks > 0 && --l->parks == 0)
		atomic_store(&go, true);
	atomic_flag_clear(&l->inside);
	return l->parks > 0 ? QUEUE_PARK : QUEUE_DONE;
}

static void
keep(struct queue_job *job, int result)
{
	(void)job;
	(void)result;
	atomic_fetch_add(&ended, 1);
}

/* As the ring of a transfer does: many posts, steps strictly one by one. */
static void
steps_of_one_job_never_overlap(void **state)
{
	struct load *l = load_of(count_to_zero, QUEUE_DEMAND);
	pthread_t threads[PRODUCERS];
	struct pool *p;

	(void)state;
	queue_make();
	l->job.done = keep;
	l->parks = 500;
	assert_int_equal(pool_start(queue, &p), 0);
	assert_int_equal(queue_admit(queue, &l->job, QUEUE_DEMAND), 0);
	for (int i = 0; i < PRODUCERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, post_until_done, l),
			0);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(queue_drain(queue, -1), 0);
	assert_int_equal(atomic_load(&ended), 1);
	pool_stop(p);
	queue_free(queue);
	free(l);
}

static enum queue_step
look_at_mask(struct queue_job *job)
{
	sigset_t mask;

	(void)job;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	if (sigismember(&mask, SIGTERM) && sigismember(&mask, SIGINT))
		atomic_store(&go, true);
	return QUEUE_DONE;
}

static void
workers_take_no_signals(void **state)
{
	struct load *l = load_of(look_at_mask, QUEUE_DEMAND);
	sigset_t mask;
	struct pool *p;

	(void)state;
	queue_make();
	assert_int_equal(queue_admit(queue, &l->job, QUEUE_DEMAND), 0);
	assert_int_equal(pool_start(queue, &p), 0);
	pool_stop(p);
	assert_true(atomic_load(&go));
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_false(sigismember(&mask, SIGTERM));
	queue_free(queue);
}

static atomic_int nice_of[QUEUE_LANES];

static enum queue_step
look_at_nice(struct queue_job *job)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);

	atomic_store(&nice_of[((struct load *)job)->lane],
		     getpriority(PRIO_PROCESS, (id_t)tid));
	return QUEUE_DONE;
}

static void
background_is_nice(void **state)
{
	int own = getpriority(PRIO_PROCESS, 0);
	struct pool *p;

	(void)state;
	queue_make();
	for (int i = 0; i < QUEUE_LANES; i++) {
		struct load *l = load_of(look_at_nice, (enum queue_lane)i);

		assert_int_equal(queue_admit(queue, &l->job, l->lane), 0);
	}
	assert_int_equal(pool_start(queue, &p), 0);
	assert_int_equal(queue_drain(queue, -1), 0);
	pool_stop(p);
	queue_free(queue);
	assert_int_equal(atomic_load(&nice_of[QUEUE_DEMAND]), own);
	assert_int_equal(atomic_load(&nice_of[QUEUE_BACKGROUND]), 19);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(background_is_nice),
		cmocka_unit_test(every_admitted_job_ends_once),
		cmocka_unit_test(a_stop_amid_work_loses_nothing),
		cmocka_unit_test(background_leaves_half_to_demand),
		cmocka_unit_test(steps_of_one_job_never_overlap),
		cmocka_unit_test(workers_take_no_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
