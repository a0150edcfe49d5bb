/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_BUILDS_H
#define DAEMON_BUILDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"    /* allow: value */
#include "base/digest.h" /* allow: value */

struct builds;
struct hub;
struct message;

/*
 * The cargo runs that are under way, as SESSION and PREFETCH_HINT tell of
 * them.  A run ends when its process is gone, or after ten quiet seconds where
 * that cannot be seen; then its build manifest is written (daemon/ledger).
 * Threads: the poll loop's.
 */
enum { BUILDS_MAX = 64, BUILDS_LOCKS = 8 };

struct build {
	struct build *next;
	uint64_t session;
	int pidfd; /* -1: it cannot be seen */
	char workspace[4097];
	struct digest lock; /* of Cargo.lock; zero: none */
	struct digest toolchain;
	bool writes;    /* its build manifest may be written */
	bool continued; /* of the same session as the one before */
	bool missed;    /* something of it was not in the store */
	bool hinted;
	struct digest older[BUILDS_LOCKS]; /* earlier Cargo.locks */
	size_t nolder;
	struct buf crates; /* "name version", each with its NUL */
	uint64_t log_from; /* where events.log ended when it began */
	int64_t active;
};

int builds_open(struct hub *h);
void builds_close(struct builds *b);

void builds_session(struct builds *b, const struct message *m);
void builds_hint(struct builds *b, const struct message *m);

/* NULL: it is over.  Borrowed until the next call. */
struct build *builds_find(struct builds *b, uint64_t session);

/* A shim asks for something that is not in the store. */
void builds_missed(struct builds *b);

/* Gives when to call again, 0: no need. */
int64_t builds_tick(struct builds *b, int64_t now);

/* Ends all of them, now. */
void builds_end(struct builds *b);
size_t builds_count(const struct builds *b);

#endif
