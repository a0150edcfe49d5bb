/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_NEAREST_UNIT_H
#define SHIM_NEAREST_UNIT_H

struct buf;
struct digest;
struct invocation;

/*
 * Why a unit key is not known.  Of each target of a package, and of each of
 * its runs, the parts of the last few keys that something was stored for
 * (key/key_parts) are remembered in ids/, so that a miss under a new key can
 * name what differs from the nearest.  Only misses pay.
 *
 * A package is told from others by name, version and directory; its targets
 * by crate, kind, and the directory below target.  Threads: one.
 */
void nearest_unit_remember(struct invocation *j, const struct digest *k0);

/*
 * Appends to OUT what differs from the nearest key that is remembered, as
 * key_parts_differ says it; "!" if this very key is; nothing if none is.
 */
void nearest_unit_compare(struct invocation *j, struct buf *out);

#endif
