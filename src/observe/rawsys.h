/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_RAWSYS_H
#define OBSERVE_RAWSYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "arch/arch.h" /* allow: the CPU's */

/*
 * The observer's own system calls.  They go to the kernel directly, so they
 * are not observed, leave errno alone and need no libc.  Each returns what
 * the kernel does: a result, or -errno.
 */

static inline long
rawsys6(long n, long a, long b, long c, long d, long e, long f)
{
	return arch_syscall(n, a, b, c, d, e, f);
}

static inline long
rawsys4(long n, long a, long b, long c, long d)
{
	return rawsys6(n, a, b, c, d, 0, 0);
}

static inline long
rawsys2(long n, long a, long b)
{
	return rawsys6(n, a, b, 0, 0, 0, 0);
}

/* Descriptors and string helpers, as there is no libc to take them from. */

static inline size_t
rawsys_strlen(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

static inline int
rawsys_equal(const char *a, const char *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

static inline int
rawsys_same(const char *a, const char *b)
{
	for (; *a != '\0' && *a == *b; a++, b++)
		;
	return *a == *b;
}

/* 1 if s begins with the string p. */
static inline int
rawsys_starts(const char *s, const char *p)
{
	while (*p != '\0')
		if (*s++ != *p++)
			return 0;
	return 1;
}

/* Copies n bytes; the address after the last one written. */
static inline char *
rawsys_put(char *to, const char *from, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		to[i] = from[i];
	return to + n;
}

#endif
