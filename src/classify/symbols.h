/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLASSIFY_SYMBOLS_H
#define CLASSIFY_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the full symbol table of the ELF file whose N bytes are at P has a
 * name that holds TEXT.  Not what debug information names: that of the
 * standard library has functions that nobody calls.  False too for what is no
 * such file, or was stripped.  Every offset is checked.  Pure.  Threads: any.
 */
bool symbols_hold(const char *p, size_t n, const char *text);

#endif
