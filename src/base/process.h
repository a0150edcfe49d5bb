/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdint.h>

/*
 * What every program of ours does first.  Two things that whoever starts us
 * may have arranged otherwise must not end the build or damage the store:
 *
 *   - a limit for the size of files (RLIMIT_FSIZE): a write beyond it fails
 *     with EFBIG as any write may fail, instead of SIGXFSZ ending us.  The
 *     signal is caught, not ignored, so programs that we execute have it as
 *     we got it;
 *   - standard descriptors that are closed: they are /dev/null from here on,
 *     as Rust's own programs do it.  Otherwise the next file that we open
 *     would be standard output.
 *
 * Call it before anything is opened.  Threads: none yet.
 */
void process_begin(void);

/* The largest file that this process may write; UINT64_MAX: no limit. */
uint64_t process_file_max(void);

#endif
