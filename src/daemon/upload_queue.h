/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_UPLOAD_QUEUE_H
#define DAEMON_UPLOAD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest;
struct services;
struct uploads;

/*
 * The upload queue. Each intent of the spool becomes a background job that
 * packs the entry, uploads the pack, makes the remote's manifest name it, and
 * retires the intent. The spool is the truth: whatever is forgotten here is
 * found there again.
 */

/* Sets h->uploads.  0 or -ENOMEM. */
int upload_queue_open(struct services *h);
void upload_queue_close(struct uploads *u);

/* There is an intent for AT.  Threads: any. */
void upload_queue_add(struct uploads *u, const struct digest *at);

/* Reads the spool again, in the background. */
void upload_queue_scan(struct uploads *u);

/* Forgets pauses: somebody waits for the end. */
void upload_queue_hurry(struct uploads *u);

/* How many are waiting or in progress; and whether none of them can proceed
 * now: no remote, not writable, or paused after failures. */
size_t upload_queue_left(struct uploads *u);
bool upload_queue_stuck(struct uploads *u);
size_t upload_queue_active(struct uploads *u);

/* Starts what may start, and wakes what has paused long enough. Returns when to
 * call it again (monotonic ns); 0: when something changes. The poll loop's. */
int64_t upload_queue_tick(struct uploads *u, int64_t now);

/* Begins no more; with CANCEL, ends what is under way. */
void upload_queue_stop(struct uploads *u, bool cancel);

#endif
