/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_VET_H
#define KEY_VET_H

#include <stdbool.h>
#include <stddef.h>

struct inputs;

/*
 * What of names is harmless.  Pure.  Threads: any.
 *
 * An input list that came from a remote is a list of things to open and to ask
 * for, written by who knows whom.  Its paths must lie below the unit's own
 * roots (not HOME) or the system's own directories (/usr, /lib, /bin and the
 * like), also when ".." is taken out of them; programs are names without a
 * directory; variables must not look like secrets.  (Where the whole
 * environment counts, inputs_key refuses if one that is set does.)
 */
int vet_inputs(const struct inputs *s); /* 0 or ERR_REFUSED */

/* A file that such an input list names is read up to this size only. */
#define VET_FILE_MAX ((size_t)64 << 20)

/* True if the variable NAME looks like a secret, by the table or by one of
 * the user's patterns: MORE, names with '*', blank or comma between; NULL:
 * none.  No letter's case counts. */
bool vet_secret(const char *name, const char *more);

#endif
