/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_BUILD_SCRIPT_STORE_H
#define SHIM_BUILD_SCRIPT_STORE_H

#include <stdint.h>

#include "shim/kind.h" /* allow: value */

struct invocation;

/*
 * Stores what a build script did: OUT_DIR as an archive, what the script said
 * in the entry, and a witness of where else the result holds (key/witness.h).
 * Threads: one.
 */
extern const struct kind_store build_script_store;

/* The mode of OUT_DIR itself; 0 if it is not there. */
uint32_t build_script_out_mode(const struct invocation *j);

#endif
