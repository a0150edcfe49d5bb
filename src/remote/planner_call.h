/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_PLANNER_CALL_H
#define REMOTE_PLANNER_CALL_H

#include <stddef.h>

struct buf;

/*
 * Asks a planner service one question, by a transfer engine of its own, because
 * the service has nothing to do with the remote.  Blocks until the answer is
 * there.  Threads: any that may wait.
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

/* 0: the answer was appended to OUT; ERR_REFUSED: the status was not 200 (a
 * redirect counts); ERR_MISS: the token file has no token; ERR_TIMEOUT;
 * ERR_TOOBIG; or as xfer_fetch. */
int planner_call(const struct planner_call *c, struct buf *out);

/* Appends to URL the address at which ENDPOINT is asked. */
void planner_call_url(const char *endpoint, struct buf *url);

#endif
