/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PARTS_H
#define DAEMON_PARTS_H

struct config;
struct services;

/*
 * Makes the parts of the daemon and introduces them to each other: who is told
 * when a build begins, a pack arrives or a client asks.
 * Threads: the poll loop's.
 */

/* Fills the services and the parts of H.  0 or -errno, after which the program
 * ends. */
int parts_open(struct services *h, const struct config *c);

/* The orderly end of all that parts_open made; the remote has ended its
 * operations. */
void parts_close(struct services *h);

#endif
