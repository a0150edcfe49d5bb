/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_NOTE_H
#define OBSERVE_NOTE_H

#include "observe/obs.h" /* allow: value */

struct timespec;

/*
 * Records that the program asked for, or did, something of which no name tells:
 * for functions of libc and system calls alike.  Threads and signals: any.
 */

/* The wall clock was read.  note_some_clock: if CLOCK is a wall clock. */
void note_clock(enum obs_clock way);
void note_some_clock(long clock);

/* In a forked child, which counts its own readings of the clock. */
void note_forked(void);

/* The network was used. */
void note_network(void);

/* Names of the machine or its users, or the number of CPUs, were asked for. */
void note_host(enum obs_host what);

/* The program set this attribute of a file.  note_times: unless it set the
 * times to now.  ARE_SPECS: TIMES is an array of two timespecs, which may say
 * so; NULL means now. */
void note_sets(enum obs_attribute what);
void note_times(const struct timespec *times, int are_specs);

/* This of the file NAME in FD, or of FD itself if NAME is NULL, was asked. */
void note_ask(enum obs_ask what, int fd, const char *name);

/* The process ends in an orderly way. */
void note_end(void);

#endif
