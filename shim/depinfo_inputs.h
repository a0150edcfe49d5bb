/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_DEPINFO_INPUTS_H
#define SHIM_DEPINFO_INPUTS_H

struct buf;
struct depinfo;
struct invocation;
struct inputs;

/*
 * Adds inputs that cargo does not know of, such as files that a macro reads, to
 * the dep-info of the workspace's own units. Cargo then recompiles when they
 * change, in a kept target directory too. Units of registries stay as they are:
 * cargo looks at none of their files. Threads: one.
 */

/* Adds the files below the workspace that S names and D does not to the first
 * rule of TEXT, rustc's dep-info, and rewrites the file PATH if there are any.
 * 0: TEXT is what the file now holds. -errno: both are unchanged. */
int depinfo_inputs_add(const struct invocation *j, const struct inputs *s,
		       const struct depinfo *d, const char *path,
		       struct buf *text);

#endif
