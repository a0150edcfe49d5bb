/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_REQUEST_H
#define DAEMON_PLAN_REQUEST_H

#include <stdbool.h>

struct build_manifest;
struct config;
struct digest;

/*
 * Asks the planner service of C for what the workspace with its Cargo.lock
 * will want, and turns the answer into a build manifest.  Waits at most
 * 750 ms: for a thread of its own.  True: there is an answer that holds, OUT
 * is it, empty if nothing is to be fetched.  False: plan without.
 */
bool plan_request_run(const struct config *c, const char *workspace,
		      const struct digest *toolchain,
		      struct build_manifest *out);

#endif
