/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/ring.h"

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

enum { ALL = RING_SLOTS * RING_SLOT, TOTAL = 50 << 20 };

static void
bytes_come_out_in_order(void **state)
{
	struct ring r;
	const void *p;

	(void)state;
	ring_init(&r);
	assert_int_equal(ring_peek(&r, &p), 0);
	assert_int_equal(ring_put(&r, "", 0), 0);
	assert_int_equal(ring_put(&r, "abc", 3), 0);
	assert_int_equal(ring_put(&r, "def", 3), 0);
	assert_int_equal(ring_peek(&r, &p), 6);
	assert_memory_equal(p, "abcdef", 6);
	assert_false(ring_consume(&r, 4));
	assert_int_equal(ring_peek(&r, &p), 2);
	assert_memory_equal(p, "ef", 2);
	ring_free(&r);
}

static void
full_refuses_and_says_when_there_is_room(void **state)
{
	char *block = calloc(1, ALL);
	struct ring r;
	const void *p;

	(void)state;
	ring_init(&r);
	assert_int_equal(ring_put(&r, block, ALL + 1), ERR_TOOBIG);
	assert_int_equal(ring_put(&r, block, ALL - 1), 0);
	assert_int_equal(ring_put(&r, block, 2), -EAGAIN);
	assert_int_equal(ring_put(&r, block, 1), 0);
	assert_int_equal(ring_peek(&r, &p), RING_SLOT);
	assert_false(ring_consume(&r, RING_SLOT - 1));
	assert_true(ring_consume(&r, 1));
	assert_false(ring_consume(&r, 1));
	ring_free(&r);
	free(block);
}

static void
a_small_object_costs_one_slot(void **state)
{
	struct ring r;
	const void *p;
	int i;

	(void)state;
	ring_init(&r);
	for (i = 0; i < 1000; i++) {
		char block[4000] = { 0 };

		assert_int_equal(ring_put(&r, block, sizeof(block)), 0);
		assert_int_equal(ring_peek(&r, &p), sizeof(block));
		ring_consume(&r, sizeof(block));
	}
	assert_non_null(r.slot[0]);
	assert_null(r.slot[1]);
	ring_free(&r);
}

struct line {
	struct ring ring;
	atomic_int room;
};

static void *
put_all(void *ctx)
{
	struct line *l = ctx;
	unsigned char block[16384];
	size_t sent = 0;

	while (sent < TOTAL) {
		size_t n = (sent * 7919) % sizeof(block) + 1;
		size_t i;

		if (n > TOTAL - sent)
			n = TOTAL - sent;
		for (i = 0; i < n; i++)
			block[i] = (unsigned char)((sent + i) % 251);
		while (ring_put(&l->ring, block, n) == -EAGAIN) {
			while (!atomic_exchange(&l->room, 0))
				sched_yield();
		}
		sent += n;
	}
	return NULL;
}

static void
two_threads_lose_nothing(void **state)
{
	struct line l = { .room = 0 };
	pthread_t t;
	size_t got = 0;
	size_t wrong = 0;

	(void)state;
	ring_init(&l.ring);
	assert_int_equal(pthread_create(&t, NULL, put_all, &l), 0);
	while (got < TOTAL) {
		const void *v = NULL;
		size_t n = ring_peek(&l.ring, &v);
		const unsigned char *p = v;
		size_t i;

		if (n > 100000)
			n = 100000;
		for (i = 0; i < n; i++)
			wrong += p[i] != (got + i) % 251;
		got += n;
		if (n == 0)
			sched_yield();
		else if (ring_consume(&l.ring, n))
			atomic_store(&l.room, 1);
	}
	pthread_join(t, NULL);
	assert_int_equal(wrong, 0);
	ring_free(&l.ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_in_order),
		cmocka_unit_test(full_refuses_and_says_when_there_is_room),
		cmocka_unit_test(a_small_object_costs_one_slot),
		cmocka_unit_test(two_threads_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
