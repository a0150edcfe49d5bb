/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_DEBUGINFO_OUTPUTS_H
#define SHIM_DEBUGINFO_OUTPUTS_H

#include <stddef.h>

struct args;
struct trace;

/*
 * Files that rustc leaves beside its outputs without a word: the debug
 * information of -C split-debuginfo, a .dwp beside what was linked or a .dwo
 * of each code generation unit.  They are known by what the compile was seen
 * to write, right in --out-dir and named after the crate.  Anything else
 * that it wrote there makes the unit one that is not stored (key/derive_own).
 * Threads: one.
 */

/* Adds their paths, below --out-dir as it was given, to the N at PATHS, which
 * has room for MAX.  Gives the new number; ERR_TOOBIG; -ENOMEM.  The strings
 * are the caller's. */
int debuginfo_outputs_find(const struct args *a, const struct trace *t,
			   char **paths, size_t n, size_t max);

#endif
