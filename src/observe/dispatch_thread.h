/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_DISPATCH_THREAD_H
#define OBSERVE_DISPATCH_THREAD_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Syscall user dispatch (Linux 5.11) for each thread of this process: the
 * kernel raises SIGSYS for each system call that does not come from one range
 * of code.  Threads that the program starts begin with it; SIGSYS stays ours
 * and unblocked.  A child or another program starts without.
 */

/* Begins it for this process: calls from the SIZE bytes at START are free,
 * HANDLER gets the others.  1: done, 0: the kernel or libc cannot. */
int dispatch_thread_begin(uintptr_t start, size_t size,
			  void (*handler)(int, siginfo_t *, void *));

/* For the handler: calls of this thread are free until resumed. */
void dispatch_thread_pause(void);
void dispatch_thread_resume(void);

/* Again for this thread of a forked child, if it was begun. */
void dispatch_thread_again(void);

/* 1 if it was begun. */
int dispatch_thread_on(void);

#endif
