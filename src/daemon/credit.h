/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CREDIT_H
#define DAEMON_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How far a plan is trusted.  One that is of another build (other RUSTFLAGS,
 * an edit below everything) looks like any other until the build says what it
 * wants, so trust grows as a TCP connection's window does: nothing is fetched
 * before the build has asked for a unit of the plan, then a little, and then
 * some times what turned out to be right, up to that and 32 MiB.
 *
 * Bytes are those of a unit's outputs, as the plan says, or of its pack if
 * that is more.  Zero-initialised knows nothing.  Pure.  Threads: owner.
 */
struct credit {
	uint64_t unproven; /* fetched or under way, not known to be right */
	uint64_t proven;   /* used, or asked for exactly as planned */
	unsigned right;    /* units of that */
	unsigned wrong;    /* asked for, and not as planned (so far) */
	int64_t since;     /* when wrong began to outweigh right, 0: not */
	bool met;          /* the build has asked for a unit of the plan */
};

enum {
	CREDIT_START = 2 << 20,
	CREDIT_MOST = 32 << 20,
	CREDIT_TIMES = 4,
	CREDIT_WRONG = 4
};

/* What is known to be right: SIZE bytes, which count as unproven if
 * WAS_UNPROVEN. */
void credit_prove(struct credit *c, uint64_t size, bool was_unproven);

/* Whether SIZE more bytes may be fetched. */
bool credit_allows(const struct credit *c, uint64_t size);

/* Why not, if not: what was fetched has not been used yet. */
bool credit_waits(const struct credit *c);

/* Whether the plan is of no use: more of it was asked for otherwise than
 * exactly, for a second.  A question whose answer is under way counts as
 * wrong meanwhile, and a large machine asks many. */
bool credit_lost(struct credit *c, int64_t now);

#endif
