/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

/*
 * Takes from this process, and everything it starts from now on, what neither
 * the daemon nor a compiler or build script needs: gaining privileges by
 * executing a file (no_new_privs), and system calls that reach other processes
 * or rarely used parts of the kernel. These fail with EPERM, for 32-bit
 * programs too. It cannot be undone. A list of allowed calls would be stronger
 * but would break what the daemon starts: credential_process, and `kache
 * witness` with compilers and scripts in mount namespaces, which Landlock
 * forbids altogether. 0 or -errno. Threads: call it before any other starts.
 */
int sandbox_enter(void);

#endif
