/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_XFER_INTERNAL_H
#define REMOTE_XFER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "remote/xfer.h" /* allow: value */

/*
 * Shared by the parts of the engine: xfer.c talks to libcurl, xfer_schedule.c
 * decides what begins when, xfer_timeouts.c what has taken too long, and
 * xfer_bandwidth.c measures the line.  All run on the engine's thread.
 */
#define XFER_MS 1000000LL
#define XFER_NEVER INT64_MAX

enum {
	XFER_TICK_MS = 50,    /* how exact our own timers are */
	XFER_GUESS = 64 << 10 /* bytes of an answer whose size is not known */
};

TAILQ_HEAD(xfer_list, xfer_job);

/* A time in which what comes is counted. */
struct xfer_window {
	int64_t from;
	uint64_t bytes; /* that had come before */
};

struct xfer {
	struct xfer_opts o;
	void *multi;
	pthread_t thread;

	pthread_mutex_t lock; /* a leaf: inbox, stop */
	struct xfer_list inbox;
	bool stop;

	atomic_bool attention; /* some job has a flag up */
	atomic_bool poked;
	atomic_uint_fast64_t rate;

	/* The thread's. */
	struct xfer_list pending;
	struct xfer_list active;
	unsigned running;
	void **idle;
	unsigned idles;
	bool stopping;
	bool rescan;
	int64_t due;         /* when the next pending job's time comes */
	bool no_place[2][2]; /* this scan found none, by lane and GET */
	uint64_t received;
	struct xfer_window window; /* from 0: idle */
	struct xfer_window brief;
	uint64_t brief_rate; /* in the one before, 0: none */
	uint64_t peak;
	int64_t heard;  /* when the last byte of any answer came */
	int64_t wanted; /* when a demand last needed the line for itself */
};

/* xfer.c: 0, J is active; or why it cannot begin. */
int xfer_begin(struct xfer *x, struct xfer_job *j, int64_t now);

/* Ends an attempt of J, which is in no list. */
void xfer_schedule_end(struct xfer *x, struct xfer_job *j, int result);

/* Begins what may begin, ends what may not wait longer. */
void xfer_schedule_start(struct xfer *x, int64_t now);
void xfer_schedule_wake(struct xfer *x);

/* J was answered in full; and time goes by. */
void xfer_bandwidth_ended(struct xfer *x, const struct xfer_job *j);
void xfer_bandwidth_watch(struct xfer *x, int64_t now);

/* Bytes a second that the line has carried lately at its best, if only for
 * 50 ms; 0: not known. */
uint64_t xfer_bandwidth_best(struct xfer *x);

void xfer_timeouts_start(struct xfer *x, struct xfer_job *j, int64_t now);
bool xfer_timeouts_is_get(const struct xfer_job *j, bool demand);

/* A demand GET is in the middle of a body. */
bool xfer_timeouts_demand(struct xfer *x);

/* 0, or why active J must end now. */
int xfer_timeouts_trouble(struct xfer *x, struct xfer_job *j, int64_t now);

#endif
