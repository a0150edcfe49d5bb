/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_REQUESTS_H
#define DAEMON_REQUESTS_H

#include <stdint.h>

struct conn;
struct mail;
struct message;

/* Answers the clients' messages (src/wire/PROTOCOL). Questions that need the
 * network are answered later, by mail; nothing here touches disk or network
 * itself. Threads: the poll loop's only. */
extern const struct conn_ops requests_ops;

/* Receives a fetch_size: clients that wait for a pack that cannot arrive in
 * time are told at once. Frees it. */
void requests_size(struct mail *m);

#endif
