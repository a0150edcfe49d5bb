/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_RECORDER_H
#define OBSERVE_RECORDER_H

#include <stddef.h>

struct iovec;

/*
 * The observation this process takes part in.  It begins at the first
 * interposed call or in our constructor, whichever comes first, and from then
 * on the environment holds no trace of us.  Everything here is safe in
 * threads, in signal handlers and between vfork and exec.
 */

/* 1 if there is an observation to write to. */
int recorder_on(void);

/* Counts something that could not be recorded. */
void recorder_lost(void);

/*
 * Appends one record, given in pieces of `size` bytes in all.  Opens the file
 * again if the program closed our descriptor; counts it as lost if it cannot
 * be written whole.
 */
void recorder_append(const struct iovec *pieces, int n, size_t size);

/* "KACHE_OBSERVE=..." for children, valid for ever. */
char *recorder_variable(void);

/* Our element of LD_PRELOAD, or "" if we were loaded another way. */
const char *recorder_library(void);

/* Records objects loaded since the start; takes the loader's lock. */
void recorder_objects(void);

#endif
