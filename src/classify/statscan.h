/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLASSIFY_STATSCAN_H
#define CLASSIFY_STATSCAN_H

struct elfimage;

/*
 * Which attributes of files a program or shared object uses: CLASSIFY_MODE,
 * CLASSIFY_TIMES, CLASSIFY_CLOCKS, CLASSIFY_OWNER, judged by the accessors of
 * std that it contains (the linker leaves out those that nobody calls).  Rust
 * code that calls stat itself uses all but CLASSIFY_CLOCKS.  CLASSIFY_OPAQUE:
 * the program is in another language or has no symbols.  Not seen is what
 * optimized code reads directly from std's stat buffer.  Threads: one.
 */
unsigned statscan_run(const struct elfimage *im, int is_program);

#endif
