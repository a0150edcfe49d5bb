/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_PROC_LINKS_H
#define OBSERVE_PROC_LINKS_H

#include <stddef.h>

#define PROC_LINKS_MAX 4096

/*
 * /proc/self/cwd and its neighbours lead elsewhere in each process, so nothing
 * behind them can be recorded under such a name. Writes to `to`, PROC_LINKS_MAX
 * bytes, the absolute name that the absolute `name` stands for in this process,
 * now. 1: written. 0: `name` does not pass through such a link, or leads to
 * something that is no file (a pipe); to is untouched. Other symbolic links
 * stay.
 */
int proc_links_resolve(const char *name, char *to);

#endif
