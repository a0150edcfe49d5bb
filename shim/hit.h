/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_HIT_H
#define SHIM_HIT_H

#include <stdbool.h>

struct job;

/*
 * Looks the unit up in the local store: each shape of its manifest, newest
 * first, then the same unit built without -C incremental.  On a hit all
 * outputs are restored and the artifact lines and diagnostics written.
 * No lock, no child.  True: served, exit 0.  Sets j->k1 and the like.
 */
bool hit_try(struct job *j);

#endif
