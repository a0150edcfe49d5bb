/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_INPUT_TEXT_H
#define CLI_INPUT_TEXT_H

#include <stdbool.h>

struct buf;

/*
 * Turns reasons of events.log into plain words, with advice.
 * Pure.  Threads: any.
 */

/* Appends what an input of an input list (key/inputs.h) is: "file src/a.h of
 * the package", "variable CC".  RUN: of a build script's run. */
void input_text_item(const char *item, bool run, struct buf *out);

/* Appends lines, each with its end, that say why a unit, or with RUN a build
 * script's run, was not served for REASON.  "" is a reason, too: nothing like
 * it was known. */
void input_text_reason(const char *reason, bool run, struct buf *out);

#endif
