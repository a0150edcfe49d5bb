/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_WITNESS_CALL_H
#define DAEMON_WITNESS_CALL_H

#include <stdatomic.h>
#include <stdbool.h>

/*
 * Starts `kache witness` at the lowest priority to run slow build scripts in
 * another place, if any are noted. Returns when it has ended, or soon after
 * *STOP is set. STORE is the store's directory, DIR a descriptor of it. True if
 * it was started. Threads: the sweeper's.
 */
bool witness_call(const char *store, int dir, const atomic_bool *stop);

#endif
