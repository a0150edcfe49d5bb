/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_METADATA_H
#define PLAN_METADATA_H

#include <stddef.h>

struct packages;

/*
 * What `cargo metadata --format-version 1` prints (cargo-metadata(1)): its
 * "packages" and the dependencies of "resolve".  It knows features, which
 * Cargo.lock does not.  Pure.  Threads: any.
 */
enum { METADATA_MAX = 64 << 20 };

/*
 * Fills the empty OUT with the packages that are resolved; a dependency on
 * none of them is left out.  0; ERR_CORRUPT; ERR_TOOBIG; -ENOMEM.
 */
int metadata_parse(const char *text, size_t n, struct packages *out);

#endif
