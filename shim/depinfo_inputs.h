/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_DEPINFO_INPUTS_H
#define SHIM_DEPINFO_INPUTS_H

struct buf;
struct depinfo;
struct invocation;
struct inputs;

/*
 * Inputs that cargo does not know of, as files that a macro reads, are added
 * to the dep-info of the workspace's own units: cargo then compiles again
 * when they change, in a kept target too.  Units of registries are left as
 * they are, since cargo looks at none of their files.  Threads: one.
 */

/*
 * Puts the files below the workspace that S names and D does not into the
 * first rule of TEXT, the dep-info as rustc wrote it; rewrites the file PATH
 * if there are any.  0: TEXT is as the file is now; or -errno: TEXT and the
 * file are as before.
 */
int depinfo_inputs_add(const struct invocation *j, const struct inputs *s,
		       const struct depinfo *d, const char *path,
		       struct buf *text);

#endif
