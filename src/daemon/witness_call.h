/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_WITNESS_CALL_H
#define DAEMON_WITNESS_CALL_H

#include <stdatomic.h>
#include <stdbool.h>

/*
 * Lets `kache witness` run what slow build scripts left to be run in another
 * place, if there is any, at the lowest priority.  Returns when
 * it has ended, or soon after *STOP.  STORE is the store's directory, DIR a
 * descriptor of it.  True if it was started.  Threads: the sweeper's.
 */
bool witness_call(const char *store, int dir, const atomic_bool *stop);

#endif
