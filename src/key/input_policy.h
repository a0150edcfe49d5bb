/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_INPUT_POLICY_H
#define KEY_INPUT_POLICY_H

#include <stddef.h>

struct inputs;

/*
 * Which names in an input list of a remote may be looked at.  Anybody who can
 * write to the remote may have written the list, and evaluating it opens files
 * and asks for variables.  Pure.  Threads: any.
 */

/* A file that such a list names is read up to this size only. */
#define INPUT_POLICY_FILE_MAX ((size_t)64 << 20)

/*
 * 0; or ERR_REFUSED unless all items are acceptable: paths below the unit's
 * own roots but HOME, or in the system's directories (/usr, /lib, /bin and the
 * like), also when ".." is taken out of them; programs without a directory;
 * variables that do not look like secrets.  (Where the whole environment
 * counts, inputs_key refuses if a secret is set.)
 */
int input_policy_check(const struct inputs *s);

#endif
