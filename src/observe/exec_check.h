/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_EXEC_CHECK_H
#define OBSERVE_EXEC_CHECK_H

/* Whether this library may be loaded into the program `file`, following #!
 * lines. 0: it may. An enum obs_reason: it must not, because it would break the
 * program or have no effect. -errno: there is no such file to execute. */
int exec_check_check(const char *file);

/* Finds `name` as execvp does: unchanged if it holds a slash, otherwise along
 * the program's own PATH. Returns `name` or found, 4096 bytes; NULL: there is
 * none. */
const char *exec_check_find(const char *name, char *found);

#endif
