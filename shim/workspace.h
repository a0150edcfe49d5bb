/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_WORKSPACE_H
#define SHIM_WORKSPACE_H

#include "rustc/naming.h" /* allow: value */

struct invocation;

/* Finds the workspace of an invocation. Results are static or the caller's own.
 * Threads: one. */

/* The directory above target if it holds a Cargo.lock, else the nearest at or
 * above FROM (absolute) that does, or NULL. */
const char *workspace_find(const struct invocation *j, const char *from);

/* Where cargo compiles the package of J.  CARGO_HOME may be NULL. */
enum naming_place workspace_place(const struct invocation *j,
				  const char *cargo_home);

/*
 * The name by which outputs call the current directory. NULL, the usual name,
 * for packages of a workspace, which cargo compiles in its root. A vendored
 * package is compiled in its own directory: its path from the root, so that it
 * is mistaken neither for the root nor for another package; if the root is
 * unknown, its name and version. *ROOT gets the workspace if that is part of
 * the name, else NULL.
 */
const char *workspace_cwd_name(const struct invocation *j,
			       enum naming_place place, const char **root);

#endif
