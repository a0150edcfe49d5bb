/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

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
	void *at = to;

	__asm__ volatile("rep movsb"
			 : "+D"(at), "+S"(from), "+c"(n)
			 :
			 : "memory");
	return to;
}

void *
memmove(void *to, const void *from, size_t n)
{
	char *end = (char *)to + n - 1;
	const char *last = (const char *)from + n - 1;

	if (n == 0 || (char *)to <= (const char *)from)
		return memcpy(to, from, n);
	__asm__ volatile("std; rep movsb; cld"
			 : "+D"(end), "+S"(last), "+c"(n)
			 :
			 : "memory");
	return to;
}

void *
memset(void *to, int c, size_t n)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(c) : "memory");
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
