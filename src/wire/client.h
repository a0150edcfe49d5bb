/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WIRE_CLIENT_H
#define WIRE_CLIENT_H

#include <stdint.h>

#include "base/buf.h"   /* allow: value */
#include "wire/frame.h" /* allow: value */

struct message;

/*
 * The calling end of the protocol: one connection, one request at a time.
 * Every wait ends at its DEADLINE (monotonic ns).  Threads: owner.
 */
struct client {
	int fd;
	struct frame_in in;
	struct frame_out out;
	struct buf body;
	struct buf lists;
};

/*
 * Connects and exchanges HELLO.  0, and client_close is owed; ERR_BUSY: its
 * backlog is full; ERR_MISS: nobody listens; ERR_REFUSED: another user's;
 * ERR_NEWER: another protocol version; ERR_TIMEOUT: no HELLO; ERR_CORRUPT;
 * -errno (-ECONNRESET: it hung up without a word).
 */
int client_open(struct client *c, const char *path, int64_t deadline);

/* Sends M.  0, ERR_TIMEOUT, ERR_TOOBIG, -errno (-EPIPE: the daemon is gone). */
int client_send(struct client *c, const struct message *m, int64_t deadline);

/* The next message from the daemon; M points into C until the next call.
 * 0, ERR_TIMEOUT, ERR_MISS (it closed), ERR_CORRUPT, -errno. */
int client_receive(struct client *c, struct message *m, int64_t deadline);

/* HELLO and the note M in one go, without waiting for anything: what the
 * socket does not take at once is not sent (ERR_BUSY).  0 or as client_open. */
int client_note(const char *path, const struct message *m);

void client_close(struct client *c);

#endif
