/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SYNC_H
#define STORE_SYNC_H

struct digest_cache;
struct store;

/*
 * Brings the file system of S to the disk and notes the time in M: what was
 * stored before is believed after a power cut.  May take long, so it is for
 * the daemon and `kache gc`, never for a build.  Failure changes nothing.
 * Threads: any.
 */
void store_sync(struct store *s, struct digest_cache *m);

#endif
