/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_CONTEXT_H
#define ARCH_CONTEXT_H

/* A system call in the context of the signal that it raised (ucontext(3)).
 * Needs _GNU_SOURCE.  Threads: any. */
struct arch_call {
	long number;
	long arg[6];
};

#if defined(__x86_64__)
#include "arch/x86_64_context.h" /* allow: the CPU's */
#else
#error "no context for this CPU in src/arch"
#endif

#endif
