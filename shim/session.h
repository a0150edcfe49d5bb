/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_SESSION_H
#define SHIM_SESSION_H

#include <stddef.h>

struct buf;
struct invocation;

/*
 * Tells the daemon that a build has begun, once for each cargo run, and at the
 * build session's first miss what it is going to need (DESIGN: prefetch). Who
 * was told is recorded in sessions/ of the store (src/store/FORMAT). Nothing
 * waits and nothing can fail; hits never come here. Threads: one.
 */

/* Before a query of cargo's is answered; J's toolchain is loaded. */
void session_query(struct invocation *j);

/* At a miss, before the daemon is asked. */
void session_miss(struct invocation *j);

/*
 * For tests: the directory in which cargo looks for its manifest, if it was
 * started in CWD with CMDLINE (words, NUL after each).  0 or ERR_TOOBIG.
 */
int session_start_dir(const char *cwd, const struct buf *cmdline, char *out,
		      size_t room);

#endif
