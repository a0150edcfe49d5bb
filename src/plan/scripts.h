/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_SCRIPTS_H
#define PLAN_SCRIPTS_H

#include <stddef.h>

struct build_manifest;

/*
 * Which units of a build manifest wait for which build scripts: no unit reads
 * the output of a build script's compile, but its package cannot be built
 * without it.
 * Pure.  Threads: any.
 */
enum { SCRIPTS_PAIRS = 65536 };

/* Calls USE with each pair of a unit and a build script of its package, one
 * package after the other, at most SCRIPTS_PAIRS times.  0; -ENOMEM; or the
 * first negative result of USE, which ends it. */
int scripts_each(const struct build_manifest *m,
		 int (*use)(void *ctx, size_t unit, size_t script), void *ctx);

#endif
