/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

/*
 * Takes from this process, and from all that it starts from now on, what
 * neither the daemon nor a compiler or build script under it needs: rights by
 * executing a file (no_new_privs), and system calls that reach other
 * processes or little used parts of the kernel; these fail with EPERM, in the
 * numbering of 32-bit programs, too.  It cannot be undone.
 *
 * A list of what is allowed would be stronger, and would break what the daemon
 * starts: credential_process, `kache witness` with compilers and scripts in
 * mount namespaces.  Landlock forbids these namespaces altogether.
 *
 * 0 or -errno.  Threads: before any other starts.
 */
int sandbox_enter(void);

#endif
