/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_FETCH_H
#define DAEMON_FETCH_H

#include <stdint.h>

#include "base/buf.h"       /* allow: value */
#include "base/digest.h"    /* allow: value */
#include "daemon/mailbox.h" /* allow: value */
#include "work/flight.h"    /* allow: value */

struct prefetches;
struct services;

/*
 * Fetches from the remote, once for everybody who wants it: remote manifests by
 * K0 (hub.units), and packs by the key of their entry (hub.packs), which are
 * unpacked into the store. A fetch is a job of the queue; it parks while it
 * waits for the network.
 */

/* The VALUE of a successful flight. */
struct fetch_value {
	const struct buf *manifest; /* units: encoded, vetted */
	uint64_t bytes;             /* packs: as received */
};

/* Tells the poll loop the size of a pack as soon as it is known. */
struct fetch_size {
	struct mail mail;
	struct services *hub;
	struct digest key;
	uint64_t total;
	uint64_t rate; /* bytes a second, 0: not known */
};

/* Who knows of packs, and is told of them. */
struct fetch_ops {
	/* Bytes that the pack of the entry AT will have, 0: not known. */
	uint64_t (*expect)(const struct prefetches *p, const struct digest *at);
	/* Mail for the poll loop: a struct fetch_size, the receiver's. */
	void (*size)(struct mail *m);
	/* Any thread: the pack of the entry AT was fetched, or could not be. */
	void (*ended)(struct services *h, const struct digest *at, int result,
		      uint64_t bytes);
};

/* Makes the two tables of flights.  OPS is borrowed.  0 or -ENOMEM. */
int fetch_open(struct services *h, const struct fetch_ops *ops);

#endif
