/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_CLOCK_READERS_H
#define KEY_CLOCK_READERS_H

#include <stdbool.h>

struct trace_event;

/*
 * Looks at the clock and the machine that programs take for themselves each
 * time they run, whatever they are told: bash seeds its random numbers with the
 * clock, find asks for the kernel's version (key/programs).  Only what goes
 * beyond that can be in a result: bash's fourth look at the clock is $SECONDS,
 * cc1's time() is __DATE__ or __TIME__.  Pure.  Threads: any.
 */

/* True if the program EXE, which must be the system's or the toolchain's
 * (key/provenance), does what the TRACE_CLOCK or TRACE_HOST event E says
 * whenever it runs. */
bool clock_readers_is(const char *exe, const struct trace_event *e);

#endif
