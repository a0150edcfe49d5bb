/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RUSTC_UNIT_STORE_H
#define SHIM_RUSTC_UNIT_STORE_H

#include "shim/kind.h" /* allow: value */

/*
 * Stores what a compile of a unit made: outputs as blobs, dep-info and
 * diagnostics in the entry.  Where outputs name a root all the same, the entry
 * is path-bound and a redirect lies where it would.  Threads: one.
 */
extern const struct kind_store unit_store;

/* What rustc's announcements call an output of ROLE (enum entry_role). */
const char *unit_emit_word(int role);

#endif
