/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_BUILD_SCRIPT_H
#define SHIM_BUILD_SCRIPT_H

#include <stdbool.h>

struct digest;
struct invocation;

/*
 * The run of a build script: looked up, replayed, or run for real, observed
 * and stored.  The launcher (shim/launcher_main) starts us with the script's
 * real program as argv[1] and its own argv[0] as argv[2].  Threads: one.
 */

/* True if argv[1] is such a program. */
bool build_script_is(const struct invocation *j);

/* Runs the real program and nothing else. */
void build_script_exec(struct invocation *j) __attribute__((noreturn));

/* Does it all; ends the process as the script would. */
void build_script_serve(struct invocation *j) __attribute__((noreturn));

#endif
