/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_INPUT_TEXT_H
#define CLI_INPUT_TEXT_H

#include <stdbool.h>

struct buf;

/*
 * Reasons in events.log in plain words, with what can be done about them.
 * Pure.  Threads: any.
 */

/* Appends what an input of an input list (key/inputs.h) is: "file src/a.h of
 * the package", "variable CC".  RUN: of a build script's run. */
void input_text_item(const char *item, bool run, struct buf *out);

/* Appends lines, each with its end, that say what REASON means for a unit, or
 * with RUN for a build script's run, that was not served.  "" is a reason,
 * too: nothing like it was known. */
void input_text_reason(const char *reason, bool run, struct buf *out);

#endif
