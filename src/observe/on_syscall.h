/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_ON_SYSCALL_H
#define OBSERVE_ON_SYSCALL_H

/*
 * Calls made through libc's syscall().  on_syscall_knows says whether
 * on_syscall takes this number; it records those that cannot be decoded.
 * on_syscall is syscall() for the numbers it takes.
 */
int on_syscall_knows(long number);
long on_syscall(long number, long a, long b, long c, long d, long e, long f);

/* Records that this clock was read, if it is a wall clock. */
void on_jump_clock(long clock);

#endif
