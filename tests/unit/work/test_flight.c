/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "work/flight.h"

#include "base/digest.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* What the work was told: s start, S start as demand, b d c. */
struct fetch {
	struct flight *flight;
	char told[32];
	size_t n;
};

static struct fetch last;
static int starts;
static int releases;
static int start_result;

static int
begin(struct flight *f, void *ctx, const struct digest *key,
      enum flight_want want, void **work)
{
	(void)ctx;
	(void)key;
	starts++;
	if (start_result < 0)
		return start_result;
	memset(&last, 0, sizeof(last));
	last.flight = f;
	last.told[last.n++] = want == FLIGHT_DEMAND ? 'S' : 's';
	*work = &last;
	return 0;
}

static void
tell(void *work, enum flight_want want)
{
	struct fetch *t = work;

	t->told[t->n++] = "bdc"[want];
}

static void
release(void *work)
{
	assert_ptr_equal(work, &last);
	releases++;
}

static const struct flight_ops ops = { begin, tell, release };
static const struct digest key = { { 1 } };
static const struct digest other = { { 1, 2 } };

struct waiter {
	struct flight_waiter w;
	int result;
	const void *value;
	int calls;
};

static void
note(struct flight_waiter *w, int result, const void *value)
{
	struct waiter *me = (struct waiter *)w;

	me->result = result;
	me->value = value;
	me->calls++;
}

#define WAITER \
	{ \
		.w.done = note \
	}

static struct flights *
table(void)
{
	struct flights *t;

	starts = 0;
	releases = 0;
	start_result = 0;
	assert_int_equal(flight_open(&ops, NULL, &t), 0);
	return t;
}

static void
one_result_goes_to_all(void **state)
{
	struct waiter w[3] = { WAITER, WAITER, WAITER };
	struct waiter stranger = WAITER;
	struct flights *t = table();
	struct flight *first;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(flight_join(t, &key, &w[i].w), 0);
	assert_int_equal(starts, 1);
	first = last.flight;
	assert_int_equal(flight_join(t, &other, &stranger.w), 0);
	assert_int_equal(starts, 2);
	assert_int_equal(flight_count(t), 2);
	flight_end(last.flight, 0, "there");
	flight_end(first, ERR_TIMEOUT, NULL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(w[i].calls, 1);
		assert_int_equal(w[i].result, ERR_TIMEOUT);
		assert_false(flight_leave(t, &w[i].w));
	}
	assert_string_equal(stranger.value, "there");
	assert_int_equal(releases, 2);
	assert_int_equal(flight_count(t), 0);
	flight_free(t);
}

static void
a_waiter_raises_the_background(void **state)
{
	struct waiter a = WAITER, b = WAITER;
	struct flights *t = table();

	(void)state;
	assert_int_equal(flight_join(t, &key, NULL), 0);
	assert_int_equal(flight_join(t, &key, NULL), 0);
	assert_int_equal(flight_join(t, &key, &a.w), 0);
	assert_int_equal(flight_join(t, &key, &b.w), 0);
	assert_true(flight_leave(t, &b.w));
	assert_true(flight_leave(t, &a.w));
	assert_false(flight_leave(t, &a.w));
	assert_int_equal(flight_join(t, &key, &b.w), 0);
	assert_string_equal(last.told, "sdbd");
	flight_end(last.flight, 0, NULL);
	assert_int_equal(a.calls, 0);
	assert_int_equal(b.calls, 1);
	assert_int_equal(starts, 1);
	flight_free(t);
}

static void
the_last_to_leave_decides_by_what_is_there(void **state)
{
	static const struct {
		uint64_t have, total;
		char want;
	} rows[] = { { 0, 0, 'c' },   { 4, 10, 'c' }, { 5, 10, 'b' },
		     { 10, 10, 'b' }, { 0, 1, 'c' },  { 5, 11, 'c' },
		     { 6, 11, 'b' } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct waiter a = WAITER;
		struct flights *t = table();
		char told[] = { 'S', rows[i].want, '\0' };

		assert_int_equal(flight_join(t, &key, &a.w), 0);
		flight_progress(last.flight, rows[i].have, rows[i].total);
		assert_true(flight_leave(t, &a.w));
		assert_string_equal(last.told, told);
		flight_end(last.flight, -ECANCELED, NULL);
		assert_int_equal(a.calls, 0);
		assert_int_equal(releases, 1);
		flight_free(t);
	}
}

static void
who_comes_after_a_cancel_begins_anew(void **state)
{
	struct waiter a = WAITER, b = WAITER;
	struct flights *t = table();
	struct flight *old;

	(void)state;
	assert_int_equal(flight_join(t, &key, &a.w), 0);
	old = last.flight;
	assert_true(flight_leave(t, &a.w));
	assert_int_equal(flight_join(t, &key, &b.w), 0);
	assert_int_equal(starts, 2);
	flight_end(old, -ECANCELED, NULL);
	assert_int_equal(b.calls, 0);
	flight_end(last.flight, 0, NULL);
	assert_int_equal(b.calls, 1);
	assert_int_equal(b.result, 0);
	flight_free(t);
}

static void
a_failed_start_is_an_answer(void **state)
{
	struct waiter a = WAITER;
	struct flights *t = table();

	(void)state;
	start_result = ERR_BUSY;
	assert_int_equal(flight_join(t, &key, &a.w), 0);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.result, ERR_BUSY);
	assert_int_equal(releases, 0);
	assert_int_equal(flight_count(t), 0);
	flight_free(t);
}

static void
a_closed_table_cancels(void **state)
{
	struct waiter a = WAITER, b = WAITER;
	struct flights *t = table();

	(void)state;
	assert_int_equal(flight_join(t, &key, &a.w), 0);
	flight_close(t);
	assert_string_equal(last.told, "Sc");
	assert_int_equal(flight_join(t, &key, &b.w), -ECANCELED);
	assert_int_equal(flight_count(t), 1);
	flight_end(last.flight, -ECANCELED, NULL);
	assert_int_equal(a.result, -ECANCELED);
	assert_int_equal(b.calls, 0);
	flight_free(t);
}

/* The storm: threads that join, leave and wait over few keys, and others
 * that do the work. */
enum { THREADS = 8, ROUNDS = 2000, KEYS = 5, DOERS = 2, SLOTS = 64 };

struct task {
	struct flight *flight;
	atomic_int want;
	atomic_int ended;
};

static pthread_mutex_t tasks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct task *tasks[SLOTS];
static atomic_int tasks_begun, tasks_released;
static atomic_bool over;

static int
storm_start(struct flight *f, void *ctx, const struct digest *k,
	    enum flight_want want, void **work)
{
	struct task *t = calloc(1, sizeof(*t));
	int i = 0;

	(void)ctx;
	(void)k;
	assert_non_null(t);
	t->flight = f;
	atomic_store(&t->want, want);
	*work = t;
	pthread_mutex_lock(&tasks_lock);
	while (i < SLOTS && tasks[i])
		i++;
	if (i < SLOTS) {
		tasks[i] = t;
		atomic_fetch_add(&tasks_begun, 1);
	}
	pthread_mutex_unlock(&tasks_lock);
	if (i == SLOTS)
		free(t);
	return i < SLOTS ? 0 : ERR_BUSY;
}

static void
storm_tell(void *work, enum flight_want want)
{
	struct task *t = work;

	assert_true(atomic_exchange(&t->want, want) != (int)want);
}

static void
storm_release(void *work)
{
	struct task *t = work;

	assert_int_equal(atomic_load(&t->ended), 1);
	atomic_fetch_add(&tasks_released, 1);
	free(t);
}

static const struct flight_ops storm_ops = { storm_start, storm_tell,
					     storm_release };

static struct task *
pop_task(void)
{
	struct task *t = NULL;

	pthread_mutex_lock(&tasks_lock);
	for (int i = 0; i < SLOTS && !t; i++) {
		t = tasks[i];
		tasks[i] = NULL;
	}
	pthread_mutex_unlock(&tasks_lock);
	return t;
}

static void *
do_tasks(void *arg)
{
	unsigned n = 0;

	(void)arg;
	for (;;) {
		struct task *t = pop_task();

		if (!t && atomic_load(&over))
			return NULL;
		if (!t) {
			sched_yield();
			continue;
		}
		flight_progress(t->flight, n % 3, 2);
		atomic_store(&t->ended, 1);
		flight_end(t->flight, n++ % 7 ? 0 : ERR_TIMEOUT, t);
	}
}

struct client {
	struct flight_waiter w;
	atomic_int calls;
};

static void
answered(struct flight_waiter *w, int result, const void *value)
{
	(void)result;
	(void)value;
	atomic_fetch_add(&((struct client *)w)->calls, 1);
}

static void *
join_and_leave(void *arg)
{
	struct flights *t = arg;
	struct digest k = { { 0 } };

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct client c = { .w.done = answered };

		k.b[1] = i * 7 % KEYS;
		if (i % 11 == 0)
			flight_join(t, &k, NULL);
		if (flight_join(t, &k, &c.w) < 0) {
			assert_int_equal(atomic_load(&c.calls), 0);
			continue;
		}
		if (i % 3 == 0)
			sched_yield();
		if (i % 2 == 0 && flight_leave(t, &c.w)) {
			assert_int_equal(atomic_load(&c.calls), 0);
			continue;
		}
		while (atomic_load(&c.calls) == 0)
			sched_yield();
	}
	return NULL;
}

static void
storm(bool close_amid)
{
	pthread_t clients[THREADS], doers[DOERS];
	struct flights *t;

	atomic_store(&over, false);
	atomic_store(&tasks_begun, 0);
	atomic_store(&tasks_released, 0);
	assert_int_equal(flight_open(&storm_ops, NULL, &t), 0);
	for (int i = 0; i < DOERS; i++)
		pthread_create(&doers[i], NULL, do_tasks, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&clients[i], NULL, join_and_leave, t);
	if (close_amid)
		flight_close(t);
	for (int i = 0; i < THREADS; i++)
		pthread_join(clients[i], NULL);
	atomic_store(&over, true);
	for (int i = 0; i < DOERS; i++)
		pthread_join(doers[i], NULL);
	assert_int_equal(flight_count(t), 0);
	assert_int_equal(atomic_load(&tasks_begun),
			 atomic_load(&tasks_released));
	flight_free(t);
}

static void
nobody_is_forgotten_in_a_storm(void **state)
{
	(void)state;
	storm(false);
	storm(true);
}

static void
what_nobody_wants_any_more_is_cancelled(void **state)
{
	struct waiter a = WAITER;
	struct flights *t = table();

	(void)state;
	flight_forget(t, &key); /* none flies */
	assert_int_equal(flight_join(t, &key, NULL), 0);
	flight_forget(t, &key);
	assert_string_equal(last.told, "sc");
	flight_end(last.flight, -ECANCELED, NULL);
	/* Somebody waits, or most is here: it goes on. */
	assert_int_equal(flight_join(t, &key, NULL), 0);
	assert_int_equal(flight_join(t, &key, &a.w), 0);
	flight_forget(t, &key);
	assert_string_equal(last.told, "sd");
	flight_end(last.flight, 0, "x");
	assert_int_equal(a.calls, 1);
	assert_int_equal(flight_join(t, &key, NULL), 0);
	flight_progress(last.flight, 60, 100);
	flight_forget(t, &key);
	assert_string_equal(last.told, "s");
	flight_end(last.flight, 0, "x");
	flight_free(t);
}

static void
who_joins_learns_what_is_left(void **state)
{
	struct waiter a = WAITER, b = WAITER;
	struct flights *t = table();

	(void)state;
	assert_int_equal(flight_join(t, &key, NULL), 0);
	assert_int_equal(flight_join(t, &key, &a.w), 0);
	assert_int_equal(flight_left(t, &a.w), 0);
	flight_progress(last.flight, 60, 100);
	assert_int_equal(flight_join(t, &key, &b.w), 0);
	assert_int_equal(flight_left(t, &b.w), 40);
	flight_progress(last.flight, 200, 100);
	assert_int_equal(flight_left(t, &b.w), 0);
	flight_progress(last.flight, 60, 100);
	assert_true(flight_leave(t, &a.w));
	assert_int_equal(flight_left(t, &a.w), 0);
	flight_end(last.flight, 0, "x");
	assert_int_equal(flight_left(t, &b.w), 0);
	flight_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_result_goes_to_all),
		cmocka_unit_test(a_waiter_raises_the_background),
		cmocka_unit_test(who_joins_learns_what_is_left),
		cmocka_unit_test(the_last_to_leave_decides_by_what_is_there),
		cmocka_unit_test(who_comes_after_a_cancel_begins_anew),
		cmocka_unit_test(a_failed_start_is_an_answer),
		cmocka_unit_test(a_closed_table_cancels),
		cmocka_unit_test(what_nobody_wants_any_more_is_cancelled),
		cmocka_unit_test(nobody_is_forgotten_in_a_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
