/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PLAN_REQUEST_H
#define DAEMON_PLAN_REQUEST_H

#include <stdbool.h>

struct build_manifest;
struct config;
struct digest;

/*
 * Asks the planner service of C what the workspace with this Cargo.lock will
 * want, and turns the answer into a build manifest. Waits at most 750 ms, so it
 * belongs on a thread of its own. True: there is a valid answer, OUT, which is
 * empty if nothing should be fetched. False: plan without the service.
 */
bool plan_request_run(const struct config *c, const char *workspace,
		      const struct digest *toolchain,
		      struct build_manifest *out);

#endif
