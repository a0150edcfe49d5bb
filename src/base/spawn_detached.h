/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SPAWN_DETACHED_H
#define BASE_SPAWN_DETACHED_H

#include <stddef.h>

/*
 * Starts one of our programs so that it inherits nothing from us: no
 * descriptor, directory, process group, terminal or signal setting.  It is
 * forked twice, so that no build waits for it as its child.  Threads: only the
 * caller's may be running.
 */

/* The path of the program NAME in the directory of this one.  0;
 * -ENAMETOOLONG; or -errno if it cannot be executed. */
int spawn_detached_beside(const char *name, char *out, size_t room);

/* Executes PATH with standard streams at /dev/null in directory /.  0: it was
 * forked, which does not say that it started; or -errno. */
int spawn_detached(const char *path, char *const *argv, char *const *env);

#endif
