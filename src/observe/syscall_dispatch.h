/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_SYSCALL_DISPATCH_H
#define OBSERVE_SYSCALL_DISPATCH_H

/*
 * Strict observation: programs that make system calls of their own are seen,
 * too.  The kernel hands us, by SIGSYS, each call that does not come from
 * libc's code (syscall user dispatch, Linux 5.11); we make it in its place
 * and record it.  For each thread; a child or another program starts without.
 */

/* Begins it for this process.  1: done, 0: the kernel or libc cannot. */
int syscall_dispatch_begin(void);

/* Again for this thread of a forked child, if it was begun. */
void syscall_dispatch_again(void);

/* 1 if it was begun. */
int syscall_dispatch_on(void);

#endif
