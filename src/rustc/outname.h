/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUSTC_OUTNAME_H
#define RUSTC_OUTNAME_H

#include <stdbool.h>

/*
 * NAME is what rustc calls an output of the crate CRATE with the extra part
 * EXTRA (-C extra-filename, or ""): both, with or without `lib` before, and
 * behind them nothing or a dot and more.  A crate may itself be called l, li
 * or lib.  Pure.  Threads: any.
 */
bool outname_fits(const char *crate, const char *extra, const char *name);

#endif
