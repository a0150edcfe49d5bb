/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_INCREMENTS_H
#define SHIM_INCREMENTS_H

struct invocation;

/*
 * Tells the store which directory of incremental state this invocation names,
 * whatever becomes of it: hit, compile or pass-through
 * (store/incremental_index). Needs the store only; an @file is not looked into.
 */
void increments_note(struct invocation *j);

/* The directory that N words of a command line give rustc's -C incremental,
 * or NULL.  The last one counts. */
const char *increments_find(int n, char *const *words);

#endif
