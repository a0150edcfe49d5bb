/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_SCRIPT_H
#define SHIM_SCRIPT_H

#include <stdbool.h>

struct digest;
struct job;

/*
 * The run of a build script: looked up, replayed, or run for real, observed
 * and stored.  The launcher (shim/launcher_main) starts us with the script's
 * real program as argv[1] and its own argv[0] as argv[2].  Threads: one.
 */

/* True if argv[1] is such a program. */
bool script_is(const struct job *j);

/* Runs the real program and nothing else. */
void script_exec(struct job *j) __attribute__((noreturn));

/* Does it all; ends the process as the script would. */
void script_serve(struct job *j) __attribute__((noreturn));

#endif
