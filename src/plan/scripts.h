/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_SCRIPTS_H
#define PLAN_SCRIPTS_H

#include <stddef.h>

struct build_manifest;

/*
 * Nobody reads what a build script's compile makes, but its package is not
 * built without it: which units of a build manifest wait for which scripts.
 * Pure.  Threads: any.
 */
enum { SCRIPTS_PAIRS = 65536 };

/* Calls USE with each unit that is no build script and each build script of
 * its package, of one package after the other; after SCRIPTS_PAIRS no more.
 * 0, -ENOMEM, or what USE gave if it was below 0: then it was the last. */
int scripts_each(const struct build_manifest *m,
		 int (*use)(void *ctx, size_t unit, size_t script), void *ctx);

#endif
