/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLASSIFY_STATSCAN_H
#define CLASSIFY_STATSCAN_H

struct elfimage;

/*
 * Which attributes of files the code of a program or shared object makes use
 * of: CLASSIFY_MODE, CLASSIFY_TIMES, CLASSIFY_CLOCKS, CLASSIFY_OWNER, by the
 * functions of std that tell them (the linker leaves out what nobody calls);
 * all but CLASSIFY_CLOCKS for Rust code that calls stat itself.
 * CLASSIFY_OPAQUE: a program whose code does not tell, in another language or
 * without symbols.  What optimized code takes out of a stat in place is not
 * seen.
 */
unsigned statscan_run(const struct elfimage *im, int is_program);

#endif
