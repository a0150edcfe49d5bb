/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_HABIT_H
#define KEY_HABIT_H

#include <stdbool.h>

struct trace;
struct trace_event;

/*
 * What programs do for themselves, each time they run and whatever they are
 * told: bash seeds its random numbers by the clock, python starts with its
 * hour, find asks for the kernel's version.  Only what goes beyond that can
 * be in a result: bash's fourth look at the clock is $SECONDS, cc1's time()
 * is __DATE__ or __TIME__.  Pure.  Threads: any.
 */

/* The program that read the wall clock beyond its habit first, or NULL. */
const char *habit_clock_reader(const struct trace *t);

/* True if the TRACE_HOST event E is more than its program's habit. */
bool habit_asks_host(const struct trace *t, const struct trace_event *e);

#endif
