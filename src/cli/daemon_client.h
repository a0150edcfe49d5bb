/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DAEMON_CLIENT_H
#define CLI_DAEMON_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"      /* allow: value */
#include "config/config.h" /* allow: value */

struct message;

/*
 * How the commands talk to the daemon: find it, start it, ask it.
 * Threads: owner.
 */
struct daemon_client {
	struct config config;
	const char *dir; /* the store; borrowed from config */
	char socket[4200];
	char log[4200];
};

/* Loads the configuration.  0, or says on stderr why not and gives -1. */
int daemon_client_init(struct daemon_client *t, const char *command);

/* The daemon's report: COUNT lines "name=value", each followed by a NUL. */
struct daemon_client_report {
	struct buf lines;
	size_t count;
};

/* 0: R is filled and the caller's; ERR_MISS: nobody listens; another error
 * of client_open or client_receive. */
int daemon_client_status(const struct daemon_client *t,
			 struct daemon_client_report *r);

/* The value of NAME, or NULL.  Borrowed from R. */
const char *daemon_client_value(const struct daemon_client_report *r,
				const char *name);

/* Sends DRAIN or STOP with MS; waits for LEFT.  0 or as
 * daemon_client_status. */
int daemon_client_left(const struct daemon_client *t, int type, int64_t ms,
		       uint64_t *left);

/* Starts the daemon in the background and waits until it answers, at most 5
 * s.  0, *STARTED tells whether it was not there before; or an error. */
int daemon_client_start(const struct daemon_client *t, bool *started);

/* Waits at most MS until no daemon runs.  0 or ERR_TIMEOUT. */
int daemon_client_gone(const struct daemon_client *t, int ms);

#endif
