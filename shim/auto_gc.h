/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_AUTO_GC_H
#define SHIM_AUTO_GC_H

#include <stdint.h>

struct invocation;

/*
 * After BYTES were stored: counts them, and starts `kache gc --auto` as a
 * process of its own if the store is past 110 % of its limit or was not
 * synced for 10 minutes.  A daemon of this store does both itself: where one
 * runs, 120 % and 20 minutes count.  Nothing is started while somebody sweeps.
 * It keeps nothing of the build: no descriptor, no directory, no process group.
 */
void auto_gc_after_store(struct invocation *j, uint64_t bytes);

#endif
