/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SESSION_RECORD_H
#define DAEMON_SESSION_RECORD_H

#include <stddef.h>

struct session;
struct services;

/*
 * The end of a cargo run, as a background job: reads what it did from the
 * event log, counts what prefetch was good for, and, if the run may write,
 * puts its build manifest to the remote: once for good, and merged into
 * `latest` of its two ids.  Copies what it needs of B.  Threads: the poll
 * loop's.
 */
void session_record_write(struct services *h, const struct session *b);

/* Those that are not done. */
size_t session_record_left(struct services *h);

#endif
