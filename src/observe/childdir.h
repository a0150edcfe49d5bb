/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_CHILDDIR_H
#define OBSERVE_CHILDDIR_H

/* The directory into which posix_spawn's file actions move a child before it
 * executes its program, as std's Command with current_dir does. Only one thread
 * at a time may use an action; different ones may be used in parallel. */

/*
 * The child moves to `path` or, if NULL, to a directory whose name is unknown.
 */
void childdir_set(const void *actions, const char *path);

enum childdir { CHILDDIR_STAYS, CHILDDIR_MOVES, CHILDDIR_UNKNOWN };

/* *path is set with CHILDDIR_MOVES, valid until childdir_forget. */
enum childdir childdir_get(const void *actions, const char **path);

void childdir_forget(const void *actions);

#endif
