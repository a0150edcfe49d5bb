/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>

/*
 * Room for MORE elements of SIZE bytes behind the first N of the array P.
 * The room an array has follows from N alone (a power of two, at least 16),
 * so nobody needs to remember it; whoever adds must ask here each time.
 * Gives the array, which may have moved, or NULL without memory, when P stays
 * valid.  The caller frees it.  Threads: any, one array per thread.
 */
void *vec_grow(void *p, size_t n, size_t more, size_t size);

#endif
