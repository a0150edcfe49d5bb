/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/unpack_slots.h"
#include "work/pool.h"
#include "work/queue.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { JOBS = 400, PLACES = 16 };

static struct queue *queue;
static struct unpack_slots decoders;
static atomic_int inside, most, served;

struct invocation {
	struct queue_job job;
	struct unpack_turn turn;
	bool place;
	int steps;
};

/* Waits for a place, holds it for some steps. */
static enum queue_step
use(struct queue_job *q)
{
	struct invocation *j = (struct invocation *)q;

	if (!j->place) {
		int now, top;

		j->place = unpack_slots_wait(&decoders, &j->turn);
		if (!j->place)
			return QUEUE_PARK;
		now = atomic_fetch_add(&inside, 1) + 1;
		top = atomic_load(&most);
		while (now > top &&
		       !atomic_compare_exchange_weak(&most, &top, now))
			continue;
	}
	if (j->steps-- > 0) {
		queue_post(queue, q);
		return QUEUE_PARK;
	}
	atomic_fetch_add(&served, 1);
	return QUEUE_DONE;
}

static void
ended(struct queue_job *q, int result)
{
	struct invocation *j = (struct invocation *)q;

	(void)result;
	if (j->place)
		atomic_fetch_sub(&inside, 1);
	if (unpack_slots_leave(&decoders, &j->turn) || j->place)
		unpack_slots_give(&decoders);
	free(j);
}

static void
all_get_a_turn_and_no_more_at_once(void **state)
{
	struct queue_opts opts = { { JOBS, JOBS }, 4 };
	struct pool *pool;

	(void)state;
	assert_int_equal(queue_open(&opts, &queue), 0);
	unpack_slots_init(&decoders, queue);
	assert_int_equal(pool_start(queue, &pool), 0);
	for (int i = 0; i < JOBS; i++) {
		struct invocation *j = calloc(1, sizeof(*j));

		j->job.run = use;
		j->job.done = ended;
		j->turn.job = &j->job;
		j->steps = i % 7;
		assert_int_equal(
			queue_admit(queue, &j->job,
				    i % 2 ? QUEUE_DEMAND : QUEUE_BACKGROUND),
			0);
	}
	assert_int_equal(queue_drain(queue, 20000), 0);
	pool_stop(pool);
	assert_int_equal(atomic_load(&served), JOBS);
	assert_in_range(atomic_load(&most), 1, PLACES);
	assert_int_equal(decoders.places, PLACES);
	unpack_slots_release(&decoders);
	queue_free(queue);
}

static enum queue_step
never(struct queue_job *q)
{
	(void)q;
	return QUEUE_PARK;
}

/* Who goes while it waits takes no place along. */
static void
leaving_loses_nothing(void **state)
{
	struct queue_opts opts = { { 8, 8 }, 2 };
	struct queue_job job = { .run = never };
	struct unpack_turn a = { .job = &job }, b = { .job = &job };

	(void)state;
	assert_int_equal(queue_open(&opts, &queue), 0);
	unpack_slots_init(&decoders, queue);
	for (int i = 0; i < PLACES; i++)
		assert_true(unpack_slots_try(&decoders));
	assert_false(unpack_slots_try(&decoders));
	assert_false(unpack_slots_wait(&decoders, &a));
	assert_false(unpack_slots_wait(&decoders, &b));
	assert_false(unpack_slots_wait(&decoders, &a)); /* waits once */
	assert_false(unpack_slots_leave(&decoders, &a));
	unpack_slots_give(&decoders);
	assert_true(unpack_slots_wait(&decoders, &b));
	assert_true(unpack_slots_leave(&decoders, &b));
	unpack_slots_give(&decoders);
	assert_false(unpack_slots_leave(&decoders, &b));
	assert_true(unpack_slots_try(&decoders));
	unpack_slots_release(&decoders);
	queue_free(queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_get_a_turn_and_no_more_at_once),
		cmocka_unit_test(leaving_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
