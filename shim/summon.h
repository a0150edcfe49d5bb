/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_SUMMON_H
#define SHIM_SUMMON_H

#include <stdbool.h>
#include <stddef.h>

struct job;

/*
 * Starts the daemon beside us on demand, if nobody else does (lock byte 1 of
 * daemon.lock; byte 0 belongs to the daemon that runs).  It gets nothing of
 * the build, and of the environment only what its work needs, as cargo was
 * started with it.  Does not wait for it.
 */
void summon_daemon(struct job *j);

/* Whether the daemon needs the variable NAME (to N bytes). */
bool summon_wants(const char *name, size_t n);

#endif
