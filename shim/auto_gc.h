/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_AUTO_GC_H
#define SHIM_AUTO_GC_H

#include <stdint.h>

struct invocation;

/*
 * Counts BYTES as stored. Starts `kache gc --auto` as a detached process if the
 * store is past 110 % of its limit or has not been synced for 10 minutes. Where
 * a daemon of this store runs, which does both itself, the thresholds are 120 %
 * and 20 minutes. Starts nothing while a sweep runs. The process inherits
 * nothing of the build: no descriptor, directory or process group.
 */
void auto_gc_after_store(struct invocation *j, uint64_t bytes);

#endif
