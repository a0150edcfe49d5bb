/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_PLANNER_CALL_H
#define REMOTE_PLANNER_CALL_H

#include <stddef.h>

struct buf;

/*
 * One question to a planner service, by an engine of its own: it has nothing
 * to do with where results come from.  Waits; not for a thread that must not.
 * Threads: any.
 */
struct planner_call {
	const char *(*get)(const char *name); /* the environment */
	const char *endpoint;   /* an address below which /v2/prefetch-plan
				 * lies, or one with /v1/ or /v2/ in it */
	const char *token_file; /* its content goes as bearer; "": none */
	const char *body;       /* planner_request */
	size_t max;             /* bytes of the answer */
	int timeout_ms;         /* over all */
};

/* 0: the answer is appended to OUT; ERR_REFUSED: another status than 200 (a
 * redirect is one); ERR_MISS: no token in its file; ERR_TIMEOUT; ERR_TOOBIG;
 * or as xfer_fetch. */
int planner_call(const struct planner_call *c, struct buf *out);

/* Where ENDPOINT is asked.  Appends to URL. */
void planner_call_url(const char *endpoint, struct buf *url);

#endif
