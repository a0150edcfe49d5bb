/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_REQUESTS_H
#define DAEMON_REQUESTS_H

#include <stdint.h>

struct conn;
struct mail;
struct message;

/*
 * What the daemon does with a message (src/wire/PROTOCOL), and with the
 * questions that wait for the network.  Answers come by mail; none of this
 * touches disk or network itself.  Threads: the poll loop's only.
 */
extern const struct conn_ops requests_ops;

/* A fetch_size: whoever waits for a pack that cannot be here in time is
 * told so at once.  Frees it. */
void requests_size(struct mail *m);

#endif
