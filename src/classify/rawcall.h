/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLASSIFY_RAWCALL_H
#define CLASSIFY_RAWCALL_H

#include <stdint.h>

struct elfimage;

/* Instructions of two bytes. */
enum rawcall { RAWCALL_SYSCALL, RAWCALL_CPUID };

/*
 * Looks for an instruction in the file's code.  1: there is one at *address, or
 * its bytes are in code that cannot be decoded.  0: there is none.  -errno: the
 * disassembler does not work.  Threads: one.
 */
int rawcall_find(const struct elfimage *im, enum rawcall what,
		 uint64_t *address);

/*
 * Whether the instruction around AT, where four bytes look like a relative
 * address, refers to TARGET: calls it, jumps to it, reads it or takes its
 * address.  1 also if the code cannot be decoded.
 */
int rawcall_refers(const struct elfimage *im, uint64_t at, uint64_t target);

#endif
