/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_REMOTE_QUERY_H
#define SHIM_REMOTE_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/daemon_backoff.h" /* allow: value */
#include "wire/client.h"         /* allow: value */

struct digest;
struct invocation;

/*
 * Asks the daemon for a result on the remote (src/wire/PROTOCOL: CHECK, then
 * GETs), at most [shim] timeout.  What the daemon fetches it puts into the
 * store, where lookup finds it.  Neither the daemon nor the remote is believed:
 * input lists are checked and evaluated here once more.  Threads: one.
 */
struct remote_query { /* private */
	struct invocation *job;
	struct client client;
	struct daemon_backoff mark;
	bool probing;  /* the daemon was down: is it still? */
	int64_t begin; /* monotonic ns */
	int64_t soon;
	int64_t end;
	const char *why; /* why the daemon was of no use */
	bool dead;       /* it did not say what it must in time */
};

/* Whether it makes sense to ask: a remote that may be read, and a daemon that
 * is not known to be down.  True: remote_query_run is owed. */
bool remote_query_begin(struct remote_query *a, struct invocation *j);

/* True: something new lies in the store. */
bool remote_query_run(struct remote_query *a);

/* For struct kind's ask: brings the entry AT into the store; the second one
 * also what a redirect leads to.  0; ERR_MISS: there is none; or another code:
 * ask no more. */
int remote_query_get(struct remote_query *a, const struct digest *at);
int remote_query_bring(struct remote_query *a, const struct digest *at);

/* Tells the daemon that something new waits to be uploaded: the entry AT. */
void remote_query_stored(struct invocation *j, const struct digest *at);

#endif
