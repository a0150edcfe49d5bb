/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_REMOTE_INTERNAL_H
#define REMOTE_REMOTE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/breaker.h" /* allow: value */
#include "remote/remote.h"  /* allow: value */
#include "remote/ring.h"    /* allow: value */

/*
 * The interface between remote.c, which has what all kinds of remotes share
 * (breakers, rings, counters, the life of an operation), and the kinds (s3,
 * dirremote), which move the bytes.
 */

#define REMOTE_FORMAT "v1/FORMAT"
#define REMOTE_FORMAT_TEXT "kache remote 1\n"

/* One operation from start to finish; op->own. */
struct remote_run {
	struct remote *remote;
	struct remote_op *op;
	void *kind; /* the kind's own, from its start to its finish */
	struct ring ring;
	atomic_int lane;
	atomic_bool ended;
	int result;
	bool telling;  /* notify is being called for the end; remote->lock */
	bool internal; /* started by remote.c itself, which frees it */
};

/* A kind of remote. */
struct remote_ops {
	const char *scheme; /* "s3://" */

	/* As remote_open. */
	int (*open)(struct remote *r, const char *url, void **kind, char *why,
		    size_t room);
	/* Ends all operations with -ECANCELED by remote_end, and the kind's
	 * threads; then, once every operation is finished, frees it. */
	void (*stop)(void *kind);
	void (*close)(void *kind);

	/* 0: remote_end will be called, else nothing is owed. */
	int (*start)(void *kind, struct remote_run *run);
	void (*finish)(void *kind, struct remote_run *run);
	void (*cancel)(void *kind, struct remote_run *run);
	/* run->lane has changed. */
	void (*move)(void *kind, struct remote_run *run);
	/* The ring, which was full, has room again. */
	void (*resume)(void *kind, struct remote_run *run);

	uint64_t (*rate)(void *kind); /* bytes a second, 0: not known */
	/* Fills credentials and expires. */
	void (*status)(void *kind, struct remote_status *st);
};

extern const struct remote_ops s3_ops;
extern const struct remote_ops dirremote_ops;

struct remote {
	const struct remote_ops *ops;
	void *kind;
	const struct config *config;
	const char *(*get)(const char *name);
	char url[REMOTE_TEXT];
	int mode;
	bool read_only; /* set by the kind at open: writing cannot work */

	pthread_mutex_t lock; /* a leaf; all below */
	pthread_cond_t moved;
	bool closing;
	unsigned running;
	unsigned lanes[2];
	struct breaker breaker[2]; /* by verb */
	char problem[2][REMOTE_TEXT];
	char hint[REMOTE_TEXT];
	int64_t format_next; /* when v1/FORMAT may be tried; 0: now */
	bool format_there;
	uint64_t gets, puts, misses, errors, retries;
	uint64_t bytes_in, bytes_out;
};

/* What an attempt says about the remote as a whole. */
enum remote_sign {
	REMOTE_ALIVE,  /* a sound answer, "not there" too */
	REMOTE_FAILED, /* trouble */
	REMOTE_SILENT  /* no first byte in time */
};

void remote_blame(struct remote *r, enum remote_verb verb,
		  enum remote_sign sign);
void remote_retried(struct remote *r);

/* For people, and logged when it is new; NULL: the trouble is over. */
void remote_problem(struct remote *r, enum remote_verb verb, const char *text);
void remote_hint(struct remote *r, const char *text);

/* For a GET: N bytes for the owner, who is told.  0, -EAGAIN (ops->resume
 * will come), ERR_TOOBIG, -ENOMEM.  TOTAL: 0 while it is not known. */
int remote_give(struct remote_run *run, const void *p, size_t n,
		uint64_t total);

/* The end of an operation; RUN may be gone afterwards. */
void remote_end(struct remote_run *run, int result);

#endif
