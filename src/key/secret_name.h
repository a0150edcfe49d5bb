/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_SECRET_NAME_H
#define KEY_SECRET_NAME_H

#include <stdbool.h>

/*
 * True if the name of the variable says that its value is a secret: by a table
 * or by one of the user's patterns.  MORE holds those, separated by blanks or
 * commas, with '*' for anything; NULL: none.  Case does not count.  Pure.
 * Threads: any.
 */
bool secret_name_is(const char *name, const char *more);

#endif
