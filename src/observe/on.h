/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_ON_H
#define OBSERVE_ON_H

#include <errno.h>

/*
 * For the files on_*.c, which replace functions of libc. Each first calls the
 * real function, then records the outcome, and returns what the real one
 * returned, with its errno. Names are read only after the kernel has accepted
 * them, so a bad pointer fails as it always did.
 */

#define EXPORT __attribute__((visibility("default")))

extern __typeof__(__errno_location) __errno_location __attribute__((weak));

/* errno after a failed call, 0 where there is none. */
static inline int
on_errno(void)
{
	return __errno_location ? *__errno_location() : 0;
}

/* Records that a call with this name failed with errno, if that tells
 * something. */
void on_failed(int dirfd, const char *name);

#endif
