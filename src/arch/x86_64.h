/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_X86_64_H
#define ARCH_X86_64_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

/* See arch/arch.h; calling convention: System V ABI, AMD64 supplement. */

#define ARCH_LOADER "ld-linux-x86-64.so.2"
#define ARCH_LOADER_LIBRARY "ld-linux-x86-64"
#define ARCH_TRIPLE "x86_64-linux-gnu"
#define ARCH_ELF_MACHINE EM_X86_64
#define ARCH_ELF_RELATIVE R_X86_64_RELATIVE

static inline long
arch_syscall(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return rc;
}

/* rax holds the number of vector arguments of a variadic call. */
#define ARCH_JUMP_COMMON \
	__asm__(".pushsection .text\n" \
		".type jump_common, @function\n" \
		"jump_common:\n" \
		"	push %rax\n" \
		"	push %r9\n" \
		"	push %r8\n" \
		"	push %rcx\n" \
		"	push %rdx\n" \
		"	push %rsi\n" \
		"	push %rdi\n" \
		"	mov %r11, %rdi\n" \
		"	mov %rsp, %rsi\n" \
		"	call jump_enter\n" \
		"	mov %rax, %r11\n" \
		"	pop %rdi\n" \
		"	pop %rsi\n" \
		"	pop %rdx\n" \
		"	pop %rcx\n" \
		"	pop %r8\n" \
		"	pop %r9\n" \
		"	pop %rax\n" \
		"	jmp *%r11\n" \
		".size jump_common, .-jump_common\n" \
		".popsection")

#define ARCH_JUMP(fn) \
	__asm__(".pushsection .text\n" \
		".globl " #fn "\n" \
		".type " #fn ", @function\n" #fn ":\n" \
		"	endbr64\n" \
		"	lea jump_" #fn "(%rip), %r11\n" \
		"	jmp jump_common\n" \
		".size " #fn ", .-" #fn "\n" \
		".popsection")

static inline void
arch_copy(void *to, const void *from, size_t n)
{
	__asm__ volatile("rep movsb"
			 : "+D"(to), "+S"(from), "+c"(n)
			 :
			 : "memory");
}

static inline void
arch_copy_back(void *to, const void *from, size_t n)
{
	char *end = (char *)to + n - 1;
	const char *last = (const char *)from + n - 1;

	__asm__ volatile("std; rep movsb; cld"
			 : "+D"(end), "+S"(last), "+c"(n)
			 :
			 : "memory");
}

static inline void
arch_fill(void *to, int c, size_t n)
{
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
}

/* syscall is 0F 05, cpuid 0F A2, at any address. */
static inline unsigned
arch_scan(const unsigned char *code, size_t n)
{
	unsigned found = 0;

	for (size_t i = 0; i + 1 < n; i++) {
		if (code[i] != 0x0f)
			continue;
		if (code[i + 1] == 0x05)
			found |= ARCH_HAS_SYSCALL;
		if (code[i + 1] == 0xa2)
			found |= ARCH_HAS_CPUID;
	}
	return found;
}

/*
 * Calls, jumps, loads and address computations hold the distance from the
 * instruction's end to the target in four bytes, which an immediate operand of
 * one or four bytes may follow.
 */
enum { ARCH_REFERENCE_BYTES = 4, ARCH_REFERENCES = 3 };

static inline void
arch_references(const unsigned char *code, uint64_t at,
		uint64_t to[ARCH_REFERENCES])
{
	static const unsigned tails[ARCH_REFERENCES] = { 4, 5, 8 };
	int32_t distance;

	__builtin_memcpy(&distance, code, sizeof(distance));
	for (unsigned i = 0; i < ARCH_REFERENCES; i++)
		to[i] = at + (uint64_t)(int64_t)distance + tails[i];
}

#endif
