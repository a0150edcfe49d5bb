/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

/*
 * Everything that depends on the CPU.  Each CPU has a header with the same
 * names:
 *
 *   ARCH_LOADER        base name of glibc's dynamic loader
 *   ARCH_LOADER_LIBRARY  the same without suffix and version
 *   ARCH_TRIPLE        the target as GNU tools call it, without the vendor
 *   ARCH_ELF_MACHINE   e_machine of programs that run here
 *   ARCH_ELF_RELATIVE  the type of relocations by the load address
 *   arch_syscall       a system call, past libc: a result or -errno
 *   ARCH_JUMP_COMMON   assembly: where functions made by ARCH_JUMP meet
 *   ARCH_JUMP(fn)      assembly: the exported function FN.  It loads the
 *                      address of the object jump_FN and goes to jump_common,
 *                      which
 *                      calls jump_enter(jump, args) with the first six integer
 *                      arguments and jumps to what that returns, with all
 *                      argument registers as they were
 *   arch_copy, arch_copy_back, arch_fill
 *                      bytes, without a call that the compiler could make of
 *                      the loop
 *   arch_scan          which of ARCH_HAS_* occur in N bytes of code
 *   arch_references    the ARCH_REFERENCES addresses that an instruction may
 *                      refer to whose bytes at CODE, ARCH_REFERENCE_BYTES of
 *                      them, lie AT; a disassembler tells which are by chance
 *                      (src/classify/rawcall_CPU.c)
 *   arch_call_*        arch/context.h: a system call in a signal's context
 *   arch_model         arch/model.h: what the CPU tells about itself
 *
 * Freestanding; no libc.  Threads: any.
 */
enum {
	ARCH_HAS_SYSCALL = 1, /* the instruction that enters the kernel */
	ARCH_HAS_CPUID = 2    /* one that tells the CPU's model */
};

#if defined(__x86_64__)
#include "arch/x86_64.h" /* allow: the CPU's */
#else
#error "no header for this CPU in src/arch"
#endif

#endif
