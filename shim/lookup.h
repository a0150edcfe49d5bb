/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_LOOKUP_H
#define SHIM_LOOKUP_H

#include <stdbool.h>

struct invocation;

/*
 * Looks the unit up in the local store: each input list of its manifest, newest
 * first, then the same unit built without -C incremental.  On a hit all
 * outputs are restored and the artifact lines and diagnostics written.
 * No lock, no child.  True: served, exit 0.  Sets j->k1 and the like.
 */
bool lookup(struct invocation *j);

#endif
