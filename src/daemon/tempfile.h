/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TEMPFILE_H
#define DAEMON_TEMPFILE_H

struct store;

/* Creates a nameless file in S's tmp/ for reading and writing; it vanishes with
 * its last descriptor. The descriptor or -errno. Threads: any. */
int tempfile_open(struct store *s);

#endif
