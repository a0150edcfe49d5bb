/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_GC_STEPS_H
#define STORE_GC_STEPS_H

#include <stdbool.h>
#include <stdint.h>

/* The progress of a sweep, and whether it may go on.  Threads: owner. */
struct gc_steps {
	bool (*go_on)(void *ctx, uint64_t done, uint64_t total); /* or NULL */
	void *ctx;
	uint64_t done;
	uint64_t total; /* known by now; grows */
	bool stopped;
};

/* Announces more steps. */
static inline void
gc_steps_expect(struct gc_steps *st, uint64_t n)
{
	st->total += n;
}

/* Call it before each small step.  False: stop. */
static inline bool
gc_step(struct gc_steps *st)
{
	if (!st->stopped && st->go_on &&
	    !st->go_on(st->ctx, st->done, st->total))
		st->stopped = true;
	if (!st->stopped && ++st->done > st->total)
		st->total = st->done;
	return !st->stopped;
}

#endif
