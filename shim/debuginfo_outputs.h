/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_DEBUGINFO_OUTPUTS_H
#define SHIM_DEBUGINFO_OUTPUTS_H

#include <stddef.h>

struct args;
struct trace;

/*
 * Debug information that rustc writes beside its outputs without announcing it
 * (-C split-debuginfo): a .dwp beside a linked file, or a .dwo for each code
 * generation unit. The trace tells: a file that the compile wrote right in
 * --out-dir, named after the crate. Any other file written there makes the unit
 * uncacheable (key/derive_own). Threads: one.
 */

/* Appends their paths, below --out-dir as given, to the N at PATHS, which has
 * room for MAX. Returns the new number, ERR_TOOBIG or -ENOMEM. The caller frees
 * the strings. */
int debuginfo_outputs_find(const struct args *a, const struct trace *t,
			   char **paths, size_t n, size_t max);

#endif
