/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_TIDY_H
#define SHIM_TIDY_H

#include <stdint.h>

struct job;

/*
 * After BYTES were stored: counts them, and starts `kache gc --auto` as a
 * process of its own if the store is past 110 % of its limit or was not
 * synced for 10 minutes.  A daemon of this store does both itself: where one
 * runs, 120 % and 20 minutes count.  Nothing is started while somebody sweeps.
 * It keeps nothing of the build: no descriptor, no directory, no process group.
 */
void tidy_after_store(struct job *j, uint64_t bytes);

#endif
