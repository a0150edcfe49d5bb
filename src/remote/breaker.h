/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_BREAKER_H
#define REMOTE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A circuit breaker: stops asking a remote that does not answer.  Closed: all
 * requests may go.  Open: none may go during a pause.  Half-open: the pause is
 * over and one probe is under way, which decides.  Pure: NOW is monotonic
 * nanoseconds.
 * Zero-initialised is closed.  Threads: owner.
 */
enum { BREAKER_FAILURES = 5 };     /* in a row, that open it */
#define BREAKER_PAUSE 5000000000LL /* doubles with each failed probe */
#define BREAKER_PAUSE_MAX 300000000000LL
#define BREAKER_PROBE 30000000000LL /* a probe older than this is lost */

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF };

struct breaker {
	enum breaker_state state;
	unsigned failures;
	int64_t pause;
	int64_t until; /* open: when a probe may go; half: when it is lost */
};

bool breaker_allows(const struct breaker *b);

/* True: the caller must send a probe now, and only this one. */
bool breaker_probe(struct breaker *b, int64_t now);

/* Tell that a request was answered or failed; AT_ONCE: one such failure is
 * enough to open it.  Answers to old requests that arrive while it is open
 * change nothing. */
void breaker_ok(struct breaker *b);
void breaker_fail(struct breaker *b, bool at_once, int64_t now);

/* "closed", "open", "half-open". */
const char *breaker_name(const struct breaker *b);

#endif
