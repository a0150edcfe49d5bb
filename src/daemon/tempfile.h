/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_TEMPFILE_H
#define DAEMON_TEMPFILE_H

struct store;

/* A file of S's tmp/ without a name, for reading and writing: it is gone with
 * its last descriptor.  The descriptor or -errno.  Threads: any. */
int tempfile_open(struct store *s);

#endif
