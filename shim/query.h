/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_QUERY_H
#define SHIM_QUERY_H

#include <stdbool.h>

#include "shim/pipeline.h" /* allow: value */

/*
 * cargo's own questions: `-vV`, and one `- --crate-name ___ --print=...`
 * probe a target directory.  27 ms each, a quarter of a warm build.  Their
 * answers depend on the toolchain, the words, a few variables and the CPU.
 */
bool query_is(const struct invocation *j);

/* Answers from ids/, or runs the compiler and remembers. */
struct ending query_run(struct invocation *j);

#endif
