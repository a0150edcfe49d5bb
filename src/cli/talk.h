/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TALK_H
#define CLI_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"      /* allow: value */
#include "config/config.h" /* allow: value */

struct message;

/*
 * The daemon as the commands see it: where it is, how to start it, what it
 * answers.  Threads: owner.
 */
struct talk {
	struct config config;
	const char *dir; /* the store; borrowed from config */
	char socket[4200];
	char log[4200];
};

/* Loads the configuration.  0, or says on stderr why not and gives -1. */
int talk_init(struct talk *t, const char *command);

/* What the daemon says of itself: lines "name=value", NUL after each. */
struct talk_report {
	struct buf lines;
	size_t count;
};

/* 0: R is filled and the caller's; ERR_MISS: nobody listens; another error
 * of client_open or client_receive. */
int talk_status(const struct talk *t, struct talk_report *r);

/* The value of NAME, or NULL.  Borrowed from R. */
const char *talk_value(const struct talk_report *r, const char *name);

/* Sends DRAIN or STOP with MS; waits for LEFT.  0 or as talk_status. */
int talk_left(const struct talk *t, int type, int64_t ms, uint64_t *left);

/* Starts the daemon in the background and waits until it answers, at most 5
 * s.  0, *STARTED tells whether it was not there before; or an error. */
int talk_start(const struct talk *t, bool *started);

/* Waits at most MS until no daemon runs.  0 or ERR_TIMEOUT. */
int talk_gone(const struct talk *t, int ms);

#endif
