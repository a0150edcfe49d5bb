/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdint.h>

/*
 * Every program of ours calls this first.  It deals with two settings of the
 * caller that must neither end the build nor damage the store:
 *
 *   - a limit on the size of files (RLIMIT_FSIZE): a write beyond it fails with
 *     EFBIG, as any write may fail, instead of killing us by SIGXFSZ.  The
 *     signal is caught, not ignored, so programs that we execute get it as we
 *     did;
 *   - closed standard descriptors: they become /dev/null, as in Rust's own
 *     programs.  Otherwise the next file that we open would be standard output.
 *
 * Call it before anything is opened and before there are threads.
 */
void process_begin(void);

/* The largest file that this process may write; UINT64_MAX: no limit. */
uint64_t process_file_max(void);

#endif
