/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLASSIFY_RAWCALL_H
#define CLASSIFY_RAWCALL_H

#include <stdint.h>

struct elfimage;

/* Both are two bytes. */
enum rawcall { RAWCALL_SYSCALL, RAWCALL_CPUID };

/*
 * Looks for such instructions in the file's code.  1: there is one, or code
 * that holds its bytes cannot be decoded; *address is where.  0: there is
 * none.  -errno: the disassembler cannot be used.
 */
int rawcall_find(const struct elfimage *im, enum rawcall what,
		 uint64_t *address);

/*
 * Whether the instruction around `at`, where four bytes look like a distance,
 * refers to `target`: calls it, jumps there, or takes what lies there or its
 * address.  1 also where the code cannot be decoded, 0 if it is something
 * else.
 */
int rawcall_refers(const struct elfimage *im, uint64_t at, uint64_t target);

#endif
