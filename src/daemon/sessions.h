/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SESSIONS_H
#define DAEMON_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"    /* allow: value */
#include "base/digest.h" /* allow: value */

struct sessions;
struct services;
struct prefetches;
struct message_hint;
struct message_session;

/*
 * The cargo runs in progress, as SESSION and PREFETCH_HINT announce them. A run
 * ends when its process is gone or, where that cannot be seen, after ten quiet
 * seconds; then its build manifest is written (daemon/session_record). Threads:
 * the poll loop's.
 */
enum { SESSIONS_MAX = 64, SESSIONS_LOCKS = 8 };

struct session {
	struct session *next;
	uint64_t session;
	int pidfd; /* -1: it cannot be seen */
	char workspace[4097];
	struct digest lock; /* of Cargo.lock; zero: none */
	struct digest toolchain;
	bool writes;    /* its build manifest may be written */
	bool continued; /* of the same session as the one before */
	bool missed;    /* something of it was not in the store */
	bool hinted;
	struct digest older[SESSIONS_LOCKS]; /* earlier Cargo.locks */
	size_t nolder;
	struct buf crates; /* "name version", each with its NUL */
	uint64_t log_from; /* where events.log ended when it began */
	int64_t active;
};

/* Who plans for the builds that are under way: daemon/prefetch. */
struct sessions_ops {
	void (*begin)(struct prefetches *p, struct session *s);
	void (*hinted)(struct prefetches *p, struct session *s);
	void (*end)(struct prefetches *p, const struct session *s);
};

/* OPS are called with h->prefetches.  0 or -ENOMEM. */
int sessions_open(struct services *h, const struct sessions_ops *ops);
void sessions_close(struct sessions *b);

void sessions_session(struct sessions *b, const struct message_session *m);
void sessions_hint(struct sessions *b, const struct message_hint *m);

/* NULL: it is over.  Borrowed until the next call. */
struct session *sessions_find(struct sessions *b, uint64_t session);

/* A shim asks for something that is not in the store. */
void sessions_missed(struct sessions *b);

/* Gives when to call again, 0: no need. */
int64_t sessions_tick(struct sessions *b, int64_t now);

/* Ends all of them, now. */
void sessions_end(struct sessions *b);
size_t sessions_count(const struct sessions *b);

#endif
