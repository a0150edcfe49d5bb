/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "arch/arch.h"

/*
 * The compiler calls these for initialisers and copies of structs even in
 * freestanding code.  They are hidden: the program keeps libc's.
 */

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
size_t strlen(const char *s);

void *
memcpy(void *restrict to, const void *restrict from, size_t n)
{
	arch_copy(to, from, n);
	return to;
}

void *
memmove(void *to, const void *from, size_t n)
{
	if (n == 0 || (char *)to <= (const char *)from)
		arch_copy(to, from, n);
	else
		arch_copy_back(to, from, n);
	return to;
}

void *
memset(void *to, int c, size_t n)
{
	arch_fill(to, c, n);
	return to;
}

size_t
strlen(const char *s)
{
	const volatile char *p = s;

	while (*p != '\0')
		p++;
	return (size_t)((const char *)p - s);
}
