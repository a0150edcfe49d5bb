/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_CLOCK_READERS_H
#define KEY_CLOCK_READERS_H

#include <stdbool.h>

struct trace_event;

/*
 * What programs do for themselves, each time they run and whatever they are
 * told: bash seeds its random numbers by the clock, python starts with its
 * hour, find asks for the kernel's version.  Only what goes beyond that can
 * be in a result: bash's fourth look at the clock is $SECONDS, cc1's time()
 * is __DATE__ or __TIME__.  Pure.  Threads: any.
 */

/* True if the TRACE_CLOCK or TRACE_HOST event E of the program EXE is that.
 * EXE must be the system's or the toolchain's own (key/provenance). */
bool clock_readers_is(const char *exe, const struct trace_event *e);

#endif
