/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_CHILDDIR_H
#define OBSERVE_CHILDDIR_H

/*
 * Where file actions of posix_spawn lead a child before it executes its
 * program: std's Command with current_dir works so.  Actions belong to one
 * thread at a time; different ones may be used in parallel.
 */

/* The child changes to `path`, or, if NULL, to a place not known by name. */
void childdir_set(const void *actions, const char *path);

enum childdir { CHILDDIR_STAYS, CHILDDIR_MOVES, CHILDDIR_UNKNOWN };

/* *path is set with CHILDDIR_MOVES, valid until childdir_forget. */
enum childdir childdir_get(const void *actions, const char **path);

void childdir_forget(const void *actions);

#endif
