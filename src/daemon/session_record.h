/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SESSION_RECORD_H
#define DAEMON_SESSION_RECORD_H

#include <stddef.h>

struct session;
struct services;

/*
 * Records a finished cargo run, as a background job: reads from the event log
 * what the run did, counts what prefetch achieved and, if the run may write,
 * uploads its build manifest: one copy that never changes, and one merged into
 * `latest` of its two ids. Copies what it needs of B. Threads: the poll loop's.
 */
void session_record_write(struct services *h, const struct session *b);

/* Those that are not done. */
size_t session_record_left(struct services *h);

#endif
