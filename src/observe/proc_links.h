/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_PROC_LINKS_H
#define OBSERVE_PROC_LINKS_H

#include <stddef.h>

#define PROC_LINKS_MAX 4096

/*
 * /proc/self/cwd and its neighbours lead to another place in each process, so
 * what lies behind them cannot be recorded under such a name.  Writes to
 * `to`, PROC_LINKS_MAX bytes, the absolute name that the absolute `name` stands
 * for in this process, now.  1: written.  0: `name` takes no such way, or its
 * end is no file (a pipe); to is untouched.  Other symbolic links stay.
 */
int proc_links_resolve(const char *name, char *to);

#endif
