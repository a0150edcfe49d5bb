/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_REPORT_H
#define DAEMON_REPORT_H

#include <stddef.h>

struct buf;
struct services;

/* Appends the lines of REPORT, each "name=value" with a NUL, and returns their
 * number. Threads: the poll loop's. */
size_t report_lines(struct services *h, struct buf *out);

#endif
