/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_DAEMON_START_H
#define SHIM_DAEMON_START_H

#include <stdbool.h>
#include <stddef.h>

struct invocation;

/*
 * Starts the daemon that is installed beside the shim, unless another process
 * does (lock byte 1 of daemon.lock; byte 0 belongs to the running daemon). The
 * daemon inherits nothing of the build, and of the environment only what it
 * needs, as cargo was started with it. Does not wait.
 */
void daemon_start(struct invocation *j);

/* Whether the daemon needs the variable NAME (to N bytes). */
bool daemon_start_wanted(const char *name, size_t n);

#endif
