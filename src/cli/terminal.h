/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Numbers and text as people read them.  No colour, no cursor: output is the
 * same into a file.  Threads: any.
 */
enum { TERMINAL_TEXT = 24 };

/* `512`, `1.5K`, `12M`, `1.2G`: the syntax kache.ini takes. */
const char *terminal_size(uint64_t bytes, char out[TERMINAL_TEXT]);

/* `340 us`, `12 ms`, `3.4 s`, `5 min 12 s`, `2 h 05 min`. */
const char *terminal_time(uint64_t us, char out[TERMINAL_TEXT]);

/* Writes S as a JSON string, quotes included.  Bytes that are not UTF-8
 * become U+FFFD. */
void terminal_json(FILE *to, const char *s);

/* The same as a pair of an object that has more: "NAME": "S", . */
void terminal_json_pair(FILE *to, const char *name, const char *s);

#endif
