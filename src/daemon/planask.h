/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLANASK_H
#define DAEMON_PLANASK_H

#include <stdbool.h>

struct bman;
struct config;
struct digest;

/*
 * Asks the planner service of C for what the workspace with its Cargo.lock
 * will want, and turns the answer into a build manifest.  Waits at most
 * 750 ms: for a thread of its own.  True: there is an answer that holds, OUT
 * is it, empty if nothing is to be fetched.  False: plan without.
 */
bool planask_run(const struct config *c, const char *workspace,
		 const struct digest *toolchain, struct bman *out);

#endif
