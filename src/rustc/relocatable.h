/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUSTC_RELOCATABLE_H
#define RUSTC_RELOCATABLE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct roots;

/*
 * Text that does not know where it was made: each place where a root's path
 * stands is replaced by \1 tag \1.  For what build scripts say and write and
 * for values of their variables; dep-info has a form of its own.
 * The longest root wins.  A path that goes on as a name (/a/b in /a/bc), or
 * stands behind one (x/a/b), is not that root, but behind an option (-I/a/b)
 * it is.
 * Pure.  Threads: any.
 */

/* True if the bytes are text: no NUL and no \1. */
bool relocatable_is_text(const char *p, size_t n);

/* Appends the neutral form of N bytes of text. */
void relocatable_text(const struct roots *r, const char *p, size_t n,
		      struct buf *out);

/* Appends what the neutral text means here.  0, or ERR_CORRUPT if it names a
 * root that is not here (OUT then has something appended all the same). */
int relocatable_expand(const struct roots *r, const char *p, size_t n,
		       struct buf *out);

#endif
