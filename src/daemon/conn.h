/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONN_H
#define DAEMON_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"    /* allow: value */
#include "base/digest.h" /* allow: value */
#include "wire/frame.h"  /* allow: value */

struct remote_query;
struct services;
struct message;

/* The daemon's clients. One poll loop reads and writes every socket, and
 * nothing here waits. Threads: the poll loop's only. */
enum conn_state {
	CONN_NEW,   /* its HELLO has not come */
	CONN_IDLE,  /* may ask */
	CONN_WAITS, /* a flight has its question */
	CONN_DRAINS /* wants to be told what is left */
};

/* What SHAPES offered. A pack that comes too late for its shim but is cheaper
 * to fetch than to compile is fetched in the background. */
struct conn_offer {
	struct digest at;
	uint64_t compile_us;
};

enum { CONN_OFFERS = 8 };

struct conn {
	struct services *hub;
	struct conn *prev, *next;
	int fd;
	struct frame_in in;
	struct frame_out out;
	enum conn_state state;
	bool closing; /* once everything is written */
	bool mute;    /* it does not read any more; what it wrote counts */
	bool wants_out;
	int64_t since;    /* accepted, or the last sign of life */
	int64_t deadline; /* of the answer it waits for */
	int64_t accepted;
	int64_t unread; /* since when it does not take what we write, or 0 */
	bool stops;     /* the daemon ends once it is answered */
	struct remote_query *ask;   /* the question under way */
	struct remote_query *guess; /* a pack it will probably ask for */
	struct conn_offer offer[CONN_OFFERS];
	size_t offers;
};

enum { CONN_MAX = 4096 };

/* Who answers the clients: daemon/requests. */
struct conn_ops {
	void (*message)(struct conn *c, const struct message *m);
	/* Looks at the deadlines of what C waits for. */
	void (*tick)(struct conn *c, int64_t now);
	/* C goes away. */
	void (*gone)(struct conn *c);
};

/* All clients of a daemon; hub.conns. */
struct conns {
	struct services *hub;
	const struct conn_ops *ops;
	int epoll;
	struct conn *first;
	unsigned count;
	int64_t active; /* when anybody last asked for anything */
};

/* EPOLL and OPS are borrowed.  0 or -ENOMEM. */
int conn_open(struct services *h, int epoll, const struct conn_ops *ops);
void conn_close_all(struct services *h);

/* Takes FD, checks its peer and greets it. */
void conn_accept(struct services *h, int fd);

/* C is ready for EVENTS (epoll). */
void conn_ready(struct conn *c, unsigned events);

/* Sends M; a client that does not read is dropped later, by conn_tick. */
void conn_send(struct conn *c, const struct message *m);

/* Sends a message without fields. */
void conn_say(struct conn *c, int type);

/* Checks every deadline. Returns when to check again (monotonic ns); 0: no
 * need. */
int64_t conn_tick(struct services *h, int64_t now);

#endif
