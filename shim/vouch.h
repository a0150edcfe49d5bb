/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_VOUCH_H
#define SHIM_VOUCH_H

#include <stdbool.h>
#include <stddef.h>

struct job;
struct trace;

/*
 * Whether everything that ran in a compile could be seen by the observer:
 * classifies each program and library once a file and remembers the answer
 * in ids/ by path and stat.  False: REASON says which one cannot.
 */
bool vouch_for(struct job *j, const struct trace *t, char *reason, size_t room);

#endif
