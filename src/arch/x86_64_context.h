/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_X86_64_CONTEXT_H
#define ARCH_X86_64_CONTEXT_H

#include <ucontext.h>

static inline struct arch_call
arch_call_of(const ucontext_t *context)
{
	const greg_t *r = context->uc_mcontext.gregs;

	return (struct arch_call){ r[REG_RAX],
				   { r[REG_RDI], r[REG_RSI], r[REG_RDX],
				     r[REG_R10], r[REG_R8], r[REG_R9] } };
}

/* The call has returned VALUE. */
static inline void
arch_call_return(ucontext_t *context, long value)
{
	context->uc_mcontext.gregs[REG_RAX] = value;
}

/* The call is made again: back by the two bytes of the instruction. */
static inline void
arch_call_again(ucontext_t *context)
{
	context->uc_mcontext.gregs[REG_RIP] -= 2;
}

#endif
