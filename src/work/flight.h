/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORK_FLIGHT_H
#define WORK_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest;

/*
 * Single flight: what several want at once is fetched once. A flight fetches
 * one key. It belongs to nobody: waiters join and leave, each with a deadline
 * of its own that it watches itself, and its result, which may be an error,
 * goes to all who wait at its end. While somebody waits it is demand. When
 * nobody does, it goes on in the background if the background asked for it too
 * or more than half of its bytes have arrived; otherwise it is cancelled. A
 * waiter raises a background flight to demand. Threads: any. One lock for each
 * table; it is a leaf, and callbacks are called without it.
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
	/* The wish has changed. May be called while the work is finishing, and
	 * must tolerate being late. Cancelled work still calls flight_end. */
	void (*tell)(void *work, enum flight_want want);
	/* The end of WORK: no call for it is under way or will come. */
	void (*release)(void *work);
};

/* A waiter. The caller's memory, until `done` is called or flight_leave has
 * returned true. */
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

/* Joins the flight of KEY, or starts it. W waits for the result; if W is NULL
 * the background wants it and nobody waits. 0, after which `done` may already
 * have been called; -ENOMEM or -ECANCELED (closed), after which it never is. */
int flight_join(struct flights *t, const struct digest *key,
		struct flight_waiter *w);

/* Withdraws the background's wish: if nobody waits, KEY's flight is cancelled
 * unless more than half of its bytes have arrived. */
void flight_forget(struct flights *t, const struct digest *key);

/* True: W has left, and `done` is never called. False: it has been called, or
 * is being called on another thread. */
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
