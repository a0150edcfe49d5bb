/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_NEAREST_UNIT_H
#define SHIM_NEAREST_UNIT_H

struct buf;
struct digest;
struct invocation;

/*
 * What made a unit key another one.  Of each target of a package, and of each
 * of its runs, the parts of the last few keys that something was stored for
 * are remembered in ids/, so that a miss under a key nobody knows can name
 * the argument or variable that differs from the nearest.  Only misses pay.
 *
 * A package is told from others by name, version and directory; its targets
 * by crate, kind, and the directory below target.  Threads: one.
 */
void nearest_unit_remember(struct invocation *j, const struct digest *k0);

/*
 * Adds to OUT what differs from the nearest that is remembered, with " | "
 * between: ">A" and "<A" an argument that is there now, or was there; "V" a
 * variable; "T" the toolchain; "P" the build script's program; "M" how paths
 * are replaced; "D" what is declared in [inputs]; "C" what clippy is configured
 * by above the workspace; "O" where the outputs or the toolchain lie; "H"
 * cargo's own hash of the package and all below it; "R" only the order.
 * Nothing if none is known.
 */
void nearest_unit_compare(struct invocation *j, struct buf *out);

#endif
