/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_REMOTE_H
#define REMOTE_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

struct config;

/*
 * A remote: objects by name below one prefix (LAYOUT), in an S3 bucket or a
 * shared directory.  Both have this one interface, and nothing in it waits.
 *
 * The owner of an operation provides its struct, starts it, is told by `notify`
 * whenever something has changed, and calls remote_finish at the end.  The body
 * of a GET goes through a ring of 4 x 256 kB from the remote's own threads to
 * the owner; while the ring is full, nothing more is received.
 *
 * Threads: any, except open and close; for one operation one thread at a
 * time.  `notify` is called on a thread of the remote, without its locks; it
 * must not wait, and may not call remote_finish.
 */
enum remote_verb { REMOTE_GET, REMOTE_PUT };
enum remote_lane { REMOTE_BACKGROUND, REMOTE_DEMAND };
enum { REMOTE_NAME = 256 };

struct remote;

struct remote_op {
	/* The owner's; not changed between start and finish. */
	enum remote_verb verb;
	enum remote_lane lane;  /* as it starts; remote_move changes it */
	char name[REMOTE_NAME]; /* "v1/packs/ab/..." */
	int64_t deadline;       /* monotonic ns for the whole; 0: the
				 * remote's own rules only */
	uint64_t max;           /* GET: a larger object is ERR_TOOBIG */
	uint64_t expect;        /* GET: what size it may have, 0: no idea */
	int fd;                 /* PUT: the body, from offset 0 */
	uint64_t size;          /* PUT: its bytes */
	struct digest sha;      /* PUT: their SHA-256 */
	bool if_absent;         /* PUT: never over an existing object */
	void (*notify)(struct remote_op *op);

	/* The remote's; valid from when they are first said until finish. */
	uint64_t total; /* GET: size, 0 while it is not known */
	bool existed;   /* PUT if_absent: there was one already */
	void *own;
};

/*
 * Opens the remote that [remote main] of C names; C must outlive it.  GET
 * answers for variables (AWS_* and proxies; getenv's signature).  Reads no
 * file and asks no network: what is wrong shows in remote_status.  0;
 * ERR_MISS: none is configured; -EINVAL: the url cannot be understood, WHY
 * (ROOM bytes) says how; or -errno.
 */
int remote_open(const struct config *c, const char *(*get)(const char *name),
		struct remote **out, char *why, size_t room);

/* Ends all operations with -ECANCELED (each notify is still called), waits
 * until their owners have finished them, and frees R. */
void remote_close(struct remote *r);

/* 0: `notify` will come, perhaps before this returns, and remote_finish is
 * owed.  Else nothing is owed: ERR_BUSY (the breaker is open), ERR_REFUSED
 * (not in this mode), -ENOMEM, -ECANCELED (closing). */
int remote_start(struct remote *r, struct remote_op *op);

/* Asks for an early end; notify comes as usual. */
void remote_cancel(struct remote_op *op);
void remote_move(struct remote_op *op, enum remote_lane lane);

/*
 * Where a running GET's next bytes lie, and how many; 0 bytes: none now, wait
 * for `notify`.  remote_consume gives N of them back.  *ENDED: no more will
 * come, and remote_result is there.  Bytes of a failed GET may be given
 * before the failure is known: believe nothing before the end.
 */
size_t remote_peek(struct remote_op *op, const void **p, bool *ended);
void remote_consume(struct remote_op *op, size_t n);

/*
 * After the end.  0; ERR_MISS: there is no such object; ERR_TIMEOUT: no first
 * byte in time, too slow, or past the deadline; ERR_REFUSED: credentials,
 * bucket, region, clock (remote_status says it in plain words);
 * ERR_BUSY: it asks for less, and retries are used up; ERR_TOOBIG;
 * ERR_CORRUPT: less or more bytes than announced; -ECANCELED; -EIO: all else.
 */
int remote_result(const struct remote_op *op);

/* Frees what the remote holds for an ended operation. */
void remote_finish(struct remote_op *op);

/* Whether [remote] mode and the breaker allow a GET (PUT) now.  Cheap. */
bool remote_readable(struct remote *r);
bool remote_writable(struct remote *r);

/* Measured bytes a second of receiving, 0: not known yet. */
uint64_t remote_rate(struct remote *r);

enum { REMOTE_TEXT = 400 };

/* For people.  Texts are plain; empty where there is nothing to say. */
struct remote_status {
	char url[REMOTE_TEXT];
	char problem[REMOTE_TEXT];     /* why requests fail, with what to do */
	char credentials[REMOTE_TEXT]; /* source and key id, never secrets */
	int64_t expires;               /* s since 1970, 0: never */
	const char *mode;              /* "rw", "ro", "wo" */
	const char *read_breaker;      /* "closed", "open", "half-open" */
	const char *write_breaker;
	unsigned demand; /* operations under way */
	unsigned background;
	uint64_t gets, puts, misses, errors, retries;
	uint64_t bytes_in, bytes_out;
	uint64_t rate; /* bytes a second */
};

void remote_status(struct remote *r, struct remote_status *st);

#endif
