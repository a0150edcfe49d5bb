/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "work/queue.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

/* A job that notes its end and the order of its steps. */
struct step {
	struct queue_job job;
	char name;
	unsigned parks; /* steps before the last */
	int result;
	unsigned ends;
};

static char order[64];
static size_t steps;

static enum queue_step
note(struct queue_job *job)
{
	struct step *s = (struct step *)job;

	order[steps++] = s->name;
	if (s->parks == 0)
		return QUEUE_DONE;
	s->parks--;
	return QUEUE_PARK;
}

static void
end(struct queue_job *job, int result)
{
	struct step *s = (struct step *)job;

	s->result = result;
	s->ends++;
}

static struct step
step_of(char name, unsigned parks)
{
	struct step s = { .name = name, .parks = parks };

	s.job.run = note;
	s.job.done = end;
	return s;
}

static struct queue *
queue_of(unsigned demand, unsigned background)
{
	struct queue_opts opts = { { demand, background }, 4 };
	struct queue *q = NULL;

	memset(order, 0, sizeof(order));
	steps = 0;
	assert_int_equal(queue_open(&opts, &q), 0);
	return q;
}

static void
shut(struct queue *q)
{
	queue_close(q, QUEUE_DEMAND);
	queue_close(q, QUEUE_BACKGROUND);
	assert_false(queue_turn(q));
	queue_free(q);
}

static void
demand_goes_first_and_begun_before_new(void **state)
{
	struct queue *q = queue_of(8, 8);
	struct step b = step_of('b', 0), c = step_of('c', 1);
	struct step d = step_of('d', 0), e = step_of('e', 0);

	(void)state;
	assert_int_equal(queue_admit(q, &b.job, QUEUE_BACKGROUND), 0);
	assert_int_equal(queue_admit(q, &c.job, QUEUE_DEMAND), 0);
	assert_int_equal(queue_admit(q, &d.job, QUEUE_DEMAND), 0);
	assert_int_equal(queue_admit(q, &e.job, QUEUE_DEMAND), 0);
	assert_true(queue_turn(q));
	assert_true(queue_turn(q));
	queue_post(q, &c.job);
	assert_true(queue_turn(q));
	assert_true(queue_turn(q));
	assert_true(queue_turn(q));
	assert_string_equal(order, "cdceb");
	assert_int_equal(queue_drain(q, 0), 0);
	shut(q);
}

static void
a_full_lane_is_busy_at_once(void **state)
{
	struct queue *q = queue_of(2, 1);
	struct step a = step_of('a', 1), b = step_of('b', 0);
	struct step c = step_of('c', 0), d = step_of('d', 0);

	(void)state;
	assert_int_equal(queue_admit(q, &a.job, QUEUE_DEMAND), 0);
	assert_int_equal(queue_admit(q, &b.job, QUEUE_DEMAND), 0);
	assert_int_equal(queue_admit(q, &c.job, QUEUE_DEMAND), ERR_BUSY);
	assert_int_equal(queue_admit(q, &c.job, QUEUE_BACKGROUND), 0);
	assert_int_equal(queue_admit(q, &d.job, QUEUE_BACKGROUND), ERR_BUSY);
	/* A parked job is still admitted. */
	assert_true(queue_turn(q));
	assert_true(queue_turn(q));
	assert_int_equal(queue_admit(q, &d.job, QUEUE_DEMAND), 0);
	assert_int_equal(queue_depth(q, QUEUE_DEMAND).admitted, 2);
	assert_int_equal(queue_depth(q, QUEUE_DEMAND).waiting, 1);
	assert_int_equal(queue_drain(q, 1), ERR_TIMEOUT);
	queue_post(q, &a.job);
	while (queue_drain(q, 0) != 0)
		assert_true(queue_turn(q));
	assert_int_equal(a.ends + b.ends + c.ends + d.ends, 4);
	shut(q);
}

static struct queue *posted_to;

static enum queue_step
post_twice(struct queue_job *job)
{
	queue_post(posted_to, job);
	queue_post(posted_to, job);
	return note(job);
}

static void
posts_while_running_merge(void **state)
{
	struct queue *q = queue_of(8, 8);
	struct step a = step_of('a', 2);

	(void)state;
	posted_to = q;
	a.job.run = post_twice;
	assert_int_equal(queue_admit(q, &a.job, QUEUE_DEMAND), 0);
	queue_post(q, &a.job);
	while (queue_drain(q, 0) != 0)
		assert_true(queue_turn(q));
	assert_string_equal(order, "aaa");
	assert_int_equal(a.ends, 1);
	shut(q);
}

static void
a_job_changes_lanes(void **state)
{
	struct queue *q = queue_of(1, 1);
	struct step a = step_of('a', 0), b = step_of('b', 0);
	struct step c = step_of('c', 0);

	(void)state;
	assert_int_equal(queue_admit(q, &a.job, QUEUE_DEMAND), 0);
	assert_int_equal(queue_admit(q, &b.job, QUEUE_BACKGROUND), 0);
	queue_move(q, &b.job, QUEUE_DEMAND);
	queue_move(q, &a.job, QUEUE_BACKGROUND);
	queue_move(q, &a.job, QUEUE_BACKGROUND);
	assert_int_equal(queue_admit(q, &c.job, QUEUE_BACKGROUND), ERR_BUSY);
	while (queue_drain(q, 0) != 0)
		assert_true(queue_turn(q));
	assert_string_equal(order, "ba");
	queue_move(q, &a.job, QUEUE_DEMAND);
	assert_int_equal(queue_depth(q, QUEUE_DEMAND).admitted, 0);
	shut(q);
}

static void
only_what_has_not_begun_can_be_taken_back(void **state)
{
	struct queue *q = queue_of(8, 8);
	struct step a = step_of('a', 1), b = step_of('b', 0);
	struct step c = step_of('c', 0), d = step_of('d', 0);

	(void)state;
	assert_int_equal(queue_admit(q, &a.job, QUEUE_BACKGROUND), 0);
	assert_true(queue_turn(q));
	assert_int_equal(queue_admit(q, &b.job, QUEUE_BACKGROUND), 0);
	assert_int_equal(queue_admit(q, &c.job, QUEUE_BACKGROUND), 0);
	assert_int_equal(queue_admit(q, &d.job, QUEUE_BACKGROUND), 0);
	assert_false(queue_withdraw(q, &a.job));
	assert_true(queue_withdraw(q, &c.job));
	assert_false(queue_withdraw(q, &c.job));
	assert_int_equal(c.result, -ECANCELED);
	queue_drop(q, QUEUE_BACKGROUND);
	assert_int_equal(b.result, -ECANCELED);
	assert_int_equal(d.result, -ECANCELED);
	assert_int_equal(queue_depth(q, QUEUE_BACKGROUND).admitted, 1);
	queue_post(q, &a.job);
	assert_true(queue_turn(q));
	assert_int_equal(a.result, 0);
	assert_int_equal(a.ends + b.ends + c.ends + d.ends, 4);
	shut(q);
}

static void
a_closed_lane_finishes_what_is_in(void **state)
{
	struct queue *q = queue_of(8, 8);
	struct step a = step_of('a', 1), b = step_of('b', 0);

	(void)state;
	assert_int_equal(queue_admit(q, &a.job, QUEUE_DEMAND), 0);
	queue_close(q, QUEUE_DEMAND);
	assert_int_equal(queue_admit(q, &b.job, QUEUE_DEMAND), -ECANCELED);
	assert_int_equal(queue_admit(q, &b.job, QUEUE_BACKGROUND), 0);
	queue_close(q, QUEUE_BACKGROUND);
	assert_true(queue_turn(q));
	assert_true(queue_turn(q));
	queue_post(q, &a.job);
	assert_true(queue_turn(q));
	assert_string_equal(order, "aba");
	shut(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(demand_goes_first_and_begun_before_new),
		cmocka_unit_test(a_full_lane_is_busy_at_once),
		cmocka_unit_test(posts_while_running_merge),
		cmocka_unit_test(a_job_changes_lanes),
		cmocka_unit_test(only_what_has_not_begun_can_be_taken_back),
		cmocka_unit_test(a_closed_lane_finishes_what_is_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
