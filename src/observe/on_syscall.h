/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_ON_SYSCALL_H
#define OBSERVE_ON_SYSCALL_H

#include "obs.h" /* allow: value */

/*
 * Calls made through libc's syscall().  on_syscall_knows says whether
 * on_syscall takes this number; it records those that cannot be decoded.
 * `first` is the call's own first argument.
 * on_syscall is syscall() for the numbers it takes.
 */
int on_syscall_knows(long number, long first);
long on_syscall(long number, long a, long b, long c, long d, long e, long f);

/* The same for calls that libc knows nothing of: what the kernel returns, and
 * errno stays as it is. */
long on_syscall_kernel(long number, long a, long b, long c, long d, long e,
		       long f);

/* Records that this clock was read, if it is a wall clock. */
void on_call_clock(long clock);

/* The process ends in an orderly way. */
void on_call_end(void);

/* In a forked child, which counts its own readings of the clock. */
void on_call_forked(void);

/* Records that libc itself looked for this variable. */
void on_call_getenv(const char *name);

/* Records that such names were asked for. */
void on_call_host(enum obs_host what);

/* Records that the program set this of a file. */
void on_call_sets(enum obs_attribute what);

struct timespec;

/* The same of times, unless they are set to now.  are_specs: `times` is an
 * array of two timespecs, which may say so. */
void on_call_times(const struct timespec *times, int are_specs);

/* Records that this of the file was asked for. */
void on_call_ask(enum obs_ask what, int fd, const char *name);

#endif
