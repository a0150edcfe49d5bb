/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORK_FLIGHT_H
#define WORK_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest;

/*
 * Single flight: what many want at once is fetched once.  A flight is the
 * fetching of one key.  It belongs to nobody: waiters come and go, each with
 * a deadline of its own that it keeps itself, and the result, be it an
 * error, goes to all who are there at its end.  While somebody waits it is
 * demand; with nobody left it goes on in the background if it was asked for
 * in the background too or has more than half of its bytes, else it is
 * cancelled.  A waiter raises a background flight.
 *
 * Threads: any.  One lock for a table, a leaf; every callback is called
 * without it.
 */
enum flight_want { FLIGHT_BACKGROUND, FLIGHT_DEMAND, FLIGHT_CANCELLED };

struct flights;
struct flight;

/* How the work behind a flight is done.  The calls for one flight never
 * overlap and always come in the order of what they say. */
struct flight_ops {
	/* Begins, on the thread that joined first; WANT is not CANCELLED.
	 * *WORK is handed to the other calls.  0: flight_end will be called
	 * for F exactly once, perhaps before this returns.  Negative: it will
	 * not, everybody gets the code, and `release` is not called. */
	int (*start)(struct flight *f, void *ctx, const struct digest *key,
		     enum flight_want want, void **work);
	/* Something else is wanted now.  May come while the work ends, so it
	 * must bear being too late.  Cancelled work still calls flight_end. */
	void (*tell)(void *work, enum flight_want want);
	/* The end of WORK: no call for it is under way or will come. */
	void (*release)(void *work);
};

/* One who waits.  The caller's memory, until `done` is called or
 * flight_leave has said true. */
struct flight_waiter {
	/* Exactly once unless it left.  VALUE, which only lives during the
	 * call, is what flight_end was given.  May free W. */
	void (*done)(struct flight_waiter *w, int result, const void *value);

	/* The table's own; zero when it joins. */
	struct flight_waiter *prev;
	struct flight_waiter *next;
	struct flight *flight;
};

/* OPS and CTX are borrowed.  0 or -ENOMEM. */
int flight_open(const struct flight_ops *ops, void *ctx, struct flights **out);

/* Frees T, in which nothing may be in flight. */
void flight_free(struct flights *t);

/*
 * Joins the flight of KEY, or begins it.  W waits for the result; with NULL
 * it is wanted in the background only and nobody waits.  0, after which
 * `done` may have been called already; -ENOMEM or -ECANCELED (closed), after
 * which it never is.
 */
int flight_join(struct flights *t, const struct digest *key,
		struct flight_waiter *w);

/* Takes back what joining without a waiter said: with nobody waiting, KEY's
 * flight is cancelled unless more than half of its bytes are here. */
void flight_forget(struct flights *t, const struct digest *key);

/* True: W is out and `done` is never called.  False: it has been called, or
 * is just being called on another thread. */
bool flight_leave(struct flights *t, struct flight_waiter *w);

/* Bytes that are still to come for W, which waits or has waited; 0: none, or
 * not known. */
uint64_t flight_left(struct flights *t, const struct flight_waiter *w);

/* For the work: HAVE of TOTAL bytes are here (0: not known). */
void flight_progress(struct flight *f, uint64_t have, uint64_t total);

/* For the work, once: its result.  F is gone afterwards. */
void flight_end(struct flight *f, int result, const void *value);

/* Nobody joins any more, and all that flies is cancelled. */
void flight_close(struct flights *t);

/* How many are in flight. */
size_t flight_count(struct flights *t);

#endif
