/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_RECORDER_H
#define OBSERVE_RECORDER_H

#include <stddef.h>

struct iovec;

/*
 * The observation that this process takes part in. It begins at the first
 * interposed call or in our constructor, whichever comes first; from then on
 * the environment shows no trace of us. Everything here is safe in threads, in
 * signal handlers and between vfork and exec.
 */

/* 1 if there is an observation to write to. */
int recorder_on(void);

/* 1 if system calls that do not come from libc are to be seen. */
int recorder_is_strict(void);

/* Counts something that could not be recorded. */
void recorder_lost(void);

/*
 * Appends one record, given in pieces of `size` bytes in all.  Opens the file
 * again if the program closed our descriptor; counts it as lost if it cannot
 * be written whole.
 */
void recorder_append(const struct iovec *pieces, int n, size_t size);

/* "KACHE_OBSERVE=..." for children, valid for ever. */
char *recorder_variable(void);

/* Our element of LD_PRELOAD, or "" if we were loaded another way. */
const char *recorder_library(void);

/* 1 if the N bytes at S, an element of LD_PRELOAD or an object's name, are
 * this library. */
int recorder_is_library(const char *s, size_t n);

/* Kept by linkers that drop unused sections, lld above all. */
#if defined(__has_attribute) && __has_attribute(retain)
#define RECORDER_RETAIN __attribute__((used, retain, section("kache_on")))
#else
#define RECORDER_RETAIN __attribute__((used, section("kache_on")))
#endif

/* FN is called once, in the process's first thread, when the observation has
 * begun and before anything else is recorded. */
typedef void recorder_begins(void);
#define RECORDER_BEGINS(fn) \
	RECORDER_RETAIN static recorder_begins *const fn##_on = fn

#endif
