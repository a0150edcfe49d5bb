/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_COMPILE_H
#define SHIM_COMPILE_H

struct invocation;

/*
 * A unit the store does not have: takes the compile lock, looks again, runs
 * the compiler under the observer and stores the result.  Ends the process
 * as the compiler ended.
 */
void compile_run(struct invocation *j) __attribute__((noreturn));

#endif
