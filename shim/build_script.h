/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_BUILD_SCRIPT_H
#define SHIM_BUILD_SCRIPT_H

#include <stdbool.h>

struct invocation;

/*
 * The run of a build script as a kind of work (shim/kind).  The launcher
 * (shim/launcher_main) starts us with the script's real program as argv[1] and
 * its own argv[0] as argv[2].  Threads: one.
 */

/* True if argv[1] is such a program. */
bool build_script_is(const struct invocation *j);

#endif
