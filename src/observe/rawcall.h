/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_RAWCALL_H
#define OBSERVE_RAWCALL_H

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

#endif
