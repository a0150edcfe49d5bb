/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TAIL_H
#define CLI_TAIL_H

/*
 * Writes the last LINES lines of the file PATH to stdout.  With FOLLOW also
 * what is added later, even if another file takes its place, until stdout is
 * closed.  0 or -errno.
 */
int tail_show(const char *path, int lines, int follow);

#endif
