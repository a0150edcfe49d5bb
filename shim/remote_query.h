/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_REMOTE_QUERY_H
#define SHIM_REMOTE_QUERY_H

#include <stdbool.h>

struct digest;
struct invocation;

/*
 * Asking the daemon for what only a remote has, within one deadline
 * (src/wire/PROTOCOL).  Whatever goes wrong is a miss, and one line in
 * shim.log at debug; nothing is ever said on stderr.  Threads: one.
 */

/* True if there is a remote to read from and the daemon is not marked down:
 * asking may be worth a prepared compiler. */
bool remote_query_wanted(struct invocation *j);

/* Asks for J's unit and brings what fits into the store.  True: something
 * came, look it up again. */
bool remote_query(struct invocation *j);

/* Tells the daemon of a new entry at AT and its intent, without waiting;
 * starts the daemon if nobody listens. */
void remote_query_stored(struct invocation *j, const struct digest *at);

#endif
