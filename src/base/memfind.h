/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MEMFIND_H
#define BASE_MEMFIND_H

#include <stdbool.h>
#include <stddef.h>

/*
 * memmem(3) at memory speed: every output of a compile is searched for the
 * paths of its checkout, and musl's memmem takes longer for that than hashing.
 * Gives the first occurrence of the M bytes at NEEDLE in the N bytes at P, or
 * NULL; an empty needle is never found.  Pure.  Threads: any.
 */
const char *memfind(const char *p, size_t n, const char *needle, size_t m);

/* True if WORD is one of the words of LIST (NULL: none), which are separated by
 * blanks or commas.  Pure.  Threads: any. */
bool memfind_word(const char *list, const char *word);

#endif
