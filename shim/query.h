/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_QUERY_H
#define SHIM_QUERY_H

#include <stdbool.h>

#include "shim/pipeline.h" /* allow: value */

/* Cargo's own queries: `-vV`, and for each target directory one `- --crate-name
 * ___ --print=...`. Each takes rustc 27 ms, a quarter of a warm build. The
 * answers depend on the toolchain, the words, a few variables and the CPU. */
bool query_is(const struct invocation *j);

/* Answers from ids/, or runs the compiler and remembers. */
struct ending query_run(struct invocation *j);

#endif
