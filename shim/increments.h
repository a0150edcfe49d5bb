/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_INCREMENTS_H
#define SHIM_INCREMENTS_H

struct invocation;

/* Tells the store which directory of incremental state this invocation names,
 * whether it hits, compiles or passes through (store/incremental_index). Needs
 * only the store; does not look into an @file. */
void increments_note(struct invocation *j);

/* The directory that N words of a command line give rustc's -C incremental,
 * or NULL.  The last one counts. */
const char *increments_find(int n, char *const *words);

#endif
