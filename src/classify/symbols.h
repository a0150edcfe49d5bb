/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLASSIFY_SYMBOLS_H
#define CLASSIFY_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the full symbol table of the ELF file at P, N bytes, has a name that
 * contains TEXT.  Debug information does not count: that of the standard
 * library names functions that nobody calls.  False also for other files and
 * stripped ones.  Every offset is checked.  Pure.  Threads: any.
 */
bool symbols_hold(const char *p, size_t n, const char *text);

#endif
