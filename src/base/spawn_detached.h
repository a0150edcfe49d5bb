/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SPAWN_DETACHED_H
#define BASE_SPAWN_DETACHED_H

#include <stddef.h>

/*
 * Starting one of our programs so that nothing of ours goes with it: no
 * descriptor, directory, process group, terminal or signal setting.  Forked
 * twice: it is nobody's child that a build waits for.  Threads: any in a
 * process without others; else the caller's alone may run.
 */

/* The path of program NAME beside this one.  0; -ENAMETOOLONG; or -errno: it
 * cannot be executed. */
int spawn_detached_beside(const char *name, char *out, size_t room);

/* Executes PATH with standard streams at /dev/null in directory /.  0: it was
 * forked, which does not say that it started; or -errno. */
int spawn_detached(const char *path, char *const *argv, char *const *env);

#endif
