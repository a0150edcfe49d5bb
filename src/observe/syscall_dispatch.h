/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_SYSCALL_DISPATCH_H
#define OBSERVE_SYSCALL_DISPATCH_H

/*
 * Strict observation: programs that make system calls of their own are seen,
 * too.  The kernel hands us, by SIGSYS, each call that does not come from
 * libc's code (dispatch_thread); we make it in its place and record it.
 */

/* Begins it for this process.  1: done, 0: the kernel or libc cannot. */
int syscall_dispatch_begin(void);

#endif
