/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_ON_SYSCALL_H
#define OBSERVE_ON_SYSCALL_H

/*
 * System calls made through libc's syscall(). on_syscall_knows tells whether
 * on_syscall takes this number, and records those that cannot be decoded;
 * `first` is the call's own first argument. on_syscall does what syscall()
 * does, for the numbers it takes.
 */
int on_syscall_knows(long number, long first);
long on_syscall(long number, long a, long b, long c, long d, long e, long f);

/* The same for calls that libc knows nothing of: what the kernel returns, and
 * errno stays as it is. */
long on_syscall_kernel(long number, long a, long b, long c, long d, long e,
		       long f);

/* Records that libc itself looked for this variable. */
void on_call_getenv(const char *name);

#endif
