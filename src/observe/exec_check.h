/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_EXEC_CHECK_H
#define OBSERVE_EXEC_CHECK_H

/*
 * Whether this library may be loaded into the program `file`, following #!
 * lines.  0: it may.  An enum obs_reason: it must not, for it would break the
 * program or do nothing.  -errno: there is no such file to execute.
 */
int exec_check_check(const char *file);

/*
 * Finds `name` as execvp does: as it is if it holds a slash, else along the
 * program's own PATH.  The file's name stands in found[4096] or is `name`
 * itself; NULL if there is none.
 */
const char *exec_check_find(const char *name, char *found);

#endif
