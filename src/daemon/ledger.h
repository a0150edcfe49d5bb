/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_LEDGER_H
#define DAEMON_LEDGER_H

#include <stddef.h>

struct build;
struct hub;

/*
 * The end of a cargo run, as a background job: reads what it did from the
 * event log, counts what prefetch was good for, and, if the run may write,
 * puts its build manifest to the remote: once for good, and merged into
 * `latest` of its two ids.  Copies what it needs of B.  Threads: the poll
 * loop's.
 */
void ledger_write(struct hub *h, const struct build *b);

/* Those that are not done. */
size_t ledger_left(struct hub *h);

#endif
