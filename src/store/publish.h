/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PUBLISH_H
#define STORE_PUBLISH_H

struct digest;
struct entry;
struct digest_cache;
struct store;

/*
 * The last step of storing a result: publishes E at KEY, then checks whether a
 * sweep that began earlier took a blob that E names, and makes such a blob
 * again from PATHS[i], the file that output i was stored from.  See FORMAT,
 * "Store and sweep".
 * 0; ERR_CHANGED if a file is no longer what was stored; or -errno.
 * Threads: any.
 */
int publish_entry(struct store *s, struct digest_cache *m,
		  const struct digest *key, const struct entry *e,
		  const char *const *paths);

#endif
