/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUSTC_TOOLCHAIN_FILES_H
#define RUSTC_TOOLCHAIN_FILES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What below a sysroot belongs to the toolchain's identity, as one list that
 * both who hashes it and who leaves it out of inputs go by.  A sysroot may be
 * a prefix with anything else in it.  Pure.  Threads: any.
 */
struct holding {
	char dir[128]; /* below the sysroot */
	int depth;     /* directories below it that count as well */
	bool own;      /* of its files only the compiler's own libraries */
};

enum { TOOLCHAIN_FILES_MAX = 5, TOOLCHAIN_FILES_LACKS = 3 };

/*
 * Fills OUT for the compiler that says VERBOSE of itself (-vV) and TARGET
 * (NULL: its host).  Gives their number; 0 if VERBOSE names no host.
 */
size_t toolchain_files_of(const char *verbose, const char *target,
			  struct holding out[TOOLCHAIN_FILES_MAX]);

/* A file or directory NAME counts, which lies LEVEL directories below H. */
bool toolchain_files_take(const struct holding *h, const char *name, int level);

/* REST, which stands behind the sysroot and a slash, is one of those, or
 * would be if it were there. */
bool toolchain_files_cover(const struct holding *h, size_t n, const char *rest);

/*
 * Names below the sysroot that rustc looks for each time, and which are mostly
 * absent: that they are is part of the identity.  What is there is not.
 */
const char *toolchain_files_lack(size_t i);

/* REST is or lies below one of those names whose bits are in LACKS. */
bool toolchain_files_lacked(unsigned lacks, const char *rest);

#endif
