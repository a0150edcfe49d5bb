/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_GC_LOCK_H
#define STORE_GC_LOCK_H

/* Bytes of gc.lock: who sweeps the store, who sweeps directories of
 * incremental state, who reads blobs again. */
enum { LOCK_STORE, LOCK_INCREMENTAL, LOCK_SCRUB };

#endif
