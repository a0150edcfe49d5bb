/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_WORKSPACE_H
#define SHIM_WORKSPACE_H

#include "rustc/naming.h" /* allow: value */

struct invocation;

/*
 * Where the workspace of a job is, as far as its surroundings tell.  What is
 * returned is static or the caller's.  Threads: one.
 */

/* The directory above target if it holds a Cargo.lock, else the nearest at or
 * above FROM (absolute) that does, or NULL. */
const char *workspace_find(const struct invocation *j, const char *from);

/* Where cargo compiles the package of J.  CARGO_HOME may be NULL. */
enum naming_place workspace_place(const struct invocation *j,
				  const char *cargo_home);

/*
 * By what name outputs are to call the current directory.  cargo compiles the
 * packages of a workspace in its root: NULL, the usual name.  A package that
 * is vendored compiles in its own directory: its place seen from the root, so
 * that it is neither taken for the root nor for another package; where the
 * root is not known, its name and version.  *ROOT gets the workspace where it
 * is part of the name, else NULL.
 */
const char *workspace_cwd_name(const struct invocation *j,
			       enum naming_place place, const char **root);

#endif
